// What is to be painted: the body of POST /runs in the making, and those who want to know of changes.

const KEY = "impasto-wish";
const EMPTY = { photo: null, styles: [], own: [], blend: false, texture: null, preset: "default", settings: {}, regions: [], keep: null };

/** photo: {id, name, width, height}; styles: [{source, weight}]; regions: [{style, mask}]; masks live in masks.js. */
export const wish = Object.assign(structuredClone(EMPTY), JSON.parse(sessionStorage.getItem(KEY) ?? "{}"));

const followers = [];

/** Call `follow` now and whenever what is wanted has changed. */
export function follow(told) {
  followers.push(told);
  told();
}

export function change(values) {
  Object.assign(wish, values);
  sessionStorage.setItem(KEY, JSON.stringify({ ...wish, regions: [], keep: null }));
  for (const told of followers) told();
}

/** A setting; undefined is as the preset has it. */
export function set(name, value) {
  const settings = { ...wish.settings, [name]: value };
  if (value === undefined || value === "") delete settings[name];
  change({ settings });
}

/** The body of POST /runs, with the ids of masks as they are given. */
export function body(masks) {
  const several = wish.styles.length > 1;
  const even = wish.styles.every((each) => each.weight === wish.styles[0].weight);
  const settings = { ...wish.settings };
  if (several && !even) settings.style_weights = wish.styles.map((each) => each.weight);
  return {
    content: wish.photo.id,
    styles: wish.styles.map((each) => each.source),
    preset: wish.preset,
    settings,
    regions: masks.regions,
    keep: masks.keep,
    texture: wish.blend ? wish.texture : null,
  };
}

/** Take over what a run, or a picture that is dropped in, was made of. */
export function adopt(asked, photo) {
  const { style_weights: weights, ...settings } = asked.settings ?? {};
  const styles = (asked.styles ?? []).map((source, i) => ({ source, weight: weights?.[i] ?? 1 }));
  const texture = asked.texture ?? null;
  const values = { texture, preset: asked.preset ?? "default", settings, blend: styles.length > 1 || Boolean(texture) };
  if (photo) values.photo = photo;
  if (styles.length) values.styles = styles;
  change(values);
}
