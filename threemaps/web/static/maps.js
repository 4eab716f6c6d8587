// The same edge or node in every map: lit, with its neighbours beside it and its numbers on the card.

const card = document.getElementById("card");
const emptyCard = card.cloneNode(true);
const titles = card.dataset.titles.split("|");
const MOST_COPIES = 400;

export const maps = () => [...document.querySelectorAll(".panels svg.map[id]")];

let lit = null;
let undo = [];

export function light(key) {
  if (key === lit) return;
  for (const back of undo) back();
  undo = [];
  lit = key;
  if (!key) return;
  for (const map of maps()) {
    const near = nearby(map, key);
    if (map.classList.contains("crowded")) lightCopies(map, key, near);
    else lightPieces(map, key, near);
  }
  const row = document.getElementById(`r-${key}`);
  row?.classList.add("lit");
  undo.push(() => row?.classList.remove("lit"));
  showCard(key);
}

// After an update: pieces may have been exchanged.
export function lightAgain() {
  const key = lit;
  lit = null;
  light(key);
}

// An edge and its ends; a node, its edges and who is at their other ends.
function nearby(map, key) {
  const found = new Set([key]);
  const own = document.getElementById(`${map.id}-${key}`);
  const edges = key.startsWith("e") ? [own].filter(Boolean) : map.querySelectorAll(`[data-ends~="${key}"]`);
  for (const edge of edges) {
    found.add(edge.dataset.key);
    for (const end of edge.dataset.ends.split(" ")) found.add(end);
  }
  return found;
}

function lightPieces(map, key, near) {
  map.classList.add("focused");
  undo.push(() => map.classList.remove("focused"));
  for (const one of map.querySelectorAll("[data-key]")) {
    const { key: own } = one.dataset;
    if (!near.has(own)) continue;
    const words = own === key ? ["lit", "near"] : ["near"];
    one.classList.add(...words);
    undo.push(() => one.classList.remove(...words));
  }
}

// In a crowd a changed piece would have thousands of others painted again: copies lie over a faded map.
function lightCopies(map, key, near) {
  const copies = [];
  for (const own of [...near].slice(0, MOST_COPIES)) {
    const one = document.getElementById(`${map.id}-${own}`);
    if (!one) continue;
    const copy = one.cloneNode(true);
    for (const name of ["id", "data-key", "role", "tabindex", "aria-label"]) copy.removeAttribute(name);
    copy.classList.add(...(own === key ? ["lit", "near"] : ["near"]));
    if (own.startsWith("n")) copies.push(copy);
    else copies.unshift(copy);
  }
  const over = overlay(map);
  over.replaceChildren(...copies);
  map.classList.add("focused");
  undo.push(() => { over.replaceChildren(); map.classList.remove("focused"); });
}

function overlay(map) {
  if (map.nextElementSibling) return map.nextElementSibling;
  const made = map.cloneNode(false);
  for (const name of ["id", "role", "aria-label"]) made.removeAttribute(name);
  made.setAttribute("aria-hidden", "true");
  made.classList.add("overlay");
  map.after(made);
  return made;
}

function cell(row, text, tag = "td") {
  const made = row.appendChild(document.createElement(tag));
  made.textContent = text;
  if (tag === "th") made.scope = "row";
}

function showCard(key) {
  const found = titles.map((_, index) => document.getElementById(`m${index}-${key}`));
  const any = found.find(Boolean);
  if (!any) return card.replaceChildren(...emptyCard.cloneNode(true).childNodes);
  const heading = document.createElement("h3");
  heading.textContent = any.getAttribute("aria-label").split(": ")[0];
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const name of ["", "requests", "errors", "mean", "p95"]) cell(head, name, name ? "th" : "td");
  for (const one of head.cells) if (one.tagName === "TH") one.scope = "col";
  const body = table.createTBody();
  found.forEach((one, index) => {
    const row = body.insertRow();
    cell(row, titles[index], "th");
    const [state, ...values] = one ? one.dataset.figures.split("|") : ["could not be read"];
    if (state === "drawn") values.forEach((value) => cell(row, value));
    else cell(row, { undrawn: "not drawn by this backend", missing: "missing" }[state] ?? state);
    if (state !== "drawn") row.lastElementChild.colSpan = 4;
  });
  card.replaceChildren(heading, table);
}

// ---- the keyboard: one tab stop a map, arrows from there

export function prepareTabStops() {
  for (const map of maps()) {
    if (map.querySelector('[tabindex="0"]')) continue;
    map.querySelector("[data-key]")?.setAttribute("tabindex", "0");
  }
}

export function step(current, forward) {
  const all = [...current.closest("svg").querySelectorAll("[data-key]")];
  const next = all[(all.indexOf(current) + (forward ? 1 : -1) + all.length) % all.length];
  current.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}

const keyOf = (event) => event.target.closest?.("[data-key]")?.dataset.key ?? null;

for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const key = keyOf(event);
    if (key) light(key);
  });
}
// Nothing stays faded when the pointer has left the maps, unless the keyboard is there.
document.getElementById("panels").addEventListener("pointerleave", () => {
  if (!document.activeElement?.closest?.("svg.map")) light(null);
});
