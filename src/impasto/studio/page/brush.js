// The brush: strokes of the pointer on the picture become those of the mask at hand.

import { find, h, icon, trying } from "./dom.js";
import * as stage from "./stage.js";
import { drawn, isPainted, sized } from "./strokes.js";
import { t } from "./words.js";

const [LEAST, MOST] = [0.005, 0.4]; // of the picture's long side

const canvas = find("mask");
const brush = { size: 0.08, soft: 0.4, erase: false };

/** What is painted: {mask, name, others: paler masks of the same picture, ended, find}; null is nothing.
 *  `find` promises the {id, base} of a mask that is found without painting, if there is such a way. */
let work = null;

export const painting = () => Boolean(work);
export const paints = (mask) => Boolean(mask) && work?.mask === mask;

/** Begin to paint a mask; `ended` is told when that is over. */
export function enter(next) {
  leave();
  work = next;
  canvas.hidden = false;
  canvas.classList.add("active");
  stage.compare(false);
  redraw();
  drawBar();
  find("stage").focus({ preventScroll: false });
}

export function leave() {
  const before = work;
  work = null;
  canvas.hidden = true;
  canvas.classList.remove("active");
  find("brushes").hidden = find("brush-ring").hidden = true;
  before?.ended();
}

/** The mask at hand, and below it the others, paler. */
function redraw() {
  const context = Object.assign(canvas, sized(work.mask.of)).getContext("2d");
  for (const each of [...work.others, work.mask].filter(isPainted)) {
    context.globalAlpha = each === work.mask ? 1 : 0.45;
    context.drawImage(drawn(each, each.color), 0, 0);
  }
}

function changed() {
  work.mask.id = undefined;
  redraw();
}

export function undo() {
  work.mask.strokes.pop();
  changed();
}

export function resize(factor) {
  brush.size = Math.min(MOST, Math.max(LEAST, brush.size * factor));
  drawBar();
}

export function drawBar() {
  if (!work) return;
  const range = (key, words, least, most) => {
    const field = h("input", { type: "range", min: least, max: most, step: 0.005, value: brush[key] });
    field.addEventListener("input", () => (brush[key] = Number(field.value)));
    return h("label.inline", {}, words, field);
  };
  const erase = h("button.quiet", { type: "button", onclick: () => ((brush.erase = !brush.erase), drawBar()) }, t("erase"));
  erase.setAttribute("aria-pressed", brush.erase);
  const chip = h("i.chip");
  chip.style.background = work.mask.color;
  const finding = async (event) => {
    const { find: found, mask } = work;
    event.currentTarget.disabled = true;
    Object.assign(mask, { strokes: [] }, await found().finally(drawBar));
    if (paints(mask)) redraw();
  };
  const clear = () => (Object.assign(work.mask, { strokes: [], base: null }), changed());
  find("brushes").hidden = false;
  find("brushes").replaceChildren(...[
    chip,
    h("strong", {}, work.name),
    range("size", t("brush_size"), LEAST, MOST),
    range("soft", t("soft"), 0, 1),
    work.find && h("button.quiet", { type: "button", title: t("subject_title"), onclick: (event) => trying(() => finding(event)) }, t("subject")),
    erase,
    h("button.quiet", { type: "button", onclick: undo }, icon("undo"), t("undo")),
    h("button.quiet", { type: "button", onclick: clear }, t("clear")),
    h("button.primary.small", { type: "button", onclick: leave }, t("finish")),
  ].filter(Boolean));
}

export function begin() {
  let stroke = null;
  const point = (event) => {
    const { x, y } = stage.inside(event);
    return [x, y];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId); // a stroke that leaves the canvas goes on outside of it
    stroke = { points: [point(event)], size: brush.size, soft: brush.soft, erase: brush.erase };
    work.mask.strokes.push(stroke);
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    ring(event);
    if (!stroke) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) stroke.points.push(point(each));
    changed();
  });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => (stroke = null));
  canvas.addEventListener("pointerleave", () => (find("brush-ring").hidden = true));
}

/** A circle around the pointer, as large as the brush. */
function ring(event) {
  const circle = find("brush-ring");
  const box = find("view").getBoundingClientRect();
  const world = find("world").getBoundingClientRect();
  const size = brush.size * Math.max(world.width, world.height);
  circle.hidden = false;
  Object.assign(circle.style, { width: `${size}px`, height: `${size}px` });
  circle.style.transform = `translate(${event.clientX - box.left - size / 2}px, ${event.clientY - box.top - size / 2}px)`;
}
