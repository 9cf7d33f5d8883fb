// Masks painted with a brush: lists of strokes at the photograph's pixels, which become an image when they are sent.

import { ask, send } from "./api.js";
import { find, h, icon } from "./dom.js";
import { allStyles, styleName } from "./gallery.js";
import * as stage from "./stage.js";
import { t } from "./words.js";
import { follow, wish } from "./wish.js";

const LARGEST = 2048; // pixels of a mask's long side
const FAR = 20000; // pixels that a stroke is drawn aside, so that its soft shadow alone is seen
const COLORS = ["#e2603f", "#2f8fd0", "#3aa56b", "#b9772c", "#8b62c9", "#cf4a86", "#4c9a9a", "#8a8f2a"];

const canvas = find("mask");
const brush = { size: 0.08, soft: 0.4, erase: false };

/** The masks in the making. One: {key, color, strokes: [{points, size, soft, erase}], base, id}; `keep` is what stays.
 *  `base` is a mask that came back with a picture's settings, white where it is in; strokes go on top of it. */
let masks = [];
let active = null;

const sized = () => {
  const { width, height } = wish.photo ?? { width: 4, height: 3 };
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
};

/** A canvas with strokes in a color; what is erased is erased in turn. */
function paint({ strokes, base }, color) {
  const target = document.createElement("canvas");
  const context = Object.assign(target, sized()).getContext("2d");
  const side = Math.max(target.width, target.height);
  if (base) {
    context.drawImage(base, 0, 0, target.width, target.height);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = color;
    context.fillRect(0, 0, target.width, target.height);
  }
  for (const stroke of strokes) {
    const width = stroke.size * side;
    const blur = stroke.soft * width * 0.5;
    context.save();
    context.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
    Object.assign(context, { lineCap: "round", lineJoin: "round", lineWidth: Math.max(1, width - blur), strokeStyle: color });
    Object.assign(context, { shadowColor: color, shadowBlur: blur, shadowOffsetX: FAR });
    context.translate(-FAR, 0);
    context.beginPath();
    const [first, ...others] = stroke.points.map(([x, y]) => [x * target.width, y * target.height]);
    context.moveTo(...first);
    context.lineTo(first[0] + 0.01, first[1]);
    for (const point of others) context.lineTo(...point);
    context.stroke();
    context.restore();
  }
  return target;
}

/** White on black, with 8 bits, as large as the photograph (2048 pixels at most). */
function image(mask) {
  const flat = Object.assign(document.createElement("canvas"), sized());
  const context = flat.getContext("2d");
  context.fillRect(0, 0, flat.width, flat.height);
  context.drawImage(paint(mask, "#fff"), 0, 0);
  return new Promise((done) => flat.toBlob(done, "image/png"));
}

const isPainted = ({ strokes, base }) => base || strokes.some((stroke) => !stroke.erase);

async function sent(mask, name) {
  mask.id ??= (await send(await image(mask), `${name}.png`)).id;
  return mask.id;
}

/** What POST /runs has for the masks: those without a stroke are left out. */
export async function ids() {
  const painted = masks.filter(isPainted);
  const regions = [];
  let keep = null;
  for (const each of painted) {
    if (each.key === "keep") keep = await sent(each, "keep");
    else if (each.style) regions.push({ mask: await sent(each, each.key), style: each.style });
  }
  return { regions, keep };
}

/** Take over the masks that a run had. */
export async function adopt(asked) {
  const given = [...(asked.keep ? [{ key: "keep", id: asked.keep }] : [])];
  (asked.regions ?? []).forEach(({ mask, style }, i) => given.push({ key: `part-${i + 1}`, id: mask, style }));
  leave();
  masks = await Promise.all(
    given.map(async (each, i) => ({ ...each, color: COLORS[each.key === "keep" ? 0 : i + 1], strokes: [], base: await baseOf(each.id) })),
  );
  find("parts-fold").open ||= masks.length > 0;
  draw();
}

/** A mask's picture as white that is seen where the mask is in. */
async function baseOf(id) {
  const picture = await createImageBitmap(await (await ask(`/pictures/${id}?size=${LARGEST}`)).blob());
  const base = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  const context = base.getContext("2d");
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, base.width, base.height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    pixels.data[i + 3] = (pixels.data[i + 3] * (pixels.data[i] + pixels.data[i + 1] + pixels.data[i + 2])) / 765;
    pixels.data.fill(255, i, i + 3);
  }
  context.putImageData(pixels, 0, 0);
  return base;
}

// The list ------------------------------------------------------------------------------------------------------------

const nameOf = (mask) => (mask.key === "keep" ? t("keep") : t("region", { n: mask.key.slice(5) }));

export function draw() {
  if (active && !masks.includes(active)) leave();
  const keep = masks.find((each) => each.key === "keep") ?? { key: "keep", color: COLORS[0], strokes: [] };
  const rows = [keep, ...masks.filter((each) => each.key !== "keep")].map(row);
  const add = h("button.quiet", { type: "button", disabled: !wish.photo || masks.length > 7, onclick: addRegion }, icon("plus"), t("add_region"));
  find("parts").replaceChildren(h("p.hint", {}, t("parts_help")), ...rows, add);
}

function row(mask) {
  const chip = h("i.chip");
  chip.style.background = mask.color;
  const begin = h("button.quiet", { type: "button", disabled: !wish.photo, onclick: () => enter(mask) }, icon("brush"), t("brush"));
  begin.setAttribute("aria-label", `${t("brush")}: ${nameOf(mask)}`);
  begin.setAttribute("aria-pressed", mask === active);
  const parts = [chip, h("span.grow", {}, nameOf(mask)), begin];
  if (mask.key !== "keep") {
    const styles = h("select", { onchange: (event) => (mask.style = event.target.value) }, allStyles().map((source) => h("option", { value: source }, styleName(source))));
    styles.setAttribute("aria-label", `${t("style")}: ${nameOf(mask)}`);
    styles.value = mask.style;
    parts.splice(2, 0, styles);
  }
  if (masks.includes(mask)) {
    const away = () => {
      masks = masks.filter((each) => each !== mask);
      draw();
    };
    parts.push(h("button.plain", { type: "button", title: t("remove"), "aria-label": `${t("remove")}: ${nameOf(mask)}`, onclick: away }, icon("bin")));
  }
  return h("div.part", {}, parts);
}

function addRegion() {
  const taken = masks.map((each) => each.key);
  const n = [1, 2, 3, 4, 5, 6, 7].find((each) => !taken.includes(`part-${each}`));
  const other = allStyles().find((source) => !wish.styles.some((each) => each.source === source));
  const mask = { key: `part-${n}`, color: COLORS[n], strokes: [], style: other };
  masks.push(mask);
  enter(mask);
}

// The brush -----------------------------------------------------------------------------------------------------------

export const painting = () => Boolean(active);

function enter(mask) {
  if (!masks.includes(mask)) masks.push(mask);
  active = mask;
  canvas.hidden = false;
  canvas.classList.add("active");
  redraw();
  drawBar();
  draw();
  find("stage").focus({ preventScroll: false });
}

export function leave() {
  active = null;
  canvas.hidden = true;
  canvas.classList.remove("active");
  find("brushes").hidden = find("brush-ring").hidden = true;
}

function done() {
  leave();
  draw();
}

/** The mask at hand, and below it the others, paler. */
function redraw() {
  const context = Object.assign(canvas, sized()).getContext("2d");
  for (const each of masks) {
    context.globalAlpha = each === active ? 1 : 0.45;
    if (isPainted(each)) context.drawImage(paint(each, each.color), 0, 0);
  }
}

function changed() {
  active.id = undefined;
  redraw();
}

export function undo() {
  active.strokes.pop();
  changed();
}

export function resize(factor) {
  brush.size = Math.min(0.4, Math.max(0.005, brush.size * factor));
  drawBar();
}

function drawBar() {
  const range = (key, words, least, most) => {
    const field = h("input", { type: "range", min: least, max: most, step: 0.005, value: brush[key] });
    field.addEventListener("input", () => (brush[key] = Number(field.value)));
    return h("label.inline", {}, words, field);
  };
  const erase = h("button.quiet", { type: "button", onclick: () => ((brush.erase = !brush.erase), drawBar()) }, t("erase"));
  erase.setAttribute("aria-pressed", brush.erase);
  const chip = h("i.chip");
  chip.style.background = active.color;
  find("brushes").hidden = false;
  find("brushes").replaceChildren(
    chip,
    h("strong", {}, t("painting_mask", { name: nameOf(active) })),
    range("size", t("brush_size"), 0.005, 0.4),
    range("soft", t("soft"), 0, 1),
    erase,
    h("button.quiet", { type: "button", onclick: undo }, icon("undo"), t("undo")),
    h("button.quiet", { type: "button", onclick: () => (Object.assign(active, { strokes: [], base: null }), changed()) }, t("clear")),
    h("button.primary.small", { type: "button", onclick: done }, t("finish")),
  );
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
    active.strokes.push(stroke);
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    ring(event);
    if (!stroke) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) stroke.points.push(point(each));
    if (!stroke.points.length) stroke.points.push(point(event));
    changed();
  });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => (stroke = null));
  canvas.addEventListener("pointerleave", () => (find("brush-ring").hidden = true));
  let photo = wish.photo?.id;
  follow(() => {
    if (photo !== wish.photo?.id) {
      photo = wish.photo?.id;
      masks = [];
      leave();
    }
    draw();
  });
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
