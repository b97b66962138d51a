// Single keys for the review, and what the split button would do.
"use strict";

const STORED = "matcher-keys";
const keysOn = document.getElementById("keys-on");

function remembered() {
  try { return localStorage.getItem(STORED) !== "off"; } catch { return true; }
}

keysOn.checked = remembered();
keysOn.addEventListener("change", () => {
  try { localStorage.setItem(STORED, keysOn.checked ? "on" : "off"); } catch { /* kept for this page alone */ }
});

function isTyping(target) {
  return target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
}

function openMerge() {
  const merge = document.getElementById("merge");
  if (!merge) return;
  merge.open = true;
  document.getElementById("find").focus();
}

document.addEventListener("keydown", (event) => {
  const plain = !(event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing);
  if (!keysOn.checked || !plain || isTyping(event.target)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const control = [...document.querySelectorAll("[data-key]")].find(
    (one) => one.dataset.key === key || one.dataset.arrow === key);
  if (!control) return;
  event.preventDefault();
  control.click();
});

document.addEventListener("click", (event) => {
  if (event.target.closest('a[href="#merge"]')) {
    event.preventDefault();
    openMerge();
  }
});

function nameSplit() {
  const name = document.querySelector("[data-split]");
  if (!name) return;
  const n = document.querySelectorAll("#decide input[name=keep]:not(:checked)").length;
  name.textContent = n ? `Split off ${n}` : name.dataset.split;
}

nameSplit();
document.addEventListener("change", nameSplit);
document.addEventListener("htmx:afterSettle", nameSplit);
