// The annotator's desk: the guideline's tree is walked here, at the keystroke and without a request.
// All questions are in the page, all but one hidden. An answer's button says in data-next where it leads:
// "question:type" is shown at once; "label:E" and "skip:reason" end the walk and the form is posted.
// Sending, and what happens when that fails, is deliver.js; that a half walk is not lost, and the pair neither,
// is draft.js. Without these scripts each answer is posted.
"use strict";

(() => {
  const find = (selector) => document.querySelector(selector);
  const busy = () => find("#desk").ariaBusy === "true";

  // The walk ------------------------------------------------------------------------------------------

  const pathInput = () => find('#walk input[name="path"]');
  const stepsOf = (path) => (path ? path.split(",") : []);
  const answerOf = (step) => find(`#walk button[name="answer"][value="${CSS.escape(step)}"]`);
  const tell = (path) => document.dispatchEvent(new CustomEvent("desk:walked", { detail: { path } }));

  function questionAfter(path) {
    const last = stepsOf(path).at(-1);
    if (!last) return find("#walk .question").dataset.question;
    return answerOf(last).dataset.next.replace("question:", "");
  }

  function trailItem(step, before) {
    const item = find("#trail-step").content.cloneNode(true);
    item.querySelector("button").value = before;
    [item.querySelector("span").textContent] = step.split(":");
    item.querySelector("b").textContent = answerOf(step).lastElementChild.textContent;
    return item;
  }

  function drawTrail(path) {
    const steps = stepsOf(path);
    const trail = find("#walk .trail");
    trail.replaceChildren(...steps.map((step, index) => trailItem(step, steps.slice(0, index).join(","))));
    trail.scrollLeft = trail.scrollWidth;
    const back = find("#walk .back");
    back.value = steps.slice(0, -1).join(",");
    back.disabled = steps.length === 0;
  }

  function show(path, marked) {
    const current = questionAfter(path);
    pathInput().value = path;
    for (const section of document.querySelectorAll("#walk [data-question]")) {
      section.hidden = section.dataset.question !== current;
      for (const button of section.querySelectorAll(".answer")) button.classList.toggle("before", button.value === marked);
    }
    for (const help of document.querySelectorAll("[data-help]")) help.hidden = help.dataset.help !== current;
    drawTrail(path);
  }

  function ask(path) {
    show(path, stepsOf(pathInput().value)[stepsOf(path).length]);
    tell(path);
    focusQuestion();
  }

  function focusQuestion() {
    find("#walk .question:not([hidden]) h2")?.focus({ preventScroll: true });
  }

  function take(button) {
    const { next } = button.dataset;
    const path = [...stepsOf(pathInput().value), button.value].join(",");
    if (!next.startsWith("question:")) {
      button.classList.add("chosen");
      tell(path);
      return false;
    }
    ask(path);
    giveStanding(path);
    return true;
  }

  // Where one question of an old walk is asked again, the answers after it that still hold are given by themselves.
  function giveStanding(path) {
    const here = questionAfter(path);
    const step = stepsOf(find("#desk").dataset.standing ?? "").find((one) => one.split(":")[0] === here);
    if (step) answerOf(step).click();
  }

  // A draft goes as far as it fits; of a whole walk the last answer is marked.
  function resume(draft) {
    const steps = stepsOf(draft);
    let taken = 0;
    let path = "";
    while (taken < steps.length) {
      const button = answerOf(steps[taken]);
      const fits = button && button.closest("[data-question]").dataset.question === questionAfter(path);
      if (!fits || !button.dataset.next.startsWith("question:")) break;
      taken += 1;
      path = steps.slice(0, taken).join(",");
    }
    show(path, steps[taken]);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#desk button");
    if (!button) return;
    if (busy()) event.preventDefault();
    else if (button.name === "path") {
      event.preventDefault();
      ask(button.value);
    } else if (button.name === "answer" && take(button)) event.preventDefault();
    else if (button.name === "reason") button.classList.add("chosen");
  });

  // The guideline, over the desk ----------------------------------------------------------------------

  const guide = () => find("#guide");

  async function loadGuide(url) {
    const inside = find("#guide-inside");
    if (inside.dataset.loaded) return;
    await htmx.ajax("GET", url, { target: "#guide-inside", swap: "innerHTML" }).catch(() => {});
    if (inside.querySelector(".node")) inside.dataset.loaded = "yes";
    else inside.textContent = inside.dataset.failed;
  }

  function openAtQuestion() {
    const current = find("#walk .question:not([hidden])")?.dataset.question;
    for (const node of document.querySelectorAll("#guide .node[data-asked]")) delete node.dataset.asked;
    const node = current && find(`#guide #question-${CSS.escape(current)}`);
    if (!node) return;
    node.dataset.asked = "yes";
    const fold = node.querySelector(":scope > details");
    if (fold) fold.open = true;
    node.scrollIntoView({ block: "start" });
  }

  async function openGuide() {
    const link = find("#to-guide");
    if (!guide() || !link) return;
    guide().showModal();
    await loadGuide(link.getAttribute("href").split("#")[0]);
    openAtQuestion();
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("#to-guide") && guide() && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      openGuide();
    }
    // A click beside the dialog falls on the dialog itself.
    if (event.target.closest("#guide [data-close]") || event.target === guide()) guide().close();
  });

  guide()?.addEventListener("close", focusQuestion);

  // The keys ------------------------------------------------------------------------------------------

  const typing = (target) => target.closest("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])");
  const keysAreOn = () => find("#keys-on")?.checked !== false;
  const keysInUse = () => JSON.parse(find("[data-keys]")?.dataset.keys ?? "{}");

  // A kana or Cyrillic keyboard sends another character from the same key.
  const plain = (key) => (key.length === 1 ? key.toLowerCase() : key);
  const namesOf = (event) => [
    plain(event.key),
    ...(/^[^ -~]$/u.test(event.key) ? [event.code.replace(/^Key|^Digit/, "").toLowerCase()] : []),
  ];

  function openSkip(open) {
    const skip = find("#skip");
    if (!skip) return;
    skip.open = open;
    if (open) skip.querySelector(".answer").focus();
    else skip.querySelector("summary").focus();
  }

  const examples = () => find("[data-help]:not([hidden]) details");

  function openExamples(open) {
    if (!examples()) return;
    examples().open = open;
    if (!open) return focusQuestion();
    examples().querySelector("summary").focus({ preventScroll: true });
    examples().scrollIntoView({ block: "nearest" });
  }

  function toggleKeys() {
    const keys = find("#keys");
    if (keys) keys.open = !keys.open;
  }

  function answerFor(key) {
    const answers = [...document.querySelectorAll(find("#skip[open]") ? "#skip .answer" : "#walk .question:not([hidden]) .answer")];
    return /^[1-9]$/.test(key) ? answers[key - 1] : answers.find((button) => button.dataset.keycap === key);
  }

  const actions = {
    keys: toggleKeys,
    examples: () => openExamples(!examples()?.open),
    guideline: openGuide,
    skip: () => openSkip(!find("#skip")?.open),
    undo: () => find("#undo")?.click(),
    ask: () => find("#desk .ask-lead")?.click(),
    back: () => (find("#skip[open]") ? openSkip(false) : find("#walk .back")?.click()),
  };

  function actFor(key) {
    const [name] = Object.entries(keysInUse()).find(([action, used]) => used === key && actions[action]) ?? [];
    if (name) return actions[name];
    const answer = answerFor(key);
    return answer && (() => answer.click());
  }

  function escape() {
    if (find("#skip[open]")) openSkip(false);
    else if (examples()?.open) openExamples(false);
  }

  document.addEventListener("keydown", (event) => {
    // 229 is what a key is called while an input method composes with it.
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("#walk textarea")) {
      if (!busy()) event.target.form.requestSubmit();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (guide()?.open) {
      if (namesOf(event).includes(keysInUse().guideline) && keysAreOn()) guide().close();
      return;
    }
    if (find("dialog[open]")) return;
    if (event.key === "Escape") return escape();
    if (typing(event.target) || !keysAreOn()) return;
    const act = namesOf(event).map(actFor).find(Boolean);
    if (!act) return;
    event.preventDefault();
    // While an answer is on its way a key must not fall on a pair that nobody has seen yet.
    if (!busy()) act();
  });

  function rememberKeys() {
    const box = find("#keys-on");
    if (!box) return;
    box.closest("[data-needs-script]").hidden = false;
    try {
      box.checked = localStorage.getItem("keys") !== "off";
      box.addEventListener("change", () => localStorage.setItem("keys", box.checked ? "on" : "off"));
    } catch {
      // Without storage the choice holds until the next pair.
    }
  }

  // A pair arrives ------------------------------------------------------------------------------------

  function arrive() {
    rememberKeys();
  }

  function announce() {
    const heading = find("#desk [data-first]") ?? find("#walk .question:not([hidden]) h2") ?? find("#desk :is(h1, h2)");
    scrollTo(0, 0);
    if (!heading.hasAttribute("tabindex")) heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    find("#said").textContent = find("#desk").dataset.said ?? heading.textContent;
  }

  document.addEventListener("desk:arrived", () => {
    arrive();
    announce();
  });

  document.addEventListener("desk:draft", (event) => resume(event.detail.path));

  arrive();
})();
