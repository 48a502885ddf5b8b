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

theme.addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf(theme.dataset.now) + 1) % THEMES.length]));
setTheme(THEMES.includes(storedTheme()) ? storedTheme() : "system");
theme.hidden = false;
