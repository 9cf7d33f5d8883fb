// The parts of the picture: what stays, what has a style of its own, and which part of that style; masks for each.

import { json, send, shown } from "./api.js";
import * as brush from "./brush.js";
import { find, h, icon, trying } from "./dom.js";
import { allStyles, isSwatch, styleImage, styleName } from "./gallery.js";
import * as stage from "./stage.js";
import { baseOf, image, isPainted } from "./strokes.js";
import { t } from "./words.js";
import { follow, wish } from "./wish.js";

const COLORS = ["#e2603f", "#2f8fd0", "#3aa56b", "#b9772c", "#8b62c9", "#cf4a86", "#4c9a9a", "#8a8f2a"];
const SWATCH = { width: 1024, height: 768 };

/** What is kept: a mask, or null. */
let keep = null;
/** Parts with a style of their own: {n, style, mask, styleMask}.  A mask: {color, of, strokes, base, id}, see strokes.js. */
let parts = [];

const blank = (color, of) => ({ color, of, strokes: [], base: null, id: undefined });

const known = async (mask, name) => (mask.id ??= (await send(await image(mask), `${name}.png`)).id);

/** What POST /runs has for the masks: those without a stroke are left out. */
export async function ids() {
  const regions = [];
  for (const { n, style, mask, styleMask } of parts.filter((each) => isPainted(each.mask))) {
    const region = { mask: await known(mask, `part-${n}`), style };
    if (isPainted(styleMask)) region.style_mask = await known(styleMask, `part-${n}-style`);
    regions.push(region);
  }
  return { regions, keep: isPainted(keep) ? await known(keep, "keep") : null };
}

/** Take over the masks that a run had, if the photograph that they are of is here. */
export async function adopt(all) {
  const asked = wish.photo ? all : {};
  const came = async (id, color, of) => (id ? { ...blank(color, of), id, base: await baseOf(id) } : null);
  brush.leave();
  keep = await came(asked.keep, COLORS[0], wish.photo);
  parts = await Promise.all(
    (asked.regions ?? []).map(async ({ mask, style, style_mask: styleMask }, i) => ({
      n: i + 1,
      style,
      mask: await came(mask, COLORS[i + 1], wish.photo),
      styleMask: await came(styleMask, COLORS[i + 1], styleMask && (await sizeOf(style))),
    })),
  );
  find("parts-fold").open ||= Boolean(keep || parts.length);
  draw();
}

const sizeOf = async (style) => (isSwatch(style) ? SWATCH : json(`/pictures/${style}/about`));

// The list ------------------------------------------------------------------------------------------------------------

const nameOf = (part) => t("region", { n: part.n });

export function draw() {
  const add = h("button.quiet", { type: "button", disabled: !wish.photo || parts.length > 6, onclick: addPart }, icon("plus"), t("add_region"));
  find("parts").replaceChildren(h("p.hint", {}, t("parts_help")), keepRow(), ...parts.map(partRow), add);
}

/** A button that leads to the brush, and one that takes its mask away, if there is one. */
function tools(name, mask, paint, remove) {
  const begin = h("button.quiet", { type: "button", disabled: !wish.photo, onclick: () => trying(paint) }, icon("brush"), t("brush"));
  begin.setAttribute("aria-label", `${t("brush")}: ${name}`);
  begin.setAttribute("aria-pressed", brush.paints(mask));
  const away = () => {
    if (brush.paints(mask)) brush.leave();
    remove();
    draw();
  };
  const bin = h("button.plain", { type: "button", title: t("remove"), "aria-label": `${t("remove")}: ${name}`, onclick: away }, icon("bin"));
  return mask ? [begin, bin] : [begin];
}

function chip(color) {
  const made = h("i.chip");
  made.style.background = color;
  return made;
}

function keepRow() {
  const paint = () => paintOn((keep ??= blank(COLORS[0], wish.photo)), t("keep"));
  return h("div.part", {}, chip(COLORS[0]), h("span.grow", {}, t("keep")), tools(t("keep"), keep, paint, () => (keep = null)));
}

function partRow(part) {
  const name = nameOf(part);
  const styles = h("select", {}, [...new Set([...allStyles(), part.style])].map((source) => h("option", { value: source }, styleName(source))));
  styles.addEventListener("change", () => {
    Object.assign(part, { style: styles.value, styleMask: null }); // it was of the other style
    draw();
  });
  styles.setAttribute("aria-label", `${t("style")}: ${name}`);
  styles.value = part.style;
  const whole = t(isPainted(part.styleMask) ? "style_part" : "style_whole");
  return h("div.region", {},
    h("div.part", {}, chip(part.mask.color), h("span.grow", {}, name), styles,
      tools(name, part.mask, () => paintOn(part.mask, name), () => (parts = parts.filter((each) => each !== part)))),
    h("div.part.sub", {}, h("small.grow", {}, whole),
      tools(`${name}, ${t("style_part")}`, part.styleMask, () => paintStyle(part), () => (part.styleMask = null))));
}

function addPart() {
  const n = [1, 2, 3, 4, 5, 6, 7].find((each) => !parts.some((part) => part.n === each));
  const style = allStyles().find((source) => !wish.styles.some((each) => each.source === source)) ?? allStyles()[0];
  const part = { n, style, mask: blank(COLORS[n], wish.photo), styleMask: null };
  parts.push(part);
  trying(() => paintOn(part.mask, nameOf(part)));
}

// The brush -----------------------------------------------------------------------------------------------------------

function ended() {
  stage.instead(null);
  draw();
}

/** Paint a mask of the photograph, on it or on a picture that is made of it. */
async function paintOn(mask, name) {
  const photo = await shown(`/pictures/${wish.photo.id}?size=2048`);
  const others = [keep, ...parts.map((each) => each.mask)].filter((each) => each && each !== mask);
  brush.enter({ mask, name, others, ended, find: findSubject });
  stage.instead(stage.isOf(photo) ? null : { ...wish.photo, photo });
  draw();
}

async function findSubject() {
  const { id } = await json(`/pictures/${wish.photo.id}/subject`, { method: "POST" });
  return { id, base: await baseOf(id) };
}

/** Paint which part of a style is meant, on that style. */
async function paintStyle(part) {
  const { width, height } = await sizeOf(part.style);
  const photo = await styleImage(part.style);
  const mask = (part.styleMask ??= blank(part.mask.color, { width, height }));
  brush.enter({ mask, name: `${nameOf(part)}: ${styleName(part.style)}`, others: [], ended });
  stage.instead({ photo, width, height });
  draw();
  const large = await styleImage(part.style, 2048);
  if (brush.paints(mask)) stage.instead({ photo: large, width, height });
}

export function begin() {
  brush.begin();
  let photo = wish.photo?.id;
  follow(() => {
    if (photo !== wish.photo?.id) {
      photo = wish.photo?.id;
      [keep, parts] = [null, []];
      brush.leave();
    }
    draw();
  });
}
