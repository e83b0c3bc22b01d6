"use strict";
// a table that was dropped or chosen is opened at once
for (const field of document.querySelectorAll(".drop input[type=file]")) {
  const form = field.closest("form");
  field.addEventListener("change", () => { if (field.files.length) form.requestSubmit(); });
  for (const name of ["dragenter", "dragover"]) field.addEventListener(name, () => form.classList.add("over"));
  for (const name of ["dragleave", "drop"]) field.addEventListener(name, () => form.classList.remove("over"));
}

// a search tells what it finds, until it is over
let source = null;
function follow(box) {
  if (source) source.close();
  source = new EventSource(box.dataset.events);
  source.addEventListener("progress", (event) => { box.querySelector(".progress").innerHTML = event.data; });
  source.addEventListener("over", () => {
    source.close();
    htmx.ajax("GET", box.dataset.result, { target: "#result", swap: "outerHTML" });
  });
}

function dress(part) {
  const box = part.matches?.("[data-events]") ? part : part.querySelector("[data-events]");
  if (box) follow(box);
  if (!navigator.clipboard) return;
  for (const code of part.querySelectorAll(".code:not(:has(button))")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    code.append(button);
  }
}
dress(document);
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "result") return;
  const result = document.getElementById("result");
  dress(result);
  // what was asked for of the law is where it was asked for
  const path = event.detail.pathInfo?.requestPath ?? "";
  const place = path.endsWith("/next") ? "next" : path.endsWith("/keep") ? "take" : "result";
  (document.getElementById(place) ?? result).scrollIntoView({ block: "start" });
});
