// The table of every edge: sorted by a column, where maps differ first unless one is chosen.

const table = document.querySelector("table.edges.sortable");
const rows = document.getElementById("rows");
let chosen = { column: null, down: true };

function heads() {
  return [...table.querySelectorAll("thead button[data-column]")];
}

// A dash, which stands for what a backend does not report, comes last either way.
function value(row, column) {
  const cell = row.querySelector(`[data-column="${column}"]`);
  const text = cell?.dataset.value;
  return text === undefined || text === "" ? null : Number(text);
}

function compare(one, other) {
  const { column, down } = chosen;
  if (column === "name") return (down ? 1 : -1) * one.dataset.name.localeCompare(other.dataset.name);
  if (column === null) return Number(one.dataset.place) - Number(other.dataset.place);
  const [left, right] = [value(one, column), value(other, column)];
  if (left === right) return Number(one.dataset.place) - Number(other.dataset.place);
  if (left === null || right === null) return left === null ? 1 : -1;
  return down ? right - left : left - right;
}

function sort() {
  const before = [...rows.children];
  const after = before.toSorted(compare);
  if (after.some((row, index) => row !== before[index])) rows.append(...after);
  for (const one of heads()) {
    const head = one.closest("th");
    if (one.dataset.column === chosen.column) head.setAttribute("aria-sort", chosen.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

// Nothing moves under a pointer or away from the keyboard.
export function sortAgain() {
  if (!rows.matches(":hover") && !rows.contains(document.activeElement)) sort();
}

table.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-column]");
  if (!button) return;
  const { column } = button.dataset;
  chosen = { column, down: chosen.column === column ? !chosen.down : true };
  sort();
});
