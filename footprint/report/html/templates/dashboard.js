// Draws the figures in the theme of the reader, filters and sorts the runs. Everything else works without it.
(() => {
  "use strict";
  const drawings = JSON.parse(document.getElementById("drawings").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const config = { displayModeBar: false, responsive: true, displaylogo: false };

  const draw = (theme) => {
    for (const [id, byTheme] of Object.entries(drawings)) {
      const place = document.getElementById(id);
      const figure = structuredClone(byTheme[theme]);
      if (place) Plotly.react(place, figure.data, figure.layout, config);
    }
  };
  const drawCurrent = () => draw(dark.matches ? "dark" : "light");
  drawCurrent();
  dark.addEventListener("change", drawCurrent);
  // Paper is white whatever the screen is.
  window.addEventListener("beforeprint", () => draw("light"));
  window.addEventListener("afterprint", drawCurrent);

  // On a phone a row becomes a block, whose cells then say what they are.
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, index) => { cell.dataset.label = heads[index]; });
    table.classList.add("stacks");
  }

  const filter = document.getElementById("filter");
  const status = document.getElementById("filter-status");
  if (filter) {
    const runs = [...document.querySelectorAll(".run")];
    const texts = runs.map((run) => run.textContent.toLowerCase());
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      let shown = 0;
      runs.forEach((run, index) => {
        run.hidden = !texts[index].includes(wanted);
        shown += run.hidden ? 0 : 1;
      });
      status.textContent = wanted === "" ? "" : `${shown} of ${runs.length} shown`;
    });
  }
})();
