// The theme: the system's, or the reader's choice, which stays where the browser lets a page remember it.
const root = document.documentElement;
const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");
const THEMES = ["auto", "light", "dark"];
const REMEMBERED = "footprint-theme";

const remembered = () => {
  try {
    return window.localStorage.getItem(REMEMBERED);
  } catch {
    return null; // a page from a file may have no storage
  }
};
const remember = (theme) => {
  try {
    window.localStorage.setItem(REMEMBERED, theme);
  } catch {
    // it holds as long as the page is open
  }
};

let chosenTheme = THEMES.includes(remembered()) ? remembered() : "auto";
const isDark = () => (chosenTheme === "auto" ? systemIsDark.matches : chosenTheme === "dark");
const themeListeners = [];
const applyTheme = () => {
  if (chosenTheme === "auto") delete root.dataset.theme;
  else root.dataset.theme = chosenTheme;
  const button = document.getElementById("theme");
  button.textContent = `Theme: ${chosenTheme}`;
  button.hidden = false;
  for (const listener of themeListeners) listener();
};
document.getElementById("theme").addEventListener("click", () => {
  chosenTheme = THEMES[(THEMES.indexOf(chosenTheme) + 1) % THEMES.length];
  remember(chosenTheme);
  applyTheme();
});
systemIsDark.addEventListener("change", applyTheme);
root.classList.add("js");
applyTheme();
