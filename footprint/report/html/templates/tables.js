// Tables: on a phone a row becomes a block, whose cells then say what they are.
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  for (const row of table.querySelectorAll("tbody > tr:not(.drill)"))
    [...row.cells].forEach((cell, index) => { cell.dataset.label = heads[index] ?? ""; });
  table.classList.add("stacks");
}
