"use strict";
// Lights up the same thing in every map, keeps the page up to date, and presses the buttons.

const main = document.getElementById("main");
const card = document.getElementById("card");
const emptyCard = card.cloneNode(true);
const titles = card.dataset.titles.split("|");
const maps = () => [...document.querySelectorAll(".panels svg.map[id]")];

// ---- the same edge or node in every map

let lit = null;

function piece(index, key) {
  return document.getElementById(`m${index}-${key}`);
}

let undo = [];

function light(key) {
  if (key === lit) return;
  for (const back of undo) back();
  undo = [];
  lit = key;
  if (!key) return;
  const row = document.getElementById(`r-${key}`);
  for (const one of [...maps().map((map) => document.getElementById(`${map.id}-${key}`)), row]) {
    if (one) undo.push(lightUp(one));
  }
  showCard(key);
}

// In a crowd a changed piece would have thousands of others painted again: a copy lies over them instead.
function lightUp(one) {
  const map = one.closest(".map.crowded");
  if (!map) {
    one.classList.add("lit");
    return () => one.classList.remove("lit");
  }
  const copy = one.cloneNode(true);
  for (const name of ["id", "data-key", "role", "tabindex", "aria-label"]) copy.removeAttribute(name);
  copy.classList.add("lit");
  overlay(map).replaceChildren(copy);
  return () => copy.remove();
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
  const found = titles.map((_, index) => piece(index, key));
  const any = found.find(Boolean);
  if (!any) return card.replaceChildren(...emptyCard.cloneNode(true).childNodes);
  const heading = document.createElement("h3");
  heading.textContent = any.getAttribute("aria-label").split(": ")[0];
  const table = document.createElement("table");
  if (key.startsWith("e")) {
    const head = table.createTHead().insertRow();
    for (const name of ["", "requests", "errors", "mean", "p95"]) cell(head, name, name ? "th" : "td");
    for (const one of head.cells) if (one.tagName === "TH") one.scope = "col";
  }
  const body = table.createTBody();
  found.forEach((one, index) => {
    const row = body.insertRow();
    cell(row, titles[index], "th");
    const [state, ...values] = one ? one.dataset.told.split("|") : ["could not be read"];
    if (state === "told" && key.startsWith("e")) values.forEach((value) => cell(row, value));
    else cell(row, { told: "drawn", untold: "not told by this backend", missing: "missing" }[state] ?? state);
    if (state !== "told") row.lastElementChild.colSpan = 4;
  });
  card.replaceChildren(heading, table);
}

function keyOf(event) {
  return event.target.closest?.("[data-key]")?.dataset.key ?? null;
}

document.addEventListener("pointerover", (event) => {
  const key = keyOf(event);
  if (key) light(key);
});
document.addEventListener("focusin", (event) => {
  const key = keyOf(event);
  if (key) light(key);
});

// ---- the panel beside the maps

const panel = document.getElementById("panel");
let opener = null;

async function open(key) {
  const view = main.dataset.view;
  const address = `/part?${view ? view + "&" : ""}key=${encodeURIComponent(key)}`;
  opener = document.activeElement;
  panel.hidden = false;
  panel.dataset.key = key;
  const body = document.getElementById("panel-body");
  body.textContent = "…";
  try {
    const answer = await fetch(address, { headers: { "X-Threemaps": "page" } });
    const text = await answer.text();
    if (panel.dataset.key !== key) return;
    body.innerHTML = text;
  } catch {
    body.textContent = "the page's server gave no answer: threemaps status";
  }
  document.getElementById("panel-close").focus();
}

function shut() {
  if (panel.hidden) return;
  panel.hidden = true;
  panel.dataset.key = "";
  opener?.focus?.();
}

document.addEventListener("click", (event) => {
  const chosen = event.target.closest?.("svg.map [data-key]");
  const row = event.target.closest?.("#rows a");
  if (event.target.closest?.("#panel-close")) shut();
  else if (chosen) open(chosen.dataset.key);
  else if (row && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    open(row.closest("tr").dataset.key);
  }
  const link = event.target.closest?.("a.copy");
  if (link && navigator.clipboard) {
    event.preventDefault();
    navigator.clipboard.writeText(link.href).then(() => { link.textContent = "Copied"; });
  }
});

// ---- the keyboard: one tab stop a map, arrows from there

function prepareTabStops() {
  for (const map of maps()) {
    if (map.querySelector('[tabindex="0"]')) continue;
    map.querySelector("[data-key]")?.setAttribute("tabindex", "0");
  }
}

function step(current, forward) {
  const all = [...current.closest("svg").querySelectorAll("[data-key]")];
  const next = all[(all.indexOf(current) + (forward ? 1 : -1) + all.length) % all.length];
  current.setAttribute("tabindex", "-1");
  next.setAttribute("tabindex", "0");
  next.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { light(null); shut(); }
  const current = event.target.closest?.("svg.map [data-key]");
  if (!current) return;
  const forward = ["ArrowRight", "ArrowDown"].includes(event.key);
  if (forward || ["ArrowLeft", "ArrowUp"].includes(event.key)) step(current, forward);
  else if (event.key === "Enter" || event.key === " ") open(current.dataset.key);
  else return;
  event.preventDefault();
});

// ---- scrolling one map scrolls the others

let scrolling = null;
document.addEventListener("scroll", (event) => {
  const from = event.target;
  if (!from.closest?.(".panels") || (scrolling && scrolling !== from)) return;
  scrolling = from;
  for (const other of document.querySelectorAll(".panels .scroll")) {
    if (other !== from) other.scrollTo(from.scrollLeft, from.scrollTop);
  }
  requestAnimationFrame(() => { scrolling = null; });
}, true);

// ---- live: only what has changed arrives

const nursery = {
  svg: (text) => {
    const made = new DOMParser().parseFromString(
      `<svg xmlns="http://www.w3.org/2000/svg">${text}</svg>`, "image/svg+xml");
    return document.importNode(made.documentElement.firstElementChild, true);
  },
  row: (text) => {
    const made = document.createElement("template");
    made.innerHTML = text;
    return made.content.firstElementChild;
  },
};

function home(id) {
  if (id.startsWith("r-")) return document.getElementById("rows");
  const [map, key] = id.split("-");
  return document.querySelector(`#${map} .${key.startsWith("e") ? "edges" : "nodes"}`);
}

function put(id, text) {
  const made = id.startsWith("r-") ? nursery.row(text) : nursery.svg(text);
  const old = document.getElementById(id);
  made.classList.add("fresh");
  if (!old) return home(id)?.append(made);
  made.setAttribute("tabindex", old.getAttribute("tabindex") ?? "-1");
  if (id.startsWith("r-")) made.removeAttribute("tabindex");
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(made);
  if (hadFocus) (made.querySelector("a") ?? made).focus({ preventScroll: true });
}

function update(changes) {
  for (const [id, html] of Object.entries(changes.regions ?? {})) {
    const region = document.getElementById(id);
    if (region) region.innerHTML = html;
  }
  for (const id of Object.keys(changes.gone ?? {})) document.getElementById(id)?.remove();
  for (const [id, text] of Object.entries(changes.pieces ?? {})) put(id, text);
  const crowded = Boolean(document.querySelector(".map.crowded"));
  document.getElementById("panels").classList.toggle("tall", crowded);
  prepareTabStops();
  const key = lit;
  lit = null;
  light(key);
}

function listen() {
  const connection = document.getElementById("connection");
  const source = new EventSource(`/events?${main.dataset.view}&version=${main.dataset.version}`);
  source.addEventListener("open", () => { connection.textContent = "live"; });
  source.addEventListener("message", (event) => update(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    connection.textContent = "no connection to the page's server: threemaps up starts it";
  });
  addEventListener("pagehide", () => source.close());
}

// ---- try it

async function press(button) {
  const said = document.getElementById("said");
  const service = button.closest("[data-service]")?.dataset.service;
  button.disabled = true;
  said.textContent = "…";
  try {
    const answer = await fetch("/try", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Threemaps": "page" },
      body: JSON.stringify({ action: button.dataset.action, service, fault: button.dataset.fault }),
    });
    const told = await answer.json();
    said.textContent = told.message;
    showFaults(told.states ?? {});
  } catch {
    said.textContent = "the page's server gave no answer: threemaps status";
  }
  button.disabled = false;
  button.focus();
}

function showFaults(states) {
  for (const [service, state] of Object.entries(states)) {
    const group = document.querySelector(`[data-service="${CSS.escape(service)}"]`);
    group.toggleAttribute("data-sick", state !== "well");
    for (const one of group.querySelectorAll("button")) {
      one.setAttribute("aria-pressed", String(one.dataset.fault === state));
    }
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-action]");
  if (button) press(button);
});

prepareTabStops();
for (const group of document.querySelectorAll(".faults")) {
  const pressed = group.querySelector('[aria-pressed="true"]');
  group.toggleAttribute("data-sick", pressed?.dataset.fault !== "well");
}
if (main.dataset.live === "yes") listen();
