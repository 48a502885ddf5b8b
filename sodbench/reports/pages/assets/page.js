// The choice between light and dark; charts are told by the event "themechange".
"use strict";

const theme = document.querySelector("button.theme");
const THEMES = ["system", "light", "dark"];

function setTheme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  theme.textContent = `Theme: ${name}`;
  theme.dataset.now = name;
  try {
    localStorage.setItem("sodbench-theme", name);
  } catch {
    // no storage in a file or a frame: the choice lasts as long as the page
  }
  document.dispatchEvent(new Event("themechange"));
}

function storedTheme() {
  try {
    return localStorage.getItem("sodbench-theme");
  } catch {
    return null;
  }
}

// In a notebook's frame a link to a section would load the notebook itself.
function followInside(event) {
  const link = event.target.closest?.('a[href^="#"]');
  const target = link && document.getElementById(decodeURIComponent(link.getAttribute("href").slice(1)));
  if (!target) return;
  event.preventDefault();
  target.tabIndex = -1;
  target.scrollIntoView();
  target.focus({ preventScroll: true });
}

if (location.protocol === "about:") document.addEventListener("click", followInside);
theme.addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(theme.dataset.now) + 1) % THEMES.length]));
setTheme(THEMES.includes(storedTheme()) ? storedTheme() : "system");
theme.hidden = false;
