// A number's proof may be folded away: whoever follows a link to it finds it open.
const addressed = () => {
  try {
    return document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
  } catch {
    return null; // somebody's address, cut within a character
  }
};
const unfold = () => {
  const target = addressed();
  if (!target) return;
  for (let at = target.closest("details"); at; at = at.parentElement?.closest("details")) at.open = true;
  target.scrollIntoView({ block: target.matches("li, tr") ? "center" : "start" });
};
window.addEventListener("hashchange", unfold);
document.addEventListener("click", (event) => {
  if (event.target.closest?.('a[href^="#"]')) setTimeout(unfold); // a second click on the same link changes no hash
});
unfold();
