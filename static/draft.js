// Keeps what is on the desk: the half walk, and the pair's lease.
// Every step is written to this browser's storage at once, so that it survives a reload and a crash, and is sent to
// the server now and then and on leaving, so that it is there on another device too. A walk at the usual pace is over
// before that, and costs no request but its submit.
// A page that is only out of sight, behind another tab, keeps its pair until the lease ends; one that is left gives
// it up.
"use strict";

(() => {
  const AFTER_CHANGE_MS = 15000;
  const WHILE_OPEN_MS = 60000;
  const AFTER_BEACON_MS = 2000;
  const MANY = 50;

  const desk = () => document.getElementById("desk");
  const walk = () => document.getElementById("walk");
  const note = () => document.getElementById("skip-note");
  const visible = () => document.visibilityState === "visible";

  // {path, known, note, seconds, at}: `known` are the drafts that the server may have from this page, `at` is when
  // it was written.
  let kept = null;
  let timer = 0;
  let turn = 0; // when the server hears of this page at the latest
  let left = false;
  let since = 0; // when this desk came into view, or 0 while it is out of sight

  // In this browser -----------------------------------------------------------------------------------

  const place = () => `walk:${document.body.dataset.user}:${location.pathname}:`;
  const name = () => `${place()}${desk().dataset.pair}:${walk().elements.guideline.value}`;

  function write() {
    if (!kept || !walk()) return;
    kept.at = Date.now();
    try {
      localStorage.setItem(name(), JSON.stringify(kept));
    } catch {
      // The page itself still holds it, and the server will.
    }
  }

  function read(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  }

  // Of many of the rest the oldest go too.
  function forget(key) {
    try {
      localStorage.removeItem(key);
      const rest = Object.keys(localStorage).filter((other) => other.startsWith(place()));
      const byAge = rest.map((other) => [read(other)?.at ?? 0, other]).sort(([one], [other]) => other - one);
      for (const [, old] of byAge.slice(MANY)) localStorage.removeItem(old);
    } catch {
      // Nothing was kept, then.
    }
  }

  // What is here wins, unless the server has a draft that this browser never saw: then another device went on.
  function restore() {
    const draft = desk().dataset.draft ?? "";
    const own = read(name());
    const goesOn = own && (own.known.includes(draft) || own.path === draft);
    kept = goesOn ? own : { path: draft, known: [], note: "", seconds: 0 };
    if (!kept.known.includes(draft)) kept.known.push(draft);
    if (kept.path !== walk().elements.path.value && kept.path !== draft) {
      document.dispatchEvent(new CustomEvent("desk:draft", { detail: { path: kept.path } }));
    }
    if (note() && kept.note) note().value = kept.note;
  }

  // On the server -------------------------------------------------------------------------------------

  const isBusy = () => desk().ariaBusy === "true";
  const canKeep = () => Boolean(desk().dataset.keep && walk() && kept && !isBusy());

  function form() {
    const { pair, key } = desk().dataset;
    const sent = new FormData();
    const token = walk().elements.csrfmiddlewaretoken.value;
    for (const [field, value] of Object.entries({ pair, key, path: kept.path, csrfmiddlewaretoken: token })) sent.set(field, value);
    return sent;
  }

  function wait(ms) {
    clearTimeout(timer);
    timer = desk().dataset.keep ? setTimeout(keep, Math.min(ms, Math.max(0, turn - Date.now()))) : 0;
  }

  function nextTurn(ms) {
    turn = Date.now() + ms;
    wait(ms);
  }

  function noteKnown(path) {
    if (!kept.known.includes(path)) kept.known.push(path);
    write();
  }

  function keep() {
    nextTurn(WHILE_OPEN_MS);
    if (visible()) renew();
  }

  async function renew() {
    if (!canKeep()) return;
    const { key, keep: url } = desk().dataset;
    noteKnown(kept.path);
    try {
      const reply = await fetch(url, { method: "POST", body: form() });
      if (!reply.ok || reply.redirected) return;
      const { held } = await reply.json();
      const lost = document.getElementById("lost");
      if (lost && desk().dataset.key === key && !isBusy()) lost.hidden = held;
    } catch {
      // The walk is kept here; the next turn tries again.
    }
  }

  function part(url) {
    pause();
    write();
    if (left || !canKeep()) return false;
    noteKnown(kept.path);
    return navigator.sendBeacon(url, form());
  }

  // A page that is left goes out of sight too, and must not take its pair back then.
  const hide = () => part(desk().dataset.keep);

  function leave() {
    if (!part(desk().dataset.leave)) return;
    left = true;
    others.postMessage({ left: desk().dataset.key });
  }

  // Two tabs show one pair under one key: where one is left, the other still holds it, and says so after the beacon.
  const others = new BroadcastChannel("desk");
  others.addEventListener("message", ({ data }) => {
    if (!left && data.left === desk().dataset.key) setTimeout(renew, AFTER_BEACON_MS);
  });

  // How long the pair is looked at --------------------------------------------------------------------

  function pause() {
    if (kept && since) kept.seconds += (Date.now() - since) / 1000;
    since = 0;
  }

  function goOn() {
    left = false;
    if (!since) since = Date.now();
  }

  // The life of a desk --------------------------------------------------------------------------------

  let here = ""; // the name under which this desk's walk is kept

  function arrive(firstKeep) {
    clearTimeout(timer);
    kept = null;
    since = 0;
    if (!walk()?.elements?.guideline) return; // a card that says what became of the pair has no form
    here = name();
    restore();
    if (visible()) goOn();
    nextTurn(firstKeep);
  }

  document.addEventListener("desk:walked", (event) => {
    if (!kept) return;
    kept.path = event.detail.path;
    write();
    wait(AFTER_CHANGE_MS);
  });

  document.addEventListener("input", (event) => {
    if (!kept || event.target !== note()) return;
    kept.note = event.target.value;
    write();
  });

  document.addEventListener("htmx:configRequest", (event) => {
    const { formData } = event.detail;
    if (event.detail.target?.id !== "desk" || !kept || !formData.has("guideline") || formData.has("seconds")) return;
    pause();
    goOn();
    formData.set("seconds", kept.seconds.toFixed(1));
  });

  document.addEventListener("visibilitychange", () => {
    if (!visible()) return hide();
    goOn();
    if (canKeep()) keep();
  });
  window.addEventListener("pagehide", leave);

  document.addEventListener("desk:arrived", (event) => {
    // The walk that was just sent is over; the one that an undo interrupted may come again.
    if (!event.detail.undone) forget(here);
    arrive(WHILE_OPEN_MS);
  });

  // The beacon of the page before may come after this page's own request: renew soon.
  arrive(AFTER_CHANGE_MS);
})();
