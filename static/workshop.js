// The workshop: the text of a guideline's draft with line numbers, checked as it is written.
// What is not saved yet is kept in this browser, so that it survives a reload, a crash and signing in anew. A save
// names the text that it began with; the server refuses it over somebody else's newer text and shows both.
// Without this script the form is posted, and the page comes back with what is wrong.
"use strict";

(() => {
  const CHECK_AFTER_MS = 400;
  const INDENT = "  ";

  const find = (selector) => document.querySelector(selector);
  const workshop = () => find("#workshop");
  const text = () => find("#id_source");
  const note = () => find("#id_change_note");
  const base = () => find('#writing input[name="base"]');
  const editing = () => Boolean(text()) && !("conflict" in workshop().dataset);

  // Lines ---------------------------------------------------------------------------------------------

  function numberLines(area) {
    const gutter = area.previousElementSibling;
    const lines = area.value.split("\n").length;
    while (gutter.childElementCount > lines) gutter.lastElementChild.remove();
    for (let line = gutter.childElementCount + 1; line <= lines; line += 1) {
      gutter.append(Object.assign(document.createElement("span"), { textContent: line }));
    }
    gutter.scrollTop = area.scrollTop;
  }

  function markLines() {
    const wrong = new Set([...document.querySelectorAll("#checked [data-line]")].map((link) => Number(link.dataset.line)));
    [...find("#source .gutter").children].forEach((span, index) => span.classList.toggle("wrong", wrong.has(index + 1)));
    text().ariaInvalid = wrong.size ? "true" : "false";
  }

  function goToLine(line) {
    const area = text();
    const lines = area.value.split("\n");
    const at = Math.min(line, lines.length) - 1;
    const start = lines.slice(0, at).reduce((length, one) => length + one.length + 1, 0);
    area.focus();
    area.setSelectionRange(start, start + lines[at].length);
    const height = parseFloat(getComputedStyle(area).lineHeight);
    area.scrollTop = at * height - area.clientHeight / 2;
    area.scrollLeft = 0;
  }

  // Typing --------------------------------------------------------------------------------------------

  // By the browser's own command, so that undo knows of it.
  function put(words) {
    if (words ? document.execCommand("insertText", false, words) : document.execCommand("delete")) return;
    const area = text();
    area.setRangeText(words, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  const lineStart = (area, at) => area.value.lastIndexOf("\n", at - 1) + 1;

  // Moves the lines that are selected to the right, or back.
  function indent(back) {
    const area = text();
    const { selectionStart: from, selectionEnd: to, value } = area;
    if (from === to && !back) return put(INDENT);
    const start = lineStart(area, from);
    const before = value.slice(start, to);
    const after = before.replace(/^(?=[^\n]) {0,2}/gm, (spaces) => (back ? "" : INDENT + spaces));
    if (after === before) return;
    area.setSelectionRange(start, to);
    put(after);
    const end = start + after.length;
    area.setSelectionRange(from === to ? end : start, end);
  }

  // A new line begins where the one before did; after "key:" and "- key" one step further.
  function newLine() {
    const area = text();
    const line = area.value.slice(lineStart(area, area.selectionStart), area.selectionStart);
    const [spaces] = line.match(/^ *(?:- )?/);
    const deeper = /(:|[>|]-?)\s*$/.test(line) ? INDENT : "";
    put(`\n${" ".repeat(spaces.length)}${deeper}`);
  }

  let leaving = false; // Esc was pressed: the next Tab goes on to the buttons

  function type(event) {
    if (event.isComposing || event.keyCode === 229 || event.altKey) return;
    if (event.key === "Escape") leaving = true;
    else if (event.key === "Tab" && !event.ctrlKey && !event.metaKey && !leaving) {
      event.preventDefault();
      indent(event.shiftKey);
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      newLine();
    } else if (event.key !== "Shift") leaving = false;
  }

  // What is not saved, in this browser ----------------------------------------------------------------

  const places = () => `guideline:${document.body.dataset.user}:${location.pathname.split("/guideline/")[0]}:`;
  const place = () => places() + workshop().dataset.draft;
  const written = () => ({ source: text().value, note: note().value });
  const same = (one, other) => Boolean(one && other) && one.source === other.source && one.note === other.note;

  let saved = null; // what the server has, as far as this page knows
  let sent = null; // what is on its way to it

  function read() {
    try {
      return JSON.parse(localStorage.getItem(place()));
    } catch {
      return null;
    }
  }

  function keep() {
    const now = written();
    try {
      if (same(now, saved)) localStorage.removeItem(place());
      else localStorage.setItem(place(), JSON.stringify({ ...now, base: base().value, at: Date.now() }));
    } catch {
      // The page itself still holds it.
    }
    showState();
  }

  // With what was kept of drafts that are no more.
  function forget() {
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(places())) localStorage.removeItem(key);
    } catch {
      // Nothing was kept, then.
    }
  }

  function showState() {
    if (!find("#unsaved")) return;
    const dirty = !same(written(), saved);
    find("#unsaved").hidden = !dirty;
    for (const line of document.querySelectorAll("#saved > p")) line.hidden = dirty;
    if (dirty) find("#saved > .problem")?.remove(); // it was of what stood there before
  }

  // What was kept comes back with what it was based on, so that a newer text of somebody else's is not written over.
  function restore() {
    const kept = read();
    if (!kept || same(kept, saved)) return forget();
    text().value = kept.source;
    note().value = kept.note;
    base().value = kept.base;
    const box = find("#restored");
    box.querySelector("time").textContent = new Date(kept.at).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
    box.hidden = false;
    numberLines(text());
    check();
    return showState();
  }

  // Checking ------------------------------------------------------------------------------------------

  let timer = 0;

  function check() {
    clearTimeout(timer);
    timer = setTimeout(() => htmx.trigger("#source", "recheck"), CHECK_AFTER_MS);
  }

  // Help and examples that were open stay open when the tree is drawn anew.
  let open = [];

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.id !== "drawn") return;
    open = [...document.querySelectorAll("#drawn .node:has(> details[open])")].map((node) => node.id);
  });

  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id !== "drawn") return;
    for (const id of open) {
      const fold = find(`#drawn #${CSS.escape(id)} > details`);
      if (fold) fold.open = true;
    }
  });

  // Saving --------------------------------------------------------------------------------------------

  function trouble(kind) {
    const sentence = kind && find(`template[data-trouble="${kind}"]`);
    find("#trouble")?.replaceChildren(...(sentence ? [sentence.content.cloneNode(true)] : []));
  }

  const saving = ({ detail }) => (detail.requestConfig ?? detail).elt?.id === "save";

  document.addEventListener("htmx:configRequest", (event) => {
    if (saving(event)) sent = written();
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    const ours = /\bid="(saved|workshop|said)"/.test(xhr.responseText) && !/<html/.test(xhr.responseText);
    event.detail.shouldSwap = ours;
    if (ours) event.detail.isError = false;
    if (saving(event)) trouble(ours ? "" : xhr.status < 500 ? "signed-out" : "offline");
  });

  for (const failure of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failure, (event) => saving(event) && trouble("offline"));
  }

  document.addEventListener("htmx:afterSwap", () => {
    if (!text()) return;
    if (sent && find("#saved[data-stored]")) {
      saved = sent;
      find("#restored").hidden = true;
      keep();
    }
    sent = null;
    if (find("#checked")) markLines();
    if (!editing()) arrive();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    if (!find("#save")) return;
    event.preventDefault();
    if (!event.repeat) find("#save").click();
  });

  // The life of the page ------------------------------------------------------------------------------

  document.addEventListener("input", (event) => {
    if (!text() || ![text(), note()].includes(event.target)) return;
    keep();
    if (event.target !== text()) return;
    numberLines(text());
    if (find("#checked")) check();
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-line]");
    if (link) {
      event.preventDefault();
      goToLine(Number(link.dataset.line));
    }
    const drop = event.target.closest("[data-drop], [data-discard]");
    if (!drop) return;
    forget();
    if (drop.matches("button[data-drop]")) location.reload();
  });

  function arrive() {
    for (const area of document.querySelectorAll(".source textarea")) {
      numberLines(area);
      area.addEventListener("scroll", () => { area.previousElementSibling.scrollTop = area.scrollTop; }, { passive: true });
    }
    if (!text()) return;
    for (const help of document.querySelectorAll("[data-needs-script]")) help.hidden = false;
    text().addEventListener("keydown", type);
    text().addEventListener("blur", () => { leaving = false; });
    if (!editing()) return;
    markLines();
    if (find("#writing .errorlist")) return showState(); // what was sent is not what the server has
    saved = { source: text().defaultValue, note: note().defaultValue };
    restore();
  }

  arrive();
})();
