// Puts the colours that were chosen by hand in place before the page is painted, so that nothing flashes.
"use strict";

(() => {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is closed to us: the system's colours it is.
  }
})();
