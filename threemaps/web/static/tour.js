// The buttons that send requests, and the drawer in which things are broken.

const drawer = document.getElementById("tour");
const opener = document.getElementById("tour-open");

export function shut() {
  if (!drawer || drawer.hidden) return;
  const hadFocus = drawer.contains(document.activeElement);
  drawer.hidden = true;
  opener.setAttribute("aria-expanded", "false");
  if (hadFocus) opener.focus();
}

function say(text) {
  for (const one of document.querySelectorAll(".said")) one.textContent = text;
}

async function press(button) {
  const { action, fault, step } = button.dataset;
  const service = button.closest("[data-service]")?.dataset.service;
  button.disabled = true;
  say("…");
  try {
    const answer = await fetch("/try", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Threemaps": "page" },
      body: JSON.stringify({ action, service, fault, step }),
    });
    const result = await answer.json();
    say(result.message);
    showFaults(result.states ?? {});
  } catch {
    say("the page's server gave no answer: threemaps status");
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

opener?.addEventListener("click", () => {
  if (!drawer.hidden) return shut();
  document.getElementById("panel-close").click();
  drawer.hidden = false;
  opener.setAttribute("aria-expanded", "true");
  document.getElementById("tour-close").focus();
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("#tour-close")) shut();
  const button = event.target.closest?.("button[data-action]");
  if (button) press(button);
});
for (const group of document.querySelectorAll(".faults")) {
  const pressed = group.querySelector('[aria-pressed="true"]');
  group.toggleAttribute("data-sick", pressed?.dataset.fault !== "well");
}
