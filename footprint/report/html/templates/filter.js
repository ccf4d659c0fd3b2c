// Which runs are shown: those that have the words, and of each dimension with a choice one of the chosen groups. The page counts
// what it shows and adds nothing up: ranges do not add up by their bounds. It names the command whose report is of that choice.
const runTable = document.getElementById("run-table");
const search = document.getElementById("filter");
const filterStatus = document.getElementById("filter-status");
const chips = document.getElementById("chips");
const exact = document.getElementById("exact");
const chosenFacets = new Set();
let runOrder = ""; // of the table: column and direction, as the address has it
const facetRows = new Map([...document.querySelectorAll("[data-facet]")].map((row) => [row.dataset.facet, row]));
const runs = runTable ? [...runTable.tBodies].map((body) => ({
  body,
  text: body.textContent.toLocaleLowerCase(),
  facets: new Set(body.dataset.facets.split(" ")),
})) : [];
const runOf = new Map(runs.map((run) => [run.body, run]));
// Not all at once: what stands below the runs would be far away.
const AT_ONCE = 20;
const more = document.getElementById("more");
let showsAll = false;

const dimensionOf = (facet) => facet.split(".")[0];
const facetName = (facet) => facetRows.get(facet).querySelector("bdi").textContent;
const facetTitle = (facet) => {
  const table = facetRows.get(facet).closest("table");
  return `${table.tHead.rows[0].cells[0].textContent.trim()}: ${facetName(facet)}`;
};
const isShown = ({ text, facets }, words, dimensions) =>
  words.every((word) => text.includes(word)) && dimensions.every((some) => some.some((facet) => facets.has(facet)));

const element = (tag, text, properties = {}) => Object.assign(document.createElement(tag), { textContent: text }, properties);
const tellExact = () => {
  exact.replaceChildren();
  const where = [...chosenFacets].map((facet) => facetRows.get(facet).dataset.where);
  if (!where.length) {
    exact.append(`The totals above are of all runs: “${search.value.trim()}” filters the rows of this page only.`);
    return;
  }
  if (where.includes("")) {
    exact.append("The totals above are of all runs, not of this choice, which no command can name.");
    return;
  }
  const { policy, narrowed } = runTable.dataset;
  const command = `footprint report ${where.map((one) => `--where ${one}`).join(" ")}${policy === "share" ? "" : ` --attribution ${policy}`}`;
  exact.append("The totals above are of all runs. The exact report of this choice: ", element("code", command, { className: "command" }));
  if (narrowed === "yes") exact.append(" with what this report itself was narrowed to, named at its top");
  if (search.value.trim()) exact.append(` (without the words “${search.value.trim()}” that you filter by)`);
};

const showRuns = () => {
  const words = search.value.trim().toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const byDimension = Map.groupBy ? Map.groupBy(chosenFacets, dimensionOf) : groupByHand(chosenFacets);
  const isFiltered = words.length > 0 || chosenFacets.size > 0;
  const most = showsAll || isFiltered ? Infinity : AT_ONCE;
  let shown = 0;
  for (const run of [...runTable.tBodies].map((body) => runOf.get(body))) {
    run.body.hidden = !isShown(run, words, [...byDimension.values()]);
    shown += run.body.hidden ? 0 : 1;
    run.body.classList.toggle("later", shown > most);
  }
  more.hidden = shown <= most;
  more.textContent = `Show all ${shown} rows`;
  document.querySelector(".chosen").hidden = !isFiltered;
  const { shown: rows, all } = runTable.dataset;
  const of = rows === all ? `${runs.length}` : `the newest ${runs.length}`;
  filterStatus.textContent = isFiltered ? `${shown} of ${of} shown` : "";
  for (const [facet, row] of facetRows) row.querySelector(".in-table")?.setAttribute("aria-pressed", String(chosenFacets.has(facet)));
  chips.replaceChildren(...[...chosenFacets].map((facet) => {
    const item = document.createElement("li");
    const button = element("button", facetTitle(facet), { type: "button", className: "control" });
    button.setAttribute("aria-label", `Remove the filter ${facetTitle(facet)}`);
    button.addEventListener("click", () => { toggleFacet(facet); search.focus(); });
    item.append(button);
    return item;
  }));
  tellExact();
  rememberView();
};
const groupByHand = (facets) => {
  const found = new Map();
  for (const facet of facets) found.set(dimensionOf(facet), [...(found.get(dimensionOf(facet)) ?? []), facet]);
  return found;
};
const toggleFacet = (facet, lookAtThem = false) => {
  if (!facetRows.has(facet) || !runTable) return;
  if (!chosenFacets.delete(facet)) chosenFacets.add(facet);
  showRuns();
  if (lookAtThem) document.getElementById("runs").scrollIntoView();
};

// The address holds what is shown, so that it can be sent to somebody: names, since positions change with the data.
const viewName = (facet) => facetTitle(facet).replace(": ", "=");
const rememberView = () => {
  const view = new URLSearchParams();
  for (const facet of chosenFacets) view.append("where", viewName(facet));
  if (search.value.trim()) view.set("words", search.value.trim());
  if (runOrder) view.set("sort", runOrder);
  const hash = String(view) ? `#runs?${view}` : location.hash.startsWith("#runs?") ? "#runs" : location.hash;
  if (hash !== location.hash) history.replaceState(null, "", hash || " ");
};
const recallView = () => {
  if (!location.hash.startsWith("#runs?")) return;
  const view = new URLSearchParams(location.hash.slice("#runs?".length));
  const wanted = new Set(view.getAll("where"));
  chosenFacets.clear();
  for (const facet of facetRows.keys()) if (wanted.has(viewName(facet))) chosenFacets.add(facet);
  search.value = view.get("words") ?? "";
  const [column, direction] = (view.get("sort") ?? "").split("-");
  if (/^\d+$/.test(column) && Number(column) < runTable.tHead.rows[0].cells.length) {
    sortTable(runTable, Number(column), direction === "down");
    runOrder = `${column}-${direction === "down" ? "down" : "up"}`;
  }
  showRuns();
  document.getElementById("runs").scrollIntoView();
};

// A run's row opens what it rests on.
const drillInto = (body) => {
  const drill = body.querySelector(".drill");
  const button = element("button", "", { type: "button", className: "in-table" });
  const name = body.querySelector(".name");
  button.append(...name.childNodes);
  name.append(button);
  drill.querySelector("details").open = true;
  const show = (open) => {
    drill.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => show(drill.hidden));
  show(false);
};

if (runTable) {
  search.hidden = runs.length < 2;
  for (const { body } of runs) drillInto(body);
  for (const [facet, row] of facetRows) {
    const name = row.querySelector("bdi");
    const button = element("button", "", { type: "button", className: "in-table", title: "Show its runs" });
    name.replaceWith(button);
    button.append(name);
    button.addEventListener("click", () => toggleFacet(facet, !chosenFacets.has(facet)));
  }
  document.querySelector(".hint").hidden = false;
  search.addEventListener("input", showRuns);
  sortListeners.push((table, column, descending) => {
    if (table !== runTable) return;
    runOrder = `${column}-${descending ? "down" : "up"}`;
    showRuns();
  });
  more.addEventListener("click", () => {
    showsAll = true;
    showRuns();
  });
  window.addEventListener("hashchange", recallView);
  if (location.hash.startsWith("#runs?")) recallView();
  else showRuns();
}
