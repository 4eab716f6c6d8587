// Live: only what has changed arrives, and is put in the place of what it was.

import { lightAgain, prepareTabStops } from "./maps.js";
import { sortAgain } from "./table.js";
import { showTimes } from "./times.js";
import { drawAgain } from "./views.js";

const main = document.getElementById("main");

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
  const isRow = id.startsWith("r-");
  const made = isRow ? nursery.row(text) : nursery.svg(text);
  const old = document.getElementById(id);
  made.classList.add("fresh");
  if (!old) return home(id)?.append(made);
  if (!isRow) made.setAttribute("tabindex", old.getAttribute("tabindex") ?? "-1");
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(made);
  if (hadFocus) (made.querySelector("a") ?? made).focus({ preventScroll: true });
}

function update(changes) {
  performance.mark("update");
  for (const [id, html] of Object.entries(changes.regions ?? {})) {
    const region = document.getElementById(id);
    if (region) region.innerHTML = html;
  }
  for (const id of Object.keys(changes.gone ?? {})) document.getElementById(id)?.remove();
  for (const [id, text] of Object.entries(changes.pieces ?? {})) put(id, text);
  const crowded = Boolean(document.querySelector(".map.crowded"));
  document.getElementById("panels").classList.toggle("tall", crowded);
  prepareTabStops();
  sortAgain();
  drawAgain();
  lightAgain();
  showTimes(document);
  performance.measure("update", "update");
}

export function listen() {
  const connection = document.getElementById("connection");
  const source = new EventSource(`/events?${main.dataset.view}&version=${main.dataset.version}`);
  source.addEventListener("message", (event) => {
    update(JSON.parse(event.data));
    connection.textContent = "live";
  });
  source.addEventListener("error", () => {
    connection.textContent = "no connection to the page's server: threemaps up starts it";
  });
  addEventListener("pagehide", () => source.close());
}
