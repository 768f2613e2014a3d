// What every page does beyond its HTML: the choice of colours, menus that close, toasts that go, pictures that do not come.
"use strict";

(() => {
  const root = document.documentElement;

  // A <picture> follows the system alone; when colours are chosen by hand its sources are told.
  function paintCharts(within) {
    for (const source of within.querySelectorAll("source[data-scheme]")) {
      const { theme } = root.dataset;
      if (!theme) source.media = `(prefers-color-scheme: ${source.dataset.scheme})`;
      else source.media = source.dataset.scheme === theme ? "all" : "not all";
    }
  }

  function choose(theme) {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    try {
      if (theme === "auto") localStorage.removeItem("theme");
      else localStorage.setItem("theme", theme);
    } catch {
      // It holds for this page, then.
    }
    paintCharts(document);
  }

  function offerThemes() {
    const choice = document.getElementById("theme");
    if (!choice) return;
    choice.querySelector(`[value="${root.dataset.theme || "auto"}"]`).checked = true;
    choice.addEventListener("change", (event) => choose(event.target.value));
    choice.hidden = false;
  }

  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  }

  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  function letToastsGo(within) {
    for (const toast of within.querySelectorAll("#toasts > .toast")) {
      if (toast.dataset.going) continue;
      toast.dataset.going = "yes";
      setTimeout(() => toast.remove(), 6000);
    }
  }

  // A picture that does not come says so in its place, and is no button then.
  function admitMissingPicture(image) {
    image.hidden = true;
    image.nextElementSibling.hidden = false;
    image.parentElement.disabled = true;
    image.parentElement.ariaLabel = null;
  }

  document.addEventListener("error", (event) => {
    if (event.target.matches?.(".picture > img")) admitMissingPicture(event.target);
  }, true);

  // Those that failed before this script was there.
  for (const image of document.querySelectorAll(".picture > img")) {
    if (image.complete && image.naturalWidth === 0) admitMissingPicture(image);
  }

  // A chart that goes on gets its new picture in place: the browser keeps the old one until the new one has come.
  function redrawCharts() {
    for (const told of document.querySelectorAll("[data-redraw]")) {
      const image = document.querySelector(`#${told.dataset.redraw} picture > img`);
      if (!image || image.getAttribute("src") === told.dataset.src) continue;
      for (const source of image.parentElement.querySelectorAll("source")) source.srcset = told.dataset.srcDark;
      image.src = told.dataset.src;
      image.alt = told.dataset.alt;
    }
  }

  document.addEventListener("htmx:afterSettle", () => {
    redrawCharts();
    paintCharts(document);
    letToastsGo(document);
  });

  // A link that is shown once: one press copies it.
  function offerCopies() {
    for (const button of document.querySelectorAll("[data-copy]")) {
      const field = document.getElementById(button.dataset.copy);
      field.addEventListener("focus", () => field.select());
      if (document.activeElement === field) field.select();
      if (!navigator.clipboard) continue;
      button.hidden = false;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(field.value);
        document.getElementById("said").textContent = field.dataset.copied;
        button.textContent = field.dataset.copied;
      });
    }
  }

  offerThemes();
  offerCopies();
  paintCharts(document);
  letToastsGo(document);
})();
