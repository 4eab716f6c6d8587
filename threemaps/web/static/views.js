// How the maps are looked at: side by side, as one or as a table, larger or smaller, and what is searched for.

const panels = document.getElementById("panels");
const find = document.getElementById("find");
const minimap = document.getElementById("minimap");
const STEP = 1.25;
let zoom = 0; // 0: as large as fits

const frames = () => [...panels.querySelectorAll(".scroll")];
const frame = () => frames().find((one) => one.clientWidth > 0);

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

function look(name) {
  document.getElementById("main").dataset.look = name;
  panels.dataset.look = name;
  drawMinimap();
}

document.querySelector(".tools").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.look) {
    pressed(button.parentElement, button);
    look(button.dataset.look);
  } else if (button?.dataset.zoom) {
    const way = Number(button.dataset.zoom);
    zoom = way === 0 ? 0 : (zoom || 1) * (way > 0 ? STEP : 1 / STEP);
    applyZoom();
    drawMinimap();
  }
});
find.addEventListener("input", applyFind);

export function drawAgain() {
  applyZoom();
  applyFind();
  drawMinimap();
}

// ---- a map that is larger than its frame is dragged; the others follow, since scrolling is shared

let dragged = null;
panels.addEventListener("pointerdown", (event) => {
  const held = event.target.closest(".scroll");
  if (held && !event.target.closest("[data-key]") && event.button === 0) dragged = held;
});
addEventListener("pointermove", (event) => {
  if (dragged) dragged.scrollBy(-event.movementX, -event.movementY);
});
addEventListener("pointerup", () => { dragged = null; });

let scrolling = null;
document.addEventListener("scroll", (event) => {
  const from = event.target;
  if (!from.closest?.(".panels")) return;
  drawMinimap();
  if (scrolling && scrolling !== from) return;
  scrolling = from;
  for (const other of frames()) if (other !== from) other.scrollTo(from.scrollLeft, from.scrollTop);
  requestAnimationFrame(() => { scrolling = null; });
}, true);

// ---- the minimap: all of a large map, and which part of it is in the frames

function drawMinimap() {
  const drawn = minimap.querySelector("svg");
  const shown = frame();
  const overflows = shown && (shown.scrollWidth > shown.clientWidth + 2 || shown.scrollHeight > shown.clientHeight + 2);
  minimap.hidden = !drawn || !overflows;
  if (minimap.hidden) return;
  const { width, height } = drawn.viewBox.baseVal;
  const [across, down] = [width / shown.scrollWidth, height / shown.scrollHeight];
  const seen = drawn.querySelector(".seen");
  seen.setAttribute("x", shown.scrollLeft * across);
  seen.setAttribute("y", shown.scrollTop * down);
  seen.setAttribute("width", shown.clientWidth * across);
  seen.setAttribute("height", shown.clientHeight * down);
}

function jump(event) {
  const shown = frame();
  if (!shown || !event.buttons) return;
  const box = minimap.querySelector("svg").getBoundingClientRect();
  shown.scrollTo(
    ((event.clientX - box.left) / box.width) * shown.scrollWidth - shown.clientWidth / 2,
    ((event.clientY - box.top) / box.height) * shown.scrollHeight - shown.clientHeight / 2,
  );
}
for (const kind of ["pointerdown", "pointermove"]) minimap.addEventListener(kind, jump);
new ResizeObserver(drawMinimap).observe(panels);
