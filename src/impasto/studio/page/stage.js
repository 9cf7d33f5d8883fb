// The picture: before and after under one slider, hold to compare, zoom and pan, and a brush's mask above.

import { find, h, icon } from "./dom.js";
import { t } from "./words.js";

const MOST = 16; // times, of zoom
const world = find("world");
const view = find("view");
const [before, after, split, seam, mask] = ["before", "after", "split", "seam", "mask"].map(find);

const at = { x: 0, y: 0, k: 1 }; // where the world is in the view
let shape = { width: 4, height: 3 };
let comparing = false;
let addresses = {};
let [usual, other] = [{}, null];

/** Show a picture and the photograph that it is made of; either may be missing. */
export function show(what) {
  usual = what;
  draw();
}

/** Show something else for a while, until it is null. */
export function instead(what) {
  other = what;
  draw();
}

/** Whether what is shown usually is of this photograph. */
export const isOf = (photo) => usual.photo === photo;

function draw() {
  const { photo = null, picture = null, width, height, note = "" } = other ?? usual;
  const changed = addresses.photo !== photo;
  addresses = { photo, picture, note };
  place(before, photo);
  place(after, picture);
  find("empty").hidden = Boolean(photo || picture);
  if (width && (changed || Math.abs(width / height - shape.width / shape.height) > 0.03)) {
    shape = { width, height };
    fit();
  }
  refresh();
}

function place(image, address) {
  image.hidden = !address;
  if (address && image.getAttribute("src") !== address) image.src = address;
}

/** The size of the world in the view when it just fits. */
function fitting() {
  const { clientWidth: width, clientHeight: height } = view;
  const scale = Math.min((width - 32) / shape.width, (height - 32) / shape.height);
  return { width: shape.width * scale, height: shape.height * scale };
}

export function fit() {
  const size = fitting();
  world.style.width = `${size.width}px`;
  world.style.height = `${size.height}px`;
  Object.assign(at, { k: 1, x: (view.clientWidth - size.width) / 2, y: (view.clientHeight - size.height) / 2 });
  move();
}

function move() {
  const size = fitting();
  const [wide, high] = [size.width * at.k, size.height * at.k];
  // What is smaller than the view stays in its middle, what is larger leaves no gap.
  at.x = wide <= view.clientWidth ? (view.clientWidth - wide) / 2 : Math.min(16, Math.max(view.clientWidth - wide - 16, at.x));
  at.y = high <= view.clientHeight ? (view.clientHeight - high) / 2 : Math.min(16, Math.max(view.clientHeight - high - 16, at.y));
  world.style.transform = `translate(${at.x}px, ${at.y}px) scale(${at.k})`;
  world.style.setProperty("--unzoomed", 1 / at.k);
  split.style.left = `${at.x - 22}px`;
  split.style.width = `${wide + 44}px`;
}

export function zoom(factor, x = view.clientWidth / 2, y = view.clientHeight / 2) {
  const k = Math.min(MOST, Math.max(1, at.k * factor));
  at.x = x - ((x - at.x) * k) / at.k;
  at.y = y - ((y - at.y) * k) / at.k;
  at.k = k;
  move();
}

/** A point of the page as a fraction of the picture's width and height. */
export function inside(event) {
  const box = world.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height, scale: box.width };
}

export function compare(on = !comparing) {
  comparing = on;
  split.value = on ? 50 : 0;
  refresh();
}

export function hold(on) {
  world.classList.toggle("held", on && Boolean(addresses.photo));
  drawBadge();
}

/** What is shown in place of a finished picture, or of one in the making. */
function drawBadge() {
  const text = world.classList.contains("held") ? t("showing_photo") : addresses.note;
  find("badge").hidden = !text;
  find("badge").textContent = text ?? "";
}

function refresh() {
  drawBadge();
  const both = Boolean(addresses.photo && addresses.picture);
  split.hidden = seam.hidden = !(both && comparing);
  const share = both && comparing ? Number(split.value) : 0;
  world.style.setProperty("--split", `${share}%`);
  split.setAttribute("aria-valuetext", `${Math.round(share)} %`);
  for (const each of document.querySelectorAll("[data-compare]")) {
    each.disabled = !both;
    if (each.dataset.compare) each.setAttribute("aria-pressed", both && comparing);
  }
}

/** The buttons below the picture that are always the same. */
export function drawLooks() {
  const holding = h("button.quiet", { type: "button", title: t("hold") }, icon("eye"));
  const down = () => hold(true);
  const up = () => hold(false);
  for (const kind of ["pointerdown", "keydown"]) holding.addEventListener(kind, (event) => {
    if (kind === "pointerdown" || event.key === "Enter" || event.key === " ") down();
  });
  for (const kind of ["pointerup", "pointerleave", "pointercancel", "keyup", "blur"]) holding.addEventListener(kind, up);
  const simple = (name, title, onclick) => h("button.quiet", { type: "button", title: t(title), "aria-label": t(title), onclick }, icon(name));
  holding.setAttribute("aria-label", t("hold"));
  const comparison = h("button.quiet", { type: "button", title: t("compare"), onclick: () => compare() }, icon("compare"), h("span", {}, t("compare_short")));
  comparison.dataset.compare = "pressed";
  holding.dataset.compare = "";
  find("looks").replaceChildren(
    comparison,
    holding,
    simple("minus", "zoom_out", () => zoom(1 / 1.5)),
    simple("plus", "zoom_in", () => zoom(1.5)),
    simple("fit", "fit", fit),
  );
  refresh();
}

export function begin() {
  drawLooks();
  split.addEventListener("input", refresh);
  new ResizeObserver(() => fit()).observe(view);
  view.addEventListener("wheel", (event) => {
    if (!addresses.photo && !addresses.picture) return;
    event.preventDefault();
    const box = view.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  panning();
}

/** Drag to pan, pinch to zoom, double-click for closer or the whole. */
function panning() {
  const fingers = new Map();
  const middle = () => {
    const all = [...fingers.values()];
    return { x: all.reduce((sum, p) => sum + p.x, 0) / all.length, y: all.reduce((sum, p) => sum + p.y, 0) / all.length };
  };
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  };
  view.addEventListener("pointerdown", (event) => {
    if (mask.classList.contains("active") || event.target === split || event.target.closest("label, button, .sheet")) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const [from, wide] = [middle(), spread()];
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const to = middle();
    at.x += to.x - from.x;
    at.y += to.y - from.y;
    const box = view.getBoundingClientRect();
    if (wide) zoom(spread() / wide, to.x - box.left, to.y - box.top);
    else move();
  });
  for (const kind of ["pointerup", "pointercancel"]) view.addEventListener(kind, (event) => fingers.delete(event.pointerId));
  view.addEventListener("dblclick", (event) => {
    if (mask.classList.contains("active")) return;
    const box = view.getBoundingClientRect();
    if (at.k > 1.01) fit();
    else zoom(3, event.clientX - box.left, event.clientY - box.top);
  });
}
