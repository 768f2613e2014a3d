// The account page: in the field of an action the key that is pressed is the key that is set.
"use strict";

(() => {
  const NAMED = ["Backspace", "Delete", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("[data-key-for]");
    if (!field || event.isComposing || event.keyCode === 229) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const named = NAMED.includes(event.key);
    // Tab, Enter, Escape and the like keep their meaning; digits belong to the answers.
    if (!named && (event.key.length !== 1 || event.key === " ")) return;
    event.preventDefault();
    field.value = named ? event.key : event.key.toLowerCase();
    field.select();
  });

  document.addEventListener("focusin", (event) => event.target.matches("[data-key-for]") && event.target.select());

  for (const words of document.querySelectorAll("[data-needs-script]")) words.hidden = false;
})();
