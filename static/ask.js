// Asking the lead from the pair on the desk, or from the product of a shelf that has the keys: a drawer over the page.
// What is typed is kept in this browser, by pair, under the key that it is sent with, until the server has said that
// it has it. So it survives a closed drawer, a reload and a failure, and sent twice it is one question. Without this
// script the link leads to a page with the same form.
"use strict";

(() => {
  const TIMEOUT_MS = 10000;

  const drawer = document.getElementById("ask");
  const form = drawer.querySelector("form");
  const fields = form.elements;
  const { user } = document.body.dataset;

  // In this browser -----------------------------------------------------------------------------------

  const place = () => `ask:${user}:${fields.pair.value}`;

  function read() {
    try {
      return JSON.parse(localStorage.getItem(place()));
    } catch {
      return null;
    }
  }

  function keep(text) {
    try {
      if (text) localStorage.setItem(place(), JSON.stringify({ text, key: fields.key.value }));
      else localStorage.removeItem(place());
    } catch {
      // The page itself still holds it.
    }
  }

  // crypto.randomUUID is there on secure origins only.
  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  // The drawer ----------------------------------------------------------------------------------------

  // Of a shelf the product whose link it is, of a desk the only one.
  const productOf = (link) => link.closest(".shelf-card") ?? document.getElementById("desk");

  function tell(name, source) {
    const told = drawer.querySelector(`[data-about="${name}"]`);
    told.textContent = source?.textContent ?? "";
    told.lang = source?.closest("[lang]").lang ?? "";
  }

  // The link names the pair; how far the walk has come is what the page shows.
  function fill(link) {
    const within = productOf(link);
    const about = new URL(link.href).searchParams;
    for (const name of ["pair", "guideline", "revision", "lease"]) fields[name].value = about.get(name) ?? "";
    fields.path.value = within.querySelector(':is(#walk, .shelf-walk) input[name="path"]').value;
    tell("query", document.querySelector(".query-text"));
    tell("product", within.querySelector(".product h3"));
    tell("question", within.querySelector(".question:not([hidden]) h2, .shelf-question h4"));
    const kept = read();
    fields.text.value = kept?.text ?? "";
    fields.key.value = kept?.key ?? newKey();
  }

  function open(link) {
    fill(link);
    say("");
    drawer.showModal();
    fields.text.focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest(".ask-lead");
    if (link && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      open(link);
    }
    // A click beside the dialog falls on the dialog itself.
    if (event.target.closest("#ask [data-close]") || event.target === drawer) drawer.close();
  });

  form.addEventListener("input", () => keep(fields.text.value.trim() && fields.text.value));

  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  // Sending -------------------------------------------------------------------------------------------

  function say(problem, words = "") {
    const line = drawer.querySelector(".ask-problem");
    const sentence = drawer.querySelector(`template[data-problem="${problem}"]`);
    line.replaceChildren(...(sentence ? [sentence.content.cloneNode(true), ` ${words}`] : []));
    line.hidden = !sentence;
  }

  // After signing in anew the token in this page is void; the same page fetched again holds the new one.
  async function renewToken() {
    const reply = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const token = page.querySelector("#ask [name=csrfmiddlewaretoken]")?.value;
    if (token) fields.csrfmiddlewaretoken.value = token;
    return page.body.dataset.user ?? user;
  }

  // Returns what went wrong, nothing where the server has it.
  async function send() {
    const options = { method: "POST", headers: { "HX-Request": "true" }, body: new URLSearchParams(new FormData(form)) };
    const reply = await fetch(form.action, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await reply.text();
    if (reply.ok && text.includes("data-asked")) return arrive(text);
    if (reply.ok || reply.status === 401 || reply.status === 403) return ["signed-out"];
    if (reply.status >= 500 || reply.status === 429) return ["server"];
    return ["refused", reply.status === 400 ? text : ""];
  }

  function arrive(toast) {
    keep("");
    drawer.close();
    htmx.swap("#toasts", toast, { swapStyle: "beforeend" });
    document.getElementById("said").textContent = document.querySelector("#toasts > :last-child p").textContent;
    return [];
  }

  let signedOut = false;

  async function sendOnce() {
    if (signedOut && (await renewToken()) !== user) return ["somebody-else"];
    return send();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    const [problem, words] = await sendOnce().catch(() => ["connection"]);
    form.ariaBusy = null;
    if (problem) say(problem, words);
    signedOut = problem === "signed-out" || problem === "somebody-else";
  });
})();
