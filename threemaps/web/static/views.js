"use strict";
// How the maps are looked at: side by side or as one, larger or smaller, dragged about, and what is searched for.

const panels = document.getElementById("panels");
const find = document.getElementById("find");
const STEP = 1.25;
let zoom = 0; // 0: as large as fits

function pressed(group, chosen) {
  for (const one of group.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one === chosen));
}

function applyZoom() {
  panels.classList.toggle("zoomed", zoom !== 0);
  for (const map of panels.querySelectorAll("svg.map")) {
    map.style.width = zoom ? `${Number(map.getAttribute("width")) * zoom}px` : "";
  }
}

function applyFind() {
  const wanted = find.value.trim().toLowerCase();
  panels.classList.toggle("finding", wanted !== "");
  for (const node of panels.querySelectorAll(".node")) {
    node.classList.toggle("found", wanted !== "" && node.getAttribute("aria-label").toLowerCase().includes(wanted));
  }
}

document.querySelector(".tools").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.look) {
    panels.dataset.look = button.dataset.look;
    pressed(button.parentElement, button);
    return;
  }
  const way = Number(button.dataset.zoom);
  zoom = way === 0 ? 0 : (zoom || 1) * (way > 0 ? STEP : 1 / STEP);
  applyZoom();
});
find.addEventListener("input", applyFind);

// A map that is larger than its frame is dragged; the others follow, since scrolling is shared.
let dragged = null;
panels.addEventListener("pointerdown", (event) => {
  const frame = event.target.closest(".scroll");
  if (frame && !event.target.closest("[data-key]") && event.button === 0) dragged = frame;
});
addEventListener("pointermove", (event) => {
  if (dragged) dragged.scrollBy(-event.movementX, -event.movementY);
});
addEventListener("pointerup", () => { dragged = null; });

// What comes live is drawn as the rest is.
new MutationObserver(() => { applyZoom(); applyFind(); }).observe(panels, { childList: true, subtree: true });
