// Runs are filtered by what stands in their rows.
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
