// The shelf: all products of a query, each with its own small walk through the guideline's tree.
// The questions are in one template; a card shows the one it has come to. An answer's button says in data-next where
// it leads: "question:type" is shown at once; "label:E" and "skip:reason" end the walk and the card is sent, while the
// person is at the next one already. What is sent is kept in the browser until the server has said that it has it,
// and sent again with the same key, so that it counts once. Without this script each answer is posted.
"use strict";

(() => {
  const WAIT_MS = [1000, 2000, 4000, 8000, 15000];
  const TIMEOUT_MS = 10000;
  const LOOK_MS = 5000; // how often it is looked whether there is something to keep
  const KEEP_SOON_MS = 15000;
  const KEEP_MS = 60000;

  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const cards = () => all("#shelf .shelf-card");
  const active = () => find('.shelf-card[aria-current="true"]');
  const isOpen = (card) => card.dataset.state === "open" && !card.ariaBusy;
  const cardOf = (element) => element?.closest?.(".shelf-card");
  const field = (card, name) => find(`.shelf-walk input[name="${name}"]`, card);
  const keyOf = (card) => field(card, "key").value;
  const say = (name) => find(`template[data-say="${name}"]`).innerHTML;

  const storage = {
    get(name) {
      try {
        return localStorage.getItem(name);
      } catch {
        return null;
      }
    },
    set(name, value) {
      try {
        if (value === null) localStorage.removeItem(name);
        else localStorage.setItem(name, value);
      } catch {
        // The page itself still holds it.
      }
    },
    names(prefix) {
      try {
        return Object.keys(localStorage).filter((name) => name.startsWith(prefix));
      } catch {
        return [];
      }
    },
  };

  // The walk of one product ---------------------------------------------------------------------------

  const stepsOf = (path) => (path ? path.split(",") : []);
  const questions = () => find("#questions").content;
  const answerOf = (step) => find(`button[value="${CSS.escape(step)}"]`, questions());

  function questionAfter(path) {
    const last = stepsOf(path).at(-1);
    if (!last) return find("[data-question]", questions()).dataset.question;
    return answerOf(last)?.dataset.next.replace("question:", "");
  }

  function stepItem(step, before) {
    const button = document.createElement("button");
    Object.assign(button, { name: "path", value: before });
    const question = Object.assign(document.createElement("span"), { textContent: step.split(":")[0] });
    const answer = Object.assign(document.createElement("b"), { textContent: answerOf(step).lastElementChild.textContent });
    button.append(question, " ", answer);
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  function drawTrail(card, path) {
    const steps = stepsOf(path);
    const trail = find(".trail", card);
    trail.replaceChildren(...steps.map((step, at) => stepItem(step, steps.slice(0, at).join(","))));
    trail.scrollLeft = trail.scrollWidth;
    const back = find(".back", card);
    back.value = steps.slice(0, -1).join(",");
    back.disabled = steps.length === 0;
  }

  function ask(card, path) {
    const left = stepsOf(field(card, "path").value)[stepsOf(path).length];
    const question = find(`[data-question="${CSS.escape(questionAfter(path) ?? "")}"]`, questions());
    if (!question) return;
    const shown = question.cloneNode(true);
    for (const button of all(".answer", shown)) button.classList.toggle("before", button.value === left);
    find(".shelf-question", card).replaceWith(shown);
    field(card, "path").value = path;
    drawTrail(card, path);
  }

  function walkTo(card, path) {
    ask(card, path);
    remember(card, path);
    find(".shelf-question h4", card).focus({ preventScroll: true });
  }

  function answer(card, button) {
    const path = [...stepsOf(field(card, "path").value), button.value].join(",");
    if (button.dataset.next.startsWith("question:")) return walkTo(card, path);
    button.classList.add("chosen");
    return submit(card, new FormData(find(".shelf-walk", card)), { path });
  }

  // Which card has the keys ---------------------------------------------------------------------------

  let lookedAt = performance.now();
  const looked = new WeakMap(); // card: milliseconds in front of somebody's eyes

  function countLook() {
    const now = performance.now();
    const card = active();
    if (card && !document.hidden) looked.set(card, (looked.get(card) ?? 0) + now - lookedAt);
    lookedAt = now;
  }

  function activate(card, { focus = true } = {}) {
    countLook();
    if (card !== active()) {
      active()?.removeAttribute("aria-current");
      card.setAttribute("aria-current", "true");
    }
    if (!focus) return;
    (find(".shelf-question h4", card) ?? card).focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    const row = cards();
    const next = row[Math.min(row.length - 1, Math.max(0, row.indexOf(active()) + by))];
    if (next) activate(next);
  }

  function advance() {
    const row = cards();
    const at = row.indexOf(active());
    const next = [...row.slice(at + 1), ...row.slice(0, at + 1)].find(isOpen);
    if (next) activate(next);
    announce(next);
  }

  function announce(next) {
    const title = next && find("h3", next).textContent;
    find("#said").textContent = title ? `${say("next")} ${title}` : "";
  }

  function progress() {
    const row = cards();
    const done = row.filter((card) => card.dataset.state !== "open").length;
    find("[data-done]").textContent = done;
    countToday();
    const next = find("#next");
    const finished = row.length > 0 && done === row.length && unsent.size === 0;
    if (finished && next.hidden) find("#said").textContent = say("all");
    next.hidden = !finished;
  }

  let today = null; // what was done today without this shelf

  function countToday() {
    const shown = find("[data-today]");
    const here = cards().filter((card) => find("[data-said] .label", card)).length;
    today ??= Number(shown.dataset.today) - here;
    // As the server writes a thousand in the language of the page.
    const between = shown.dataset.thousand.slice(1, -3);
    const number = String(today + here).replace(/\B(?=(\d{3})+$)/g, between);
    shown.textContent = shown.textContent.replace(/\d([\d.,\s]*\d)?/, number);
    const undo = find("#undo");
    undo.disabled = !undo.form.elements.step.value && !cards().some((card) => card.dataset.at);
  }

  // Sending, until it has arrived ---------------------------------------------------------------------

  const UNSENT = "shelf-unsent:";
  const unsent = new Map(); // id: {url, user, target, values, tries, timer}: what the server has not confirmed yet
  let token = find('input[name="csrfmiddlewaretoken"]')?.value;

  function submit(card, form, changes) {
    countLook();
    const seconds = Math.round(looked.get(card) ?? 0) / 1000;
    const values = { ...Object.fromEntries(form), ...changes, seconds };
    remember(card, null);
    queue(card, values.key, values);
    advance();
  }

  function takeBack(card) {
    const form = find(".shelf-done", card);
    if (card.ariaBusy) return;
    activate(card);
    queue(card, form.elements.step.value, Object.fromEntries(new FormData(form)));
  }

  function queue(card, id, values) {
    const entry = { url: location.pathname, user: document.body.dataset.user, target: card.id, values };
    delete entry.values.csrfmiddlewaretoken;
    if (values.key) storage.set(UNSENT + id, JSON.stringify(entry));
    card.ariaBusy = "true";
    send(id, { ...entry, tries: 0 });
  }

  async function send(id, entry) {
    unsent.set(id, entry);
    clearTimeout(entry.timer);
    const problem = await deliver(entry);
    if (unsent.get(id) !== entry) return;
    if (problem === null) settle(id);
    else if (problem === "refused") {
      settle(id);
      reopen(entry);
      show("refused");
      return;
    } else retry(id, entry, problem);
    if (unsent.size === 0 && find("#trouble").dataset.shows !== "refused") show("");
    progress();
  }

  // Returns null when the server has it, else what went wrong.
  async function deliver({ url, target, values }) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "HX-Request": "true", "HX-Target": target, "X-CSRFToken": token },
        body: new URLSearchParams(values),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      if (response.ok && text.includes(`id="${target}"`)) return arrive(target, text);
      if (response.ok || response.status === 401 || response.status === 403) return "signed-out";
      return response.status >= 500 || response.status === 429 ? "server" : "refused";
    } catch {
      return "connection";
    }
  }

  function arrive(target, text) {
    const old = document.getElementById(target);
    if (!old) return null; // of a shelf that was put away meanwhile
    const hadKeys = old === active();
    const hadFocus = old.contains(document.activeElement);
    htmx.swap(`#${target}`, text, { swapStyle: "outerHTML" });
    const card = document.getElementById(target);
    if (hadKeys) activate(card, { focus: hadFocus || document.activeElement === document.body });
    return null;
  }

  function settle(id) {
    clearTimeout(unsent.get(id)?.timer);
    unsent.delete(id);
    storage.set(UNSENT + id, null);
  }

  function reopen({ target }) {
    const card = document.getElementById(target);
    if (!card) return;
    card.ariaBusy = null;
    for (const button of all(".chosen", card)) button.classList.remove("chosen");
  }

  function retry(id, entry, problem) {
    show(problem);
    if (problem === "signed-out") return;
    const wait = WAIT_MS[Math.min(entry.tries, WAIT_MS.length - 1)];
    entry.tries += 1;
    entry.timer = setTimeout(() => send(id, { ...entry }), wait);
  }

  function sendAll() {
    for (const [id, entry] of [...unsent]) {
      clearTimeout(entry.timer);
      send(id, { ...entry });
    }
  }

  function show(kind) {
    const box = find("#trouble");
    if (box.dataset.shows === kind) return; // said once, not at every try
    const sentence = find(`template[data-trouble="${kind}"]`);
    box.replaceChildren(...(sentence ? [sentence.content.cloneNode(true)] : []));
    box.dataset.shows = kind;
  }

  // After signing in anew the token in this page is void; the same page fetched again holds the new one.
  async function freshToken() {
    const reply = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const { user } = page.body.dataset;
    if (user && user !== document.body.dataset.user) throw new Error("somebody else");
    return find('input[name="csrfmiddlewaretoken"]', page)?.value ?? token;
  }

  async function sendAnew() {
    try {
      token = await freshToken();
    } catch (error) {
      // An answer is never sent in another name.
      return show(error.message === "somebody else" ? "somebody-else" : "connection");
    }
    return sendAll();
  }

  find("#trouble").addEventListener("click", (event) => {
    if (event.target.matches("[data-reload]")) return location.reload();
    if (!event.target.matches("[data-retry]")) return undefined;
    return event.target.dataset.retry === "anew" ? sendAnew() : sendAll();
  });

  function unsentAt(name) {
    try {
      return JSON.parse(storage.get(name));
    } catch {
      return null;
    }
  }

  // What somebody else has left here waits until they are back: an answer is never sent in another name.
  function takeUpUnsent() {
    for (const name of storage.names(UNSENT)) {
      const entry = unsentAt(name);
      if (!entry || entry.user !== document.body.dataset.user || entry.url !== location.pathname) continue;
      const card = document.getElementById(entry.target);
      if (card?.dataset.state === "open") card.ariaBusy = "true";
      send(name.slice(UNSENT.length), { ...entry, tries: 0 });
    }
  }

  // Keeping the leases and the half walks -------------------------------------------------------------

  const DRAFT = "shelf-draft:";
  let changed = true; // a page that is loaded again was left just before
  let keptAt = Date.now();

  function remember(card, path) {
    storage.set(DRAFT + keyOf(card), path);
    changed = true;
  }

  function takeUpDrafts() {
    for (const card of cards().filter(isOpen)) {
      const path = storage.get(DRAFT + keyOf(card));
      if (path !== null && path !== field(card, "path").value) ask(card, path);
    }
  }

  function kept() {
    const body = new URLSearchParams();
    for (const card of cards().filter(isOpen)) body.append("card", `${keyOf(card)}=${field(card, "path").value}`);
    return body;
  }

  async function keep() {
    const age = Date.now() - keptAt;
    const body = kept();
    if (!body.has("card") || age < (changed ? KEEP_SOON_MS : KEEP_MS)) return;
    [changed, keptAt] = [false, Date.now()];
    try {
      const reply = await fetch(find("#shelf").dataset.keep, { method: "POST", headers: { "X-CSRFToken": token }, body });
      if (!reply.ok) throw new Error(reply.statusText);
      for (const card of body.getAll("card")) {
        const [key, path] = card.split("=");
        if (storage.get(DRAFT + key) === path) storage.set(DRAFT + key, null);
      }
    } catch {
      changed = true; // nothing is lost: the next look tries again, and a submit needs no lease
    }
  }

  function leave() {
    const body = kept();
    if (!body.has("card")) return;
    body.append("leaving", "1");
    body.append("csrfmiddlewaretoken", token);
    navigator.sendBeacon(find("#shelf").dataset.keep, body);
  }

  setInterval(keep, LOOK_MS);
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", () => (changed = true));
  window.addEventListener("online", sendAll);
  window.addEventListener("beforeunload", (event) => {
    if ([...unsent.values()].some((entry) => entry.tries > 0)) event.preventDefault();
  });
  document.addEventListener("visibilitychange", countLook);

  // The mouse, and forms sent by Enter ----------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#shelf button");
    const card = cardOf(button);
    if (button?.id === "undo" && lastDone()) event.preventDefault();
    if (button?.id === "undo" && lastDone()) takeBack(lastDone());
    if (!card || !button.form) return;
    event.preventDefault();
    activate(card, { focus: false });
    if (card.ariaBusy) return;
    if (button.name === "answer") answer(card, button);
    else if (button.name === "path") walkTo(card, button.value);
    else if (button.name === "reason") skip(card, button);
    else if (button.matches(".change")) takeBack(card);
  });

  document.addEventListener("focusin", (event) => {
    const card = cardOf(event.target);
    if (card && card !== active()) activate(card, { focus: false });
  });

  function skip(card, button) {
    button.classList.add("chosen");
    submit(card, new FormData(button.form), { reason: button.value });
  }

  // The keys ------------------------------------------------------------------------------------------

  const typing = (target) => target.closest("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])");
  const keysAreOn = () => find("#keys-on")?.checked !== false;
  const openSkip = (card) => find(".shelf-skip[open]", card);

  const keysInUse = () => JSON.parse(find("#keys").dataset.keys);
  const plain = (key) => (key.length === 1 ? key.toLowerCase() : key);

  // A kana or Cyrillic keyboard sends another character from the same key.
  const namesOf = (event) => [
    plain(event.key),
    ...(/^[^ -~]$/u.test(event.key) ? [event.code.replace(/^Key|^Digit/, "").toLowerCase()] : []),
  ];

  function toggleSkip(card) {
    const skip = find(".shelf-skip", card);
    skip.open = !skip.open;
    find(skip.open ? ".answer" : "summary", skip).focus();
  }

  function lastDone() {
    const done = cards().filter((card) => card.dataset.at && !card.ariaBusy);
    return done.sort((one, other) => Number(other.dataset.at) - Number(one.dataset.at))[0];
  }

  function undo() {
    if (active()?.dataset.at) takeBack(active());
    else find("#undo").click();
  }

  function answerFor(card, key) {
    const skip = openSkip(card);
    const answers = all(".answer", skip ?? find(".shelf-question", card));
    return /^[1-9]$/.test(key) ? answers[key - 1] : answers.find((button) => button.dataset.keycap === key);
  }

  // What works anywhere on the shelf, and what needs an open card.
  const anywhere = {
    keys: () => (find("#keys").open = !find("#keys").open),
    next: () => step(1),
    previous: () => step(-1),
    undo,
  };
  const onOpenCard = {
    skip: toggleSkip,
    ask: (card) => find(".ask-lead", card).click(),
    examples: (card) => find(".shelf-help", card).toggleAttribute("open"),
    guideline: (card) => window.open(find(".to-guide", card).href, "_blank", "noopener"),
    back: (card) => (openSkip(card) ? toggleSkip(card) : find(".back", card).click()),
  };
  const ARROWS = { ArrowDown: "next", ArrowRight: "next", ArrowUp: "previous", ArrowLeft: "previous" };

  function actionFor(key) {
    if (key === "Enter") return find("#next").hidden ? null : () => find("#next").click();
    const name = Object.entries(keysInUse()).find(([, used]) => used === key)?.[0] ?? ARROWS[key];
    if (anywhere[name]) return anywhere[name];
    const card = active();
    if (!card || !isOpen(card)) return null;
    if (onOpenCard[name]) return () => onOpenCard[name](card);
    const button = answerFor(card, key);
    return button && (() => button.click());
  }

  document.addEventListener("keydown", (event) => {
    // 229 is what a key is called while an input method composes with it.
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || find("dialog[open]")) return;
    if (typing(event.target)) {
      if (event.key === "Escape" && cardOf(event.target)) toggleSkip(cardOf(event.target));
      return;
    }
    if (event.key === "Escape" && active() && openSkip(active())) return toggleSkip(active());
    if (!keysAreOn()) return;
    // Enter on a button or a link is that button's.
    if (event.key === "Enter" && event.target.closest("button, a, summary") && !event.target.matches(".change")) return;
    const act = namesOf(event).map(actionFor).find(Boolean);
    if (!act) return;
    event.preventDefault();
    act();
  });

  function rememberKeys() {
    const box = find("#keys-on");
    box.closest("[data-needs-script]").hidden = false;
    box.checked = storage.get("keys") !== "off";
    box.addEventListener("change", () => storage.set("keys", box.checked ? "on" : "off"));
  }

  // A shelf arrives -----------------------------------------------------------------------------------

  function begin() {
    rememberKeys();
    takeUpDrafts();
    const asked = location.hash.startsWith("#card-") ? find(`${location.hash}[data-state="open"]`) : null;
    const first = asked ?? cards().find(isOpen) ?? cards()[0];
    if (first) activate(first);
    progress();
  }

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.elt?.id !== "shelf" && event.detail.target?.id !== "shelf") return;
    scrollTo(0, 0);
    today = null;
    history.replaceState(null, "", location.pathname);
    changed = true;
    begin();
  });

  // The next query cannot be had without the server; the browser says best why it is away.
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => event.detail.target?.id === "shelf" && location.reload());
  }

  begin();
  takeUpUnsent();
})();
