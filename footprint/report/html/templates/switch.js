// One dimension at a time: its figures and its table. Each bar leads to the runs of its group.
const clickable = JSON.parse(document.getElementById("clickable").textContent);
const panels = [...document.querySelectorAll(".panel")];
const switches = [...document.querySelectorAll(".switch button")];

const showDimension = (dimension) => {
  for (const button of switches) button.setAttribute("aria-pressed", String(button.dataset.dimension === dimension));
  for (const panel of panels) {
    panel.hidden = panel.dataset.dimension !== dimension;
    panel.open = true;
  }
  for (const kind of ["energy-by", "emissions-by"]) {
    const place = document.getElementById(kind);
    const id = `${kind}-${dimension}`;
    if (!place || !clickable[id]) continue;
    const { title, caption } = clickable[id];
    place.closest("figure").querySelector("h3").textContent = title;
    place.closest("figure").querySelector("figcaption p").textContent = caption;
    place.setAttribute("aria-label", `${title}; the same numbers are in the table below`);
    place.dataset.drawing = id;
    if (drawnPlots.has(place)) draw(place);
  }
};

if (switches.length) {
  document.querySelector(".switch").hidden = false;
  for (const button of switches) button.addEventListener("click", () => showDimension(button.dataset.dimension));
  showDimension(switches.find((button) => button.getAttribute("aria-pressed") === "true").dataset.dimension);
}
plotListeners.push((place) => {
  if (!place.dataset.drawing || !runTable) return;
  place.classList.add("clickable");
  place.on("plotly_click", ({ points }) => {
    const facet = clickable[place.dataset.drawing].facets[points[0].pointNumber];
    if (facet) toggleFacet(facet, true);
  });
});
// On paper all dimensions' tables stand, one below the other.
let panelsHidden = [];
window.addEventListener("beforeprint", () => {
  panelsHidden = panels.filter((panel) => panel.hidden);
  for (const panel of panelsHidden) panel.hidden = false;
});
window.addEventListener("afterprint", () => { for (const panel of panelsHidden) panel.hidden = true; });
