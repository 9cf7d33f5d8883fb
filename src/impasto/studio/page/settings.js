// The settings, drawn as the recipe describes them: one that is new there appears here without another line.

import { json, send } from "./api.js";
import { find, h, icon, trying } from "./dom.js";
import { settingName } from "./telling.js";
import { known, t } from "./words.js";
import { change, follow, set, wish } from "./wish.js";

// Those with a place of their own; everything else that there is comes under "more".
const OWN = ["size", "strength", "colors", "style_scale", "style_weights"];
const SIZES = [256, 384, 512, 768, 1024, 1536, 2048];
const MEANINGS = [0.1, 0.4, 0.6, 0.85, 1.01];

let described = [];
let presets = [];

export async function begin() {
  [described, presets] = await Promise.all([json("/settings"), json("/presets")]);
  drawAll();
  follow(refresh);
}

const about = (name) => described.find((each) => each.name === name);
const usual = () => presets.find((each) => each.name === wish.preset)?.settings ?? {};

let refreshers = [];

/** All fields anew, as after a change of language. */
export function drawAll() {
  refreshers = [];
  find("basics").replaceChildren(strength(), h("div.pair", {}, size(), colors()), h("div.pair", {}, scale(), preset()), summary());
  const rest = described.filter((each) => !OWN.includes(each.name));
  const groups = [...new Set(rest.map((each) => each.group))];
  find("settings").replaceChildren(
    ...groups.map((group) =>
      h("fieldset", {}, h("legend", {}, t(`group_${group}`)), rest.filter((each) => each.group === group).map(drawn)),
    ),
    h("button.quiet", { type: "button", onclick: () => change({ settings: own() }) }, icon("undo"), t("reset")),
  );
  refresh();
}

const own = () => Object.fromEntries(Object.entries(wish.settings).filter(([name]) => OWN.includes(name)));

function refresh() {
  for (const each of refreshers) each();
  const changed = Object.keys(wish.settings).filter((name) => !OWN.includes(name)).length;
  find("changed").textContent = changed ? t("changed", { n: changed }) : "";
}

function strength() {
  const range = h("input.strength", { type: "range", id: "strength", min: 0, max: 1, step: 0.05 });
  const meaning = h("output", { htmlFor: "strength" });
  range.addEventListener("input", () => set("strength", Number(range.value) === usual().strength ? undefined : Number(range.value)));
  refreshers.push(() => {
    range.value = wish.settings.strength ?? usual().strength ?? 0.5;
    const words = t(`strength_${MEANINGS.findIndex((most) => Number(range.value) < most)}`);
    meaning.replaceChildren(h("b", {}, Number(range.value).toFixed(2)), ` ${words}`);
    range.setAttribute("aria-valuetext", `${range.value}, ${words}`);
    range.style.setProperty("--at", `${range.value * 100}%`);
  });
  const ends = h("div.ends", { "aria-hidden": "true" }, h("span", {}, t("strength_0")), h("span", {}, t("strength_4")));
  return h("div.field", {}, h("div.line", {}, h("label", { htmlFor: "strength" }, t("strength")), meaning), range, ends);
}

function size() {
  const names = [...SIZES.map(String), ...about("size").choices];
  const list = h("select", { id: "size" });
  const chosen = () => (list.value === "original" ? "original" : Number(list.value));
  list.addEventListener("change", () => set("size", chosen() === (usual().size ?? "original") ? undefined : chosen()));
  refreshers.push(() => {
    const now = String(wish.settings.size ?? usual().size ?? "original");
    const all = names.includes(now) ? names : [now, ...names];
    list.replaceChildren(...all.map((each) => h("option", { value: each }, each === "original" ? t("original") : `${each} px`)));
    list.value = now;
  });
  return labelled("size", t("size"), list);
}

function colors() {
  const list = h("select", { id: "colors" }, about("colors").choices.map((each) => h("option", { value: each }, t(`colors_${each}`))));
  list.addEventListener("change", () => set("colors", list.value === usual().colors ? undefined : list.value));
  refreshers.push(() => (list.value = wish.settings.colors ?? usual().colors));
  return labelled("colors", t("colors"), list);
}

function scale() {
  const range = h("input", { type: "range", id: "style_scale", min: -2, max: 2, step: 0.25 });
  const told = h("output", { htmlFor: "style_scale" });
  range.addEventListener("input", () => set("style_scale", Number(range.value) === 0 ? undefined : 2 ** Number(range.value)));
  refreshers.push(() => {
    const now = wish.settings.style_scale ?? usual().style_scale ?? 1;
    range.value = Math.log2(Array.isArray(now) ? now[0] : now);
    told.textContent = `${[now].flat().map((each) => Number(each.toPrecision(2))).join(" / ")} ×`;
    range.setAttribute("aria-valuetext", told.textContent);
  });
  return h("div.field", {}, h("div.line", {}, h("label", { htmlFor: "style_scale" }, t("scale")), told), range);
}

function preset() {
  const list = h("select", { id: "preset" }, presets.map((each) => h("option", { value: each.name, title: known(`preset_${each.name}`, each.summary) }, each.name)));
  list.addEventListener("change", () => change({ preset: list.value }));
  refreshers.push(() => (list.value = wish.preset));
  return labelled("preset", t("preset"), list);
}

/** What the preset is, in its own words. */
function summary() {
  const told = h("small.summary");
  refreshers.push(() => (told.textContent = known(`preset_${wish.preset}`, presets.find((each) => each.name === wish.preset)?.summary ?? "")));
  return told;
}

const labelled = (id, words, field) => h("div.field", {}, h("label", { htmlFor: id }, words), field);

// Any setting ---------------------------------------------------------------------------------------------------------

const shownValue = (value) => {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "object") return Object.entries(value).map(([name, each]) => (each === 1 ? name : `${name}=${each}`)).join(", ");
  return String(typeof value === "number" ? Number(value.toPrecision(6)) : value);
};

const listOf = (text) => text.split(",").map((each) => each.trim()).filter(Boolean);

// What a field's text means, by the kind of its setting.
const READ = {
  whole: Number,
  number: Number,
  numbers: (text) => listOf(text).map(Number),
  layers: listOf,
  switch: (text) => text === "yes",
};

function drawn({ name, kind, help, choices, free, picture }) {
  const id = `set-${name}`;
  const field = kind === "switch" || (choices.length && !free && kind !== "layers") ? listed(id, kind, choices) : typed(id, kind);
  const read = READ[kind] ?? ((text) => text);
  field.addEventListener("change", () => set(name, field.value.trim() === "" ? undefined : read(field.value)));
  field.setAttribute("aria-describedby", `${id}-help`);
  const fields = picture ? h("div.row", {}, field, fileFor(name)) : field;
  const row = h("div.setting", {}, h("label", { htmlFor: id }, settingName(name)), fields, h("small", { id: `${id}-help` }, known(`help_${name}`, help)));
  refreshers.push(() => {
    const value = wish.settings[name];
    const otherwise = t("as_preset", { value: shownValue(usual()[name]) });
    if (field.tagName === "SELECT") field.options[0].textContent = otherwise;
    if (picture) offer(field, value, choices);
    else field.placeholder = shownValue(usual()[name]);
    field.value = value === undefined ? "" : kind === "switch" ? (value ? "yes" : "no") : shownValue(value);
    row.classList.toggle("changed", value !== undefined);
  });
  return row;
}

/** A button that makes a picture of one's own a setting's value. */
function fileFor(name) {
  const file = h("input.away", { type: "file", accept: "image/*,.tif,.tiff,.heic,.avif" });
  file.addEventListener("change", () => {
    const [given] = file.files;
    if (given) trying(async () => set(name, (await send(given)).id));
    file.value = "";
  });
  return h("label.button.quiet", { title: t("own_picture") }, file, h("span", {}, t("own_picture_short")));
}

/** One more choice for a value that is a picture's id: the picture, by its name. */
function offer(field, value, choices) {
  field.querySelector("[data-picture]")?.remove();
  if (value === undefined || choices.includes(value)) return;
  const option = h("option", { value }, t("own_picture"));
  option.dataset.picture = value;
  field.append(option);
  json(`/pictures/${value}/about`).then((about) => (option.textContent = about.name), () => {});
}

const listed = (id, kind, choices) =>
  h("select", { id }, h("option", { value: "" }), kind === "switch"
    ? ["yes", "no"].map((each) => h("option", { value: each }, t(each)))
    : choices.map((each) => h("option", { value: each }, each)));

const typed = (id, kind) =>
  kind === "whole" || kind === "number"
    ? h("input", { id, type: "number", step: kind === "whole" ? 1 : "any", min: 0 })
    : h("input", { id, type: "text", spellcheck: false });
