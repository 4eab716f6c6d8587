// A window of one's own: from and to in local time, or dragged out on a sparkline of requests.

const form = document.getElementById("span");
let dragged = null;
const LOCAL = (moment) => {
  const shifted = new Date(moment.getTime() - moment.getTimezoneOffset() * 60000);
  return shifted.toISOString().slice(0, 19);
};

// The fields hold local time; what is sent, and stands in the address, is UTC.
for (const field of form?.querySelectorAll("input[type=datetime-local]") ?? []) {
  const moment = new Date(field.dataset.utc);
  if (!Number.isNaN(moment.getTime())) field.value = LOCAL(moment);
}
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const [from, to] = ["from", "until"].map((name) => new Date(form.elements[name].value));
  go(from, to);
});

function go(from, to) {
  const address = new URL("/", location.href);
  const service = new URLSearchParams(location.search).get("service");
  address.searchParams.set("from", from.toISOString());
  address.searchParams.set("until", to.toISOString());
  if (service) address.searchParams.set("service", service);
  location.assign(address);
}

// ---- the page's own sparkline; X-Ray counts by the minute

const REFRESH = 30_000;
const main = document.getElementById("main");
const requests = document.getElementById("requests");

async function drawRequests() {
  const answer = await fetch(`/requests?${main.dataset.view}`).catch(() => null);
  if (answer?.ok && !dragged) requests.innerHTML = await answer.text();
}
drawRequests();
if (main.dataset.live === "yes") setInterval(drawRequests, REFRESH);

// ---- dragging on a sparkline

function share(spark, event) {
  const box = spark.getBoundingClientRect();
  return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
}

function show() {
  const { spark, from, to } = dragged;
  const chosen = spark.querySelector(".chosen");
  const width = spark.viewBox.baseVal.width;
  chosen.setAttribute("x", Math.min(from, to) * width);
  chosen.setAttribute("width", Math.abs(to - from) * width);
}

document.addEventListener("pointerdown", (event) => {
  const spark = event.target.closest?.("svg.spark[data-start]");
  if (!spark || event.button !== 0) return;
  const from = share(spark, event);
  dragged = { spark, from, to: from };
  spark.setPointerCapture(event.pointerId);
  show();
});
document.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  dragged.to = share(dragged.spark, event);
  show();
});
document.addEventListener("pointerup", () => {
  if (!dragged) return;
  const { spark, from, to } = dragged;
  dragged = null;
  const [start, end] = [spark.dataset.start, spark.dataset.end].map((text) => new Date(text).getTime());
  const moment = (at) => new Date(Math.round((start + at * (end - start)) / 1000) * 1000);
  const [first, last] = [moment(Math.min(from, to)), moment(Math.max(from, to))];
  if (last - first >= 5000) go(first, last);
});
