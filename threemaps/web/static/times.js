// Moments as people have them: their own time and how long ago, UTC on hover. The server writes UTC.

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function ago(moment) {
  const seconds = (Date.now() - moment) / 1000;
  const [unit, size] = UNITS.find(([, length]) => seconds >= length) ?? ["s", 1];
  return `${Math.max(0, Math.floor(seconds / size))} ${unit} ago`;
}

export function showTimes(within) {
  for (const one of within.querySelectorAll("time[datetime]")) {
    const moment = new Date(one.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const own = moment.toLocaleTimeString(undefined, { hour12: false });
    const text = "ago" in one.dataset ? `${own} · ${ago(moment)}` : own;
    if (one.textContent !== text) one.textContent = text;
    one.title = `${one.dateTime.replace("T", " ").replace(/(\.\d{3})\d*/, "$1").replace("Z", "")} UTC`;
  }
}

showTimes(document);
setInterval(() => showTimes(document), 5000);
