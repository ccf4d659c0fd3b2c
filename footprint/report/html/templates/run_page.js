// A number's proof may be folded away: whoever follows a link to it finds it open.
const unfold = () => {
  const target = window.location.hash.length > 1 && document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
  if (!target) return;
  for (let at = target.closest("details"); at; at = at.parentElement?.closest("details")) at.open = true;
  target.scrollIntoView({ block: "center" });
};
window.addEventListener("hashchange", unfold);
document.addEventListener("click", (event) => {
  if (event.target.closest?.('a[href^="#"]')) setTimeout(unfold); // a second click on the same link changes no hash
});
unfold();
