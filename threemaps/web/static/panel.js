// The panel beside the maps: one edge or node in full.

import { light, step } from "./maps.js";
import { showTimes } from "./times.js";
import { shut as shutTour } from "./tour.js";

const main = document.getElementById("main");
const panel = document.getElementById("panel");
const body = document.getElementById("panel-body");
let opener = null;

export async function open(key) {
  const view = main.dataset.view;
  const address = `/part?${view ? view + "&" : ""}key=${encodeURIComponent(key)}`;
  opener = document.activeElement;
  shutTour();
  panel.hidden = false;
  panel.dataset.key = key;
  body.textContent = "…";
  try {
    const answer = await fetch(address, { headers: { "X-Threemaps": "page" } });
    const text = await answer.text();
    if (panel.dataset.key !== key) return;
    body.innerHTML = text;
    showTimes(body);
  } catch {
    body.textContent = "the page's server gave no answer: threemaps status";
  }
  document.getElementById("panel-close").focus();
}

export function shut() {
  if (panel.hidden) return;
  panel.hidden = true;
  panel.dataset.key = "";
  opener?.focus?.();
}

function copy(event, link) {
  if (!navigator.clipboard) return;
  event.preventDefault();
  navigator.clipboard.writeText(link.href).then(() => { link.textContent = "Copied"; });
}

document.addEventListener("click", (event) => {
  const chosen = event.target.closest?.("svg.map [data-key]");
  const row = event.target.closest?.("#rows a");
  const link = event.target.closest?.("a.copy");
  if (event.target.closest?.("#panel-close")) shut();
  else if (chosen) open(chosen.dataset.key);
  else if (link) copy(event, link);
  else if (row && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    open(row.closest("tr").dataset.key);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { light(null); shut(); shutTour(); }
  const current = event.target.closest?.("svg.map [data-key]");
  if (!current) return;
  const forward = ["ArrowRight", "ArrowDown"].includes(event.key);
  if (forward || ["ArrowLeft", "ArrowUp"].includes(event.key)) step(current, forward);
  else if (event.key === "Enter" || event.key === " ") open(current.dataset.key);
  else return;
  event.preventDefault();
});
