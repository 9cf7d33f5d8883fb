// The page: what is dropped, pasted, typed and pressed, and who is told.

import { ask, send, shown, token } from "./api.js";
import { find, h, icon, say, trying } from "./dom.js";
import * as brush from "./brush.js";
import * as gallery from "./gallery.js";
import * as looks from "./looks.js";
import * as masks from "./masks.js";
import * as runs from "./runs.js";
import * as settings from "./settings.js";
import * as stage from "./stage.js";
import { choose, fill, language, t } from "./words.js";
import { body, change, follow, wish } from "./wish.js";

// Pictures that come in -----------------------------------------------------------------------------------------------

/** A file as the photograph; a picture that impasto made brings back what it was made of. */
async function addPhoto(file) {
  find("view").classList.add("busy");
  try {
    const { made, ...sent } = await send(file);
    if (made) {
      await runs.takeOver(made, made.content ? await runs.photoOf(made.content) : sent);
      say(made.missing ? t("restored_missing", { names: made.missing.join(", ") }) : t("restored"));
    } else change({ photo: sent });
    await runs.look(null);
  } finally {
    find("view").classList.remove("busy");
  }
}

/** A field for files whose file becomes the photograph, the same one a second time too. */
function takes(field) {
  field.addEventListener("change", () => {
    if (field.files[0]) trying(() => addPhoto(field.files[0]));
    field.value = "";
  });
  return field;
}

/** The photograph that the page has for those who only want to see what happens. */
async function addExample() {
  await addPhoto(new File([await (await ask("/page/example.jpg")).blob()], "example.jpg"));
}

function drawPhoto() {
  const file = takes(h("input.away", { type: "file", id: "photo-file", accept: "image/*,.tif,.tiff,.heic,.avif" }));
  const { photo } = wish;
  const place = find("photo");
  if (place.dataset.photo === `${photo?.id}${language}`) return;
  place.dataset.photo = `${photo?.id}${language}`;
  if (!photo) {
    place.replaceChildren(h("label.button.wide", {}, file, icon("plus"), t("choose")));
    return;
  }
  const picture = h("img", { alt: "" });
  shown(`/pictures/${photo.id}?size=256`).then((address) => (picture.src = address), () => change({ photo: null }));
  const about = h("div.grow", {}, h("strong", { title: photo.name }, photo.name), h("small", {}, `${photo.width} × ${photo.height}`));
  place.replaceChildren(h("div.photo", {}, picture, about, h("label.button.quiet", {}, file, t("another"))));
}

const filesOf = (transfer) => [...(transfer?.files ?? [])].filter((each) => !each.type || each.type.startsWith("image/"));

function receiving() {
  let depth = 0;
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  const shade = (on) => (find("dropping").hidden = !on);
  addEventListener("dragenter", (event) => carries(event) && ++depth && shade(true));
  addEventListener("dragleave", (event) => carries(event) && --depth <= 0 && shade(false));
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    shade(false);
    const box = find("gallery").getBoundingClientRect();
    const onStyles = event.clientX > box.left && event.clientX < box.right && event.clientY > box.top && event.clientY < box.bottom;
    for (const file of filesOf(event.dataTransfer)) trying(() => (onStyles ? gallery.addStyle(file) : addPhoto(file)));
  });
  addEventListener("paste", (event) => {
    const [file] = filesOf(event.clipboardData);
    if (file) trying(() => addPhoto(file));
  });
  for (const field of [find("first-file"), find("camera")]) takes(field);
  find("example").addEventListener("click", () => trying(addExample));
}

// Painting ------------------------------------------------------------------------------------------------------------

const missing = () => (!wish.photo ? "needs_photo" : "");

/** Ask for the picture; `instead` of what is at work and what waits, or after them. */
async function paint({ instead = false } = {}) {
  if (missing()) return say(t(missing()), "bad");
  const painted = await masks.ids();
  if (!wish.styles.length && !painted.regions.length) return say(t("needs_style"), "bad");
  brush.leave();
  const asked = body(painted);
  await runs.add(asked, { guess: looks.copyOf(asked), instead });
  find("stage").scrollIntoView({ block: "start", behavior: "smooth" });
  return undefined;
}

/** Small and quick pictures of the photograph in every swatch. */
async function paintAll() {
  if (missing()) return say(t(missing()), "bad");
  const ids = [];
  for (const source of gallery.allSwatches()) {
    const asked = { content: wish.photo.id, styles: [source], settings: { ...wish.settings, size: 256 }, preset: wish.preset };
    delete asked.settings.style_weights;
    ids.push(await runs.add(asked, { looks: false }));
  }
  await runs.look(null);
  runs.sheet(ids);
  find("stage").scrollIntoView({ block: "start", behavior: "smooth" });
  return undefined;
}

// The page itself -----------------------------------------------------------------------------------------------------

const THEMES = ["auto", "light", "dark"];

function theme(next = localStorage.getItem("impasto-theme") ?? "auto") {
  localStorage.setItem("impasto-theme", next);
  document.documentElement.dataset.theme = next;
  find("theme").replaceChildren(icon({ auto: "auto", light: "sun", dark: "moon" }[next]));
}

function words() {
  fill();
  find("language").textContent = language === "zh" ? "EN" : "中文";
  find("language").lang = language === "zh" ? "en" : "zh";
  const keys = [["Space", "key_space"], ["C", "key_c"], ["+ − 0", "key_zoom"], ["← →", "key_arrows"], ["[ ]", "key_brush"], ["Ctrl Z", "key_undo"], ["Ctrl Enter", "key_paint"], ["Ctrl Shift Enter", "key_instead"], ["Esc", "key_stop"]];
  find("key-list").replaceChildren(...keys.flatMap(([key, about]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, t(about))]));
}

/** Without the right key there is nothing to be done here but to say where it is found. */
function lock() {
  find("desk").hidden = true;
  find("locked").hidden = false;
  find("toasts").replaceChildren();
}

function speakAnew() {
  choose(language === "zh" ? "en" : "zh");
  words();
  if (find("desk").hidden) return;
  settings.drawAll();
  stage.drawLooks();
  runs.drawFilm();
  runs.drawStatus();
  change({});
  find("chosen").dataset.names = "";
}

const typing = (event) => event.target.closest?.("input:not([type=range]):not([type=checkbox]), select, textarea");

const KEYS = {
  c: () => stage.compare(),
  "+": () => stage.zoom(1.5),
  "=": () => stage.zoom(1.5),
  "-": () => stage.zoom(1 / 1.5),
  0: () => stage.fit(),
  "[": () => brush.painting() && brush.resize(1 / 1.2),
  "]": () => brush.painting() && brush.resize(1.2),
  "?": () => find("keys").showModal(),
};

function pressing() {
  addEventListener("keydown", (event) => {
    const strong = event.ctrlKey || event.metaKey;
    if (strong && event.key === "Enter") trying(() => paint({ instead: event.shiftKey }));
    else if (strong && event.key === "z" && brush.painting()) {
      event.preventDefault();
      brush.undo();
    } else if (strong || event.altKey || typing(event)) return;
    else if (event.key === "Escape" && !find("keys").open) {
      if (brush.painting()) brush.leave();
      else trying(() => runs.stop());
    } else if (event.key === " " && !event.target.closest("button, summary, label, input")) {
      event.preventDefault();
      stage.hold(true);
    } else if (["ArrowLeft", "ArrowRight"].includes(event.key) && event.target.closest(".card, .stage, body") && event.target.type !== "range")
      runs.step(event.key === "ArrowLeft" ? -1 : 1);
    else if (event.key in KEYS) KEYS[event.key]();
  });
  addEventListener("keyup", (event) => event.key === " " && stage.hold(false));
}

async function begin() {
  theme();
  words();
  stage.begin();
  find("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % 3]));
  find("language").addEventListener("click", speakAnew);
  find("help").addEventListener("click", () => find("keys").showModal());
  find("about").addEventListener("toggle", runs.drawStatus);
  find("panel").addEventListener("submit", (event) => {
    event.preventDefault();
    trying(paint);
  });
  find("instead").addEventListener("click", () => trying(() => paint({ instead: true })));
  find("clear").addEventListener("click", () => trying(runs.clearQueue));
  find("all").addEventListener("click", () => trying(paintAll));
  addEventListener("locked", lock);
  if (!token) return lock();
  receiving();
  pressing();
  follow(drawPhoto);
  await Promise.all([gallery.begin(), settings.begin()]);
  masks.begin();
  await runs.begin();
  if (!runs.current()) await runs.look(null);
  looks.begin({ shown: runs.draft, free: runs.free });
  follow(() => runs.current() || runs.drawStatus());
  document.body.classList.add("ready");
  addEventListener("focus", () => trying(runs.refresh));
  return undefined;
}

trying(begin);
