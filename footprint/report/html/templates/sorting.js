// Tables sort by each of their columns. What is unknown comes last either way: it is no zero. So do the smaller groups that were
// put together: they are no group among the others.
const sortListeners = [];
const cellValue = (body, column) => {
  const cell = body.querySelector("tr").cells[column];
  if (cell.dataset.sort === undefined) return cell.textContent.trim().toLocaleLowerCase();
  return cell.dataset.sort === "" ? null : Number(cell.dataset.sort);
};
const compareValues = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
// Rows of a table, or bodies of several rows that stay together.
const partsOf = (table) => (table.tBodies.length > 1 || table.classList.contains("runs") ? [...table.tBodies] : [...table.tBodies[0].rows]);
const valueOf = (part, column) => (part.tagName === "TR" ? cellValue({ querySelector: () => part }, column) : cellValue(part, column));

const sortTable = (table, column, descending) => {
  const known = [];
  const unknown = [];
  for (const part of partsOf(table)) {
    const value = "rest" in part.dataset ? null : valueOf(part, column);
    (value === null ? unknown : known).push({ part, value });
  }
  known.sort((a, b) => (descending ? -1 : 1) * compareValues(a.value, b.value));
  unknown.sort((a, b) => ("rest" in a.part.dataset) - ("rest" in b.part.dataset));
  for (const { part } of [...known, ...unknown]) part.parentElement.append(part);
  [...table.tHead.rows[0].cells].forEach((cell, index) => {
    if (index === column) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  });
};

for (const table of document.querySelectorAll("table.sortable")) {
  if (partsOf(table).length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "in-table";
    button.textContent = cell.textContent;
    cell.replaceChildren(button);
    button.addEventListener("click", () => {
      // Numbers begin with the largest, words with the first of the alphabet.
      const was = cell.getAttribute("aria-sort");
      const descending = was ? was === "ascending" : cell.classList.contains("n");
      sortTable(table, column, descending);
      for (const listener of sortListeners) listener(table, column, descending);
    });
  });
}
