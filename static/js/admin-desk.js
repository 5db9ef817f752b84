// A policy chosen fills in the remedy that it suggests, unless the reviewer has written another.
"use strict";

document.querySelectorAll("form[data-remedies]").forEach((form) => {
  const remedy = form.elements.namedItem("remedy");
  let suggested = "";
  form.addEventListener("change", (event) => {
    const chosen = event.target.closest("input[data-remedy]");
    if (!chosen || (remedy.value.trim() && remedy.value !== suggested)) return;
    suggested = chosen.dataset.remedy;
    remedy.value = suggested;
  });
});
