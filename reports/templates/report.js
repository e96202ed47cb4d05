"use strict";

/** The number to sort a cell by, or its text. */
function sortKey(row, column) {
  const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
}

/** Sort a table by the column of a heading; once sorted by it, the other way round. */
function sortBy(heading) {
  const table = heading.closest("table");
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  const rows = Array.from(table.tBodies[0].rows);
  rows.sort((a, b) => {
    const [x, y] = [sortKey(a, heading.cellIndex), sortKey(b, heading.cellIndex)];
    const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
    return ascending ? order : -order;
  });
  table.tBodies[0].append(...rows);
  for (const other of heading.parentElement.cells) {
    other.setAttribute("aria-sort", "none");
  }
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
}

for (const heading of document.querySelectorAll("table.sortable th")) {
  heading.querySelector("button").addEventListener("click", () => sortBy(heading));
}
