"use strict";
// Search within a trace: spans that match open, the others fade.

const search = document.getElementById("search");

search.addEventListener("input", () => {
  const wanted = search.value.trim().toLowerCase();
  for (const span of document.querySelectorAll(".span")) {
    const found = wanted !== "" && span.dataset.text.includes(wanted);
    span.open = found;
    span.classList.toggle("faded", wanted !== "" && !found);
    for (const row of span.querySelectorAll(".attributes tr")) {
      row.classList.toggle("found", found && row.textContent.toLowerCase().includes(wanted.split("=")[0]));
    }
  }
});
