// What all pages share. Every page works without this file.
"use strict";

const told = () => document.getElementById("told");

// Parts that make sense only where scripts run.
function showScripted(root) {
  for (const part of root.querySelectorAll(".scripted[hidden]")) part.hidden = false;
}

function tellWrong(text) {
  const place = told();
  if (!place) return;
  const line = document.createElement("p");
  line.className = "wrong";
  line.textContent = text;
  place.replaceChildren(line);
}

showScripted(document);
document.addEventListener("htmx:load", (event) => showScripted(event.detail.elt));
document.addEventListener("htmx:sendError", () => tellWrong("The service cannot be reached. Nothing was done."));

// What was focused is gone after a swap: go on at the heading of what came.
document.addEventListener("htmx:afterSettle", (event) => {
  const id = { item: "item-title", results: "results" }[event.detail.target.id];
  const heading = id && document.getElementById(id);
  if (!heading) return;
  heading.focus({ preventScroll: true });
  const { top } = heading.getBoundingClientRect();
  if (top < 60 || top > innerHeight / 2) heading.scrollIntoView();
});
