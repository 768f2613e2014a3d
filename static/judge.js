// The annotator's desk: the guideline's tree is walked here, at the keystroke and without a request.
// All questions are in the page, all but one hidden. An answer's button says in data-next where it leads:
// "question:type" is shown at once; "label:E" and "skip:reason" end the walk and the form is posted.
// Sending, and what happens when that fails, is deliver.js. Without these scripts each answer is posted.
"use strict";

(() => {
  const find = (selector) => document.querySelector(selector);
  const busy = () => find("#desk").ariaBusy === "true";

  // The walk ------------------------------------------------------------------------------------------

  const pathInput = () => find('#walk input[name="path"]');
  const stepsOf = (path) => (path ? path.split(",") : []);
  const answerOf = (step) => find(`#walk button[name="answer"][value="${CSS.escape(step)}"]`);

  function questionAfter(path) {
    const last = stepsOf(path).at(-1);
    if (!last) return find("#walk .question").dataset.question;
    return answerOf(last).dataset.next.replace("question:", "");
  }

  function stepButton(step, before) {
    const [id] = step.split(":");
    const button = document.createElement("button");
    Object.assign(button, { name: "path", value: before, title: "Change this answer" });
    const question = Object.assign(document.createElement("span"), { textContent: id });
    const answer = document.createElement("b");
    answer.textContent = answerOf(step).lastElementChild.textContent;
    button.append(question, " ", answer);
    return button;
  }

  function drawTrail(path) {
    const steps = stepsOf(path);
    const items = steps.map((step, index) => {
      const item = document.createElement("li");
      item.append(stepButton(step, steps.slice(0, index).join(",")));
      return item;
    });
    const trail = find("#walk .trail");
    trail.replaceChildren(...items);
    trail.scrollLeft = trail.scrollWidth;
    const back = find("#walk .back");
    back.value = steps.slice(0, -1).join(",");
    back.disabled = steps.length === 0;
  }

  function ask(path) {
    const left = stepsOf(pathInput().value)[stepsOf(path).length];
    const current = questionAfter(path);
    pathInput().value = path;
    for (const section of document.querySelectorAll("#walk [data-question]")) {
      section.hidden = section.dataset.question !== current;
      for (const button of section.querySelectorAll(".answer")) button.classList.toggle("before", button.value === left);
    }
    for (const help of document.querySelectorAll("[data-help]")) help.hidden = help.dataset.help !== current;
    drawTrail(path);
    find(`[data-question="${CSS.escape(current)}"] h2`).focus({ preventScroll: true });
  }

  function take(button) {
    const { next } = button.dataset;
    if (!next.startsWith("question:")) {
      button.classList.add("chosen");
      return false;
    }
    ask([...stepsOf(pathInput().value), button.value].join(","));
    return true;
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

  // The keys ------------------------------------------------------------------------------------------

  const typing = (target) => target.closest("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])");
  const keysAreOn = () => find("#keys-on")?.checked !== false;

  // A kana or Cyrillic keyboard sends another character from the same key.
  const keyOf = (event) => (/^[^ -~]$/u.test(event.key) ? event.code.replace(/^Key|^Digit/, "") : event.key).toLowerCase();

  function openSkip(open) {
    const skip = find("#skip");
    if (!skip) return;
    skip.open = open;
    if (open) skip.querySelector(".answer").focus();
    else skip.querySelector("summary").focus();
  }

  function toggleHelp() {
    const examples = find("[data-help]:not([hidden]) details");
    if (examples) examples.open = !examples.open;
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
    "?": toggleKeys,
    h: toggleHelp,
    s: () => openSkip(!find("#skip")?.open),
    u: () => find("#undo")?.click(),
    backspace: () => (find("#skip[open]") ? openSkip(false) : find("#walk .back")?.click()),
  };

  document.addEventListener("keydown", (event) => {
    // 229 is what a key is called while an input method composes with it.
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === "Escape" && find("#skip[open]")) return openSkip(false);
    if (typing(event.target) || !keysAreOn()) return;
    const key = keyOf(event);
    const act = actions[key] ?? (answerFor(key) && (() => answerFor(key).click()));
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
    const pair = find("#desk .pair");
    const heading = find("#walk .question:not([hidden]) h2") ?? find("#desk h1");
    scrollTo(0, 0);
    heading.focus({ preventScroll: true });
    const product = pair?.querySelector(".product h3").textContent;
    find("#said").textContent = pair ? `Next pair. Query: ${pair.dataset.query}. Product: ${product}.` : "Nothing is waiting.";
  }

  document.addEventListener("desk:arrived", () => {
    arrive();
    announce();
  });

  arrive();
})();
