// A photo that is dropped or pasted, and a part of it chosen by dragging.
"use strict";

const photo = document.getElementById("photo");
const drop = document.getElementById("drop");
const crop = document.getElementById("crop");
const preview = document.getElementById("preview");
const selection = document.getElementById("selection");
const part = document.getElementById("part");
const names = ["x", "y", "width", "height"];
const fields = names.map((name) => document.getElementById(`box-${name}`));
const SMALLEST = 4; // pixels on the screen; less is a click, and means the whole photo
let address = "";
let start = null;

function showPhoto() {
  if (address) URL.revokeObjectURL(address);
  address = "";
  crop.hidden = true;
  drop.classList.remove("chosen");
  clearBox();
  const [file] = photo.files;
  if (!file) return;
  address = URL.createObjectURL(file);
  preview.src = address;
}

function clearBox() {
  for (const field of fields) field.value = "";
  draw();
}

function readBox() {
  const values = fields.map((field) => Number.parseFloat(field.value));
  return values.every(Number.isFinite) && values[2] > 0 && values[3] > 0 ? values : null;
}

function draw() {
  const [width, height] = [preview.naturalWidth || 1, preview.naturalHeight || 1];
  selection.setAttribute("viewBox", `0 0 ${width} ${height}`);
  selection.setAttribute("preserveAspectRatio", "none");
  const box = readBox();
  const frame = selection.querySelector(".box");
  const around = `M0 0H${width}V${height}H0Z`;
  const [x, y, w, h] = box || [0, 0, width, height];
  selection.querySelector(".shade").setAttribute("d", box ? `${around}M${x} ${y}h${w}v${h}h${-w}Z` : "");
  [x, y, w, h].forEach((value, i) => frame.setAttribute(names[i], value));
  frame.toggleAttribute("hidden", !box);
  frame.style.display = box ? "" : "none";
}

// A point of the screen, in pixels of the photo and inside it.
function place(event) {
  const seen = selection.getBoundingClientRect();
  const inside = (value, most) => Math.min(Math.max(value, 0), most);
  return [
    inside((event.clientX - seen.left) / seen.width, 1) * preview.naturalWidth,
    inside((event.clientY - seen.top) / seen.height, 1) * preview.naturalHeight,
  ];
}

selection.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  start = { at: place(event), x: event.clientX, y: event.clientY };
  selection.setPointerCapture(event.pointerId);
  event.preventDefault();
});

selection.addEventListener("pointermove", (event) => {
  if (!start) return;
  const [x, y] = place(event);
  const left = Math.floor(Math.min(x, start.at[0]));
  const top = Math.floor(Math.min(y, start.at[1]));
  const values = [left, top, Math.ceil(Math.max(x, start.at[0])) - left, Math.ceil(Math.max(y, start.at[1])) - top];
  fields.forEach((field, i) => { field.value = Math.max(values[i], i > 1 ? 1 : 0); });
  draw();
});

function endDrag(event) {
  if (!start) return;
  const moved = Math.max(Math.abs(event.clientX - start.x), Math.abs(event.clientY - start.y));
  start = null;
  if (moved < SMALLEST) clearBox();
  else part.open = true;
}

selection.addEventListener("pointerup", endDrag);
selection.addEventListener("pointercancel", endDrag);
preview.addEventListener("load", () => {
  crop.hidden = false;
  drop.classList.add("chosen");
  draw();
});
photo.addEventListener("change", showPhoto);
document.getElementById("whole").addEventListener("click", clearBox);
for (const field of fields) field.addEventListener("input", draw);

function take(files) {
  const image = [...files].find((file) => file.type.startsWith("image/"));
  if (!image) return;
  const held = new DataTransfer();
  held.items.add(image);
  photo.files = held.files;
  showPhoto();
}

for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    drop.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  drop.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  take(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) take(event.clipboardData.files);
});
if (photo.files.length) showPhoto();
