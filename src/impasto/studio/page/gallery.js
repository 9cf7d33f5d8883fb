// The styles to choose from: swatches, and pictures of one's own; and those that are chosen, with their weights.

import { json, send, shown } from "./api.js";
import { find, h, icon, trying } from "./dom.js";
import { known, t } from "./words.js";
import { change, follow, wish } from "./wish.js";

let swatches = [];

export const isSwatch = (source) => source.startsWith("swatch:");

/** `swatch:mosaic:7` is the mosaic of another seed. */
const swatchOf = (source) => source.split(":")[1];

export const styleName = (source) =>
  isSwatch(source)
    ? known(`swatch_${swatchOf(source)}`, swatchOf(source).replace("-", " "))
    : (wish.own.find((each) => each.id === source)?.name ?? "…").replace(/\.\w+$/, "");

/** The address of a style's picture, small, or with a long side of at most `size`. */
export async function styleImage(source, size = 256) {
  if (!isSwatch(source)) return shown(`/pictures/${source}?size=${size}`);
  return size > 256 ? shown(`/swatches/${swatchOf(source)}.jpg?size=1024`) : `/page/swatch-${swatchOf(source)}.jpg`;
}

export const allStyles = () => [...wish.own.map((each) => each.id), ...swatches.map((each) => `swatch:${each.name}`)];
export const allSwatches = () => swatches.map((each) => `swatch:${each.name}`);

export async function begin() {
  swatches = await json("/swatches");
  find("blend").addEventListener("change", (event) => {
    change({ blend: event.target.checked, styles: event.target.checked ? wish.styles : wish.styles.slice(-1) });
  });
  find("style-file").addEventListener("change", (event) => {
    for (const file of event.target.files) trying(() => addStyle(file));
    event.target.value = "";
  });
  find("texture").addEventListener("change", (event) => change({ texture: event.target.value || null }));
  follow(draw);
}

/** What is asked for may have styles that are not among those to choose from: now they are. */
export async function knowing(asked) {
  const styles = [...(asked.styles ?? []), ...(asked.regions ?? []).map((each) => each.style), asked.texture ?? []].flat();
  const strange = new Set(styles.filter((each) => !isSwatch(each) && !wish.own.some(({ id }) => id === each)));
  for (const id of strange) remember(await json(`/pictures/${id}/about`));
}

function remember({ id, name }) {
  change({ own: [{ id, name }, ...wish.own.filter((each) => each.id !== id)].slice(0, 24) });
}

/** A picture of one's own as a style, chosen at once. */
export async function addStyle(file) {
  const sent = await send(file);
  remember(sent);
  choose(sent.id);
}

function choose(source) {
  const at = wish.styles.findIndex((each) => each.source === source);
  if (!wish.blend) change({ styles: [{ source, weight: 1 }] });
  else if (at >= 0) change({ styles: wish.styles.filter((_, i) => i !== at) });
  else change({ styles: [...wish.styles, { source, weight: 1 }].slice(-8) });
}

const tiles = new Map();

function tile(source) {
  const picture = h("img", { alt: "", loading: "lazy", draggable: false });
  const made = h("button.tile", { type: "button", onclick: () => choose(source) }, picture, h("span"));
  styleImage(source).then((address) => (picture.src = address), () => made.classList.add("gone"));
  return made;
}

function draw() {
  find("blend").checked = wish.blend;
  const order = allStyles();
  const chosen = new Set(wish.styles.map((each) => each.source));
  const about = new Map(swatches.map((each) => [`swatch:${each.name}`, known(`about_${each.name}`, each.about)]));
  for (const source of order) {
    if (!tiles.has(source)) tiles.set(source, tile(source));
    const made = tiles.get(source);
    made.setAttribute("aria-pressed", chosen.has(source));
    made.lastChild.textContent = styleName(source);
    made.title = about.get(source) ?? styleName(source);
  }
  const wanted = order.map((source) => tiles.get(source));
  if (wanted.some((each, i) => find("gallery").children[i] !== each)) find("gallery").replaceChildren(...wanted);
  drawWeights();
  drawTexture(order);
}

function drawTexture(order) {
  const options = [h("option", { value: "" }, t("texture_none")), ...order.map((source) => h("option", { value: source }, styleName(source)))];
  find("texture").replaceChildren(...options);
  find("texture").value = wish.texture ?? "";
  find("texture-field").hidden = !wish.blend;
}

function drawWeights() {
  const place = find("chosen");
  const several = wish.blend && wish.styles.length > 1;
  const names = wish.styles.map((each) => each.source).join();
  if (place.dataset.names === (several ? names : "")) return;
  place.dataset.names = several ? names : "";
  place.replaceChildren(
    ...(several ? wish.styles : []).map((each) => {
      const name = styleName(each.source);
      const weigh = (event) => {
        const weight = Number(event.target.value);
        change({ styles: wish.styles.map((other) => (other.source === each.source ? { ...other, weight } : other)) });
      };
      const range = h("input", { type: "range", min: 0.1, max: 2, step: 0.1, value: each.weight, oninput: weigh });
      range.setAttribute("aria-label", t("weight_of", { name }));
      const away = h("button.plain", { type: "button", title: t("remove"), onclick: () => choose(each.source) }, icon("minus"));
      return h("div.weight", {}, h("span", {}, name), range, away);
    }),
  );
}
