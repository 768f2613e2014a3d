// Brings what was answered on the desk to the server, and keeps it until the server has said that it has it.
// Every form on the desk is posted by htmx into #desk. What was sent is kept in the tab's storage until the next
// desk arrives; after a failure it is sent again, by itself, with the same key, so that it counts once.
// While the outcome is unknown the desk takes no other answer: the server may have stored the first one.
// An undo names what it takes back, so that it too can be sent twice and counts once.
"use strict";

(() => {
  const WAIT_MS = [1000, 2000, 4000, 8000, 15000];
  const TIMEOUT_MS = 10000;
  const LOST = ["refused", "somebody-else"]; // this page sends it no more
  // Under its owner's name: an answer is never sent in another's, and waits here until they are back.
  const STORE = `unsent:${document.body.dataset.user}:${location.pathname}`;

  const desk = () => document.getElementById("desk");
  const ours = (event) => event.detail.target?.id === "desk";
  const isUndo = (url) => url.endsWith("/undo/");

  let pending = null; // {url, user, values, token?}: what the server has not confirmed yet
  let underway = false;
  let tries = 0;
  let timer = 0;

  function store(request) {
    try {
      if (request) sessionStorage.setItem(STORE, JSON.stringify(request));
      else sessionStorage.removeItem(STORE);
    } catch {
      // The page itself still holds it.
    }
  }

  function stored() {
    try {
      return JSON.parse(sessionStorage.getItem(STORE));
    } catch {
      return null;
    }
  }

  // Trouble -------------------------------------------------------------------------------------------

  function show(kind) {
    const box = document.getElementById("trouble");
    // Said once, not at every try.
    if (box.dataset.shows !== kind) {
      const sentence = document.querySelector(`template[data-trouble="${kind}"]`);
      box.replaceChildren(...(sentence ? [sentence.content.cloneNode(true)] : []));
      box.dataset.shows = kind;
    }
    desk().toggleAttribute("data-unsent", Boolean(kind));
  }

  function fail(kind) {
    clearTimeout(timer);
    show(kind);
    if (kind === "refused") store(null);
    if (LOST.includes(kind)) pending = null;
    else if (kind !== "signed-out") timer = setTimeout(sendAgain, WAIT_MS[Math.min(tries, WAIT_MS.length - 1)]);
    tries += 1;
  }

  const tokenIn = (page) => page.querySelector('#desk input[name="csrfmiddlewaretoken"]')?.value;

  // After signing in anew the token in this page is void; the same page fetched again holds the new one, and says
  // who has signed in.
  async function freshPage() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return { user: page.body.dataset.user, token: tokenIn(page) };
  }

  async function sendAgain() {
    if (!pending || underway) return;
    clearTimeout(timer);
    const { url, values, token } = pending;
    const headers = token ? { "X-CSRFToken": token } : {};
    const body = token ? { ...values, csrfmiddlewaretoken: token } : values;
    await htmx.ajax("POST", url, { target: "#desk", swap: "outerHTML", values: body, headers });
  }

  async function sendByHand(button) {
    if (button.dataset.retry === "anew") {
      const { user, token } = await freshPage().catch(() => ({}));
      if (user && user !== pending.user) return fail("somebody-else");
      pending.token = token;
    }
    await sendAgain();
  }

  // The life of a request -----------------------------------------------------------------------------

  document.addEventListener("htmx:configRequest", (event) => {
    if (!ours(event)) return;
    const { path: url, formData } = event.detail;
    event.detail.timeout = TIMEOUT_MS;
    pending = { url, user: document.body.dataset.user, values: Object.fromEntries(formData), token: pending?.token };
    desk().ariaBusy = "true";
    store(pending);
  });

  document.addEventListener("htmx:beforeSend", (event) => ours(event) && (underway = true));
  document.addEventListener("htmx:afterRequest", (event) => ours(event) && (underway = false));

  // The server has it, and shows what is next on another page.
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (!ours(event) || !event.detail.xhr.getResponseHeader("HX-Redirect")) return;
    pending = null;
    store(null);
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!ours(event)) return;
    const { xhr } = event.detail;
    if (!/\bid="desk"/.test(xhr.responseText)) {
      // A page without a desk under a success is the sign-in page, reached by a redirect.
      event.detail.shouldSwap = false;
      if (xhr.status < 400) fail("signed-out");
    } else if (xhr.status < 500) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (!ours(event)) return;
    clearTimeout(timer);
    const undone = Boolean(pending && isUndo(pending.url));
    pending = null;
    tries = 0;
    store(null);
    show("");
    document.dispatchEvent(new CustomEvent("desk:arrived", { detail: { undone } }));
  });

  document.addEventListener("htmx:responseError", (event) => {
    if (!ours(event)) return;
    const { status, responseText } = event.detail.xhr;
    if (status >= 500 || status === 429) fail("server");
    else fail(status === 401 || status === 403 ? "signed-out" : "refused");
    const words = document.querySelector("#trouble [data-words]");
    if (words && responseText && status === 400) words.textContent = responseText;
  });

  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => ours(event) && fail("connection"));
  }

  window.addEventListener("online", sendAgain);
  window.addEventListener("beforeunload", (event) => {
    if (desk().hasAttribute("data-unsent") && pending) event.preventDefault();
  });
  document.getElementById("trouble").addEventListener("click", (event) => {
    if (event.target.matches("[data-retry]")) sendByHand(event.target);
    if (event.target.matches("[data-reload]")) location.reload();
  });

  pending = stored();
  if (pending) {
    // Its owner may have signed in anew since.
    pending.token = tokenIn(document);
    sendAgain();
  }
})();
