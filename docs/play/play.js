// The page: what is wished for, and what is shown. A worker (painter.js) does the painting.

import { language, swatchName, t, turn } from "./words.js";

const find = (id) => document.getElementById(id);
const LOOK = 256; // pixels of the quick look that comes before a larger picture
const SAMPLE = "photo:"; // no file has that name
const READABLE = 4096; // pixels of a side; what is larger is made smaller as it is read

const painter = new Worker("painter.js", { type: "module" });
const wish = { photo: "", painting: "", strength: 0.5, size: 512 };
let contents; // of this folder
let status = () => t("loading");

/* Painting: the newest wish, and never two at once. */

const answers = new Map();
let asked = 0;
painter.onmessage = ({ data: { id, made, problem } }) => {
  const { kept, broken } = answers.get(id);
  answers.delete(id);
  if (made) kept(made);
  else broken(problem);
};
painter.onerror = (event) => fail(event);

const ask = (message) =>
  new Promise((kept, broken) => {
    answers.set(++asked, { kept, broken });
    painter.postMessage({ id: asked, ...message });
  });

let busy = false;
let stale = false;

async function paint() {
  stale = true;
  if (busy) return;
  busy = true;
  while (stale) {
    stale = false;
    const now = { ...wish };
    if (now.photo && now.painting) await painted(now);
  }
  busy = false;
}

let refused = 0; // files; what is said of one stays until the next wish

async function painted(now) {
  tell(() => t("painting"), true);
  const before = refused;
  const began = performance.now();
  try {
    if (now.size > LOOK) {
      show(await ask({ wish: { ...now, size: LOOK } }));
      if (stale) return;
    }
    const made = await ask({ wish: now });
    show(made);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const { width, height } = made;
    if (refused === before) tell(() => t(now.photo === SAMPLE ? "sample" : "done", { width, height, seconds }));
    await offer();
    document.body.dataset.painted = JSON.stringify(now);
  } catch (problem) {
    if (problem.small) tell(() => t("small", { name: problem.small }));
    else fail(problem);
  }
}

function show({ width, height, before, after }) {
  for (const [id, data] of Object.entries({ before, after })) {
    const canvas = find(id);
    Object.assign(canvas, { width, height });
    canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  }
  find("frame").style.setProperty("--shape", width / height);
  fit();
}

async function offer() {
  const blob = await new Promise((kept) => find("after").toBlob(kept, "image/png"));
  URL.revokeObjectURL(find("save").href);
  find("save").href = URL.createObjectURL(blob);
  find("save").hidden = false;
}

const fail = (problem) => tell(() => t("failed", { reason: problem.message }));

function tell(words, working = false) {
  status = words;
  find("status").textContent = words();
  find("progress").className = working ? "progress on busy" : "progress";
}

/* Pictures: files of the folder, and of one's own. */

async function pixels(blob) {
  let image = await createImageBitmap(blob);
  const long = Math.max(image.width, image.height);
  if (long > READABLE) {
    const [resizeWidth, resizeHeight] = [image.width, image.height].map((side) => Math.max(1, Math.round((side * READABLE) / long)));
    image = await createImageBitmap(image, { resizeWidth, resizeHeight, resizeQuality: "high" });
  }
  const { width, height } = image;
  const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  canvas.fillStyle = "#fff"; // where a picture is transparent
  canvas.fillRect(0, 0, width, height);
  canvas.drawImage(image, 0, 0);
  image.close();
  return { width, height, data: canvas.getImageData(0, 0, width, height).data };
}

const newest = { photo: 0, painting: 0 }; // of two that are read at once, the later wish counts

/** Have the worker know a picture, whose blob is promised, and paint with it as "photo" or "painting". */
async function take(role, name, blob) {
  const mine = ++newest[role];
  const picture = { name: `${role}:${name}`, ...(await pixels(await blob)) };
  if (mine !== newest[role]) return;
  painter.postMessage({ picture, forget: [wish[role]] }, [picture.data.buffer]);
  wish[role] = picture.name;
  await paint();
}

async function takeOwn(role, file) {
  if (!file) return;
  if (role === "painting") choose(null);
  try {
    await take(role, file.name, file);
  } catch {
    refused++;
    tell(() => t("unreadable", { name: file.name }));
  }
}

async function fetched(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer.blob();
}

/* What a person does. */

function choose(name) {
  for (const each of find("gallery").children) each.setAttribute("aria-pressed", each.dataset.name === name);
}

function swatch(name) {
  choose(name);
  return take("painting", name, fetched(`swatches/${name}.jpg`)).catch(fail);
}

function tiles() {
  find("gallery").replaceChildren(
    ...contents.swatches.map((name) => {
      const tile = document.createElement("button");
      const picture = Object.assign(new Image(), { src: `look/swatch-${name}.jpg`, alt: "", draggable: false });
      Object.assign(tile, { type: "button", className: "tile", onclick: () => swatch(name) });
      tile.dataset.name = name;
      tile.append(picture, document.createElement("span"));
      return tile;
    }),
  );
}

function speak(other) {
  turn(other);
  find("language").textContent = language === "en" ? "中文" : "English";
  find("language").lang = language === "en" ? "zh" : "en";
  for (const each of find("gallery").children) each.lastChild.textContent = swatchName(each.dataset.name);
  find("status").textContent = status();
}

const DARK = matchMedia("(prefers-color-scheme: dark)");

function theme() {
  const dark = document.documentElement.dataset.theme === "auto" ? DARK.matches : document.documentElement.dataset.theme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
}

function strengthen() {
  wish.strength = Number(find("strength").value);
  find("percent").textContent = `${Math.round(100 * wish.strength)} %`;
  find("strength").style.setProperty("--at", `${100 * wish.strength}%`);
}

/** As large as the view allows. */
function fit() {
  if (matchMedia("(width > 900px)").matches) find("frame").style.setProperty("--fit", `${find("view").clientHeight - 40}px`);
  else find("frame").style.removeProperty("--fit");
}

function follow() {
  find("photo").onchange = (event) => takeOwn("photo", event.target.files[0]);
  find("painting").onchange = (event) => takeOwn("painting", event.target.files[0]);
  find("strength").oninput = () => (strengthen(), paint());
  find("size").onchange = () => ((wish.size = Number(find("size").value)), paint());
  find("compare").oninput = (event) => find("frame").style.setProperty("--split", `${event.target.value}%`);
  find("language").onclick = () => speak();
  find("theme").onclick = theme;
  document.querySelector("form").onsubmit = (event) => event.preventDefault();
  addEventListener("resize", fit);
  addEventListener("paste", (event) => takeOwn("photo", event.clipboardData.files[0]));
  addEventListener("dragover", (event) => {
    event.preventDefault();
    find("view").classList.toggle("over", !event.target.closest?.("#gallery"));
  });
  addEventListener("dragleave", () => find("view").classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    find("view").classList.remove("over");
    takeOwn(event.target.closest?.("#gallery") ? "painting" : "photo", event.dataTransfer.files[0]);
  });
}

async function begin() {
  contents = JSON.parse(await (await fetched("contents.json")).text());
  tiles();
  speak(language);
  strengthen();
  follow();
  fit();
  find("theme").textContent = "◐";
  document.body.classList.add("ready");
  tell(() => t("loading"), true);
  // Both are taken now, so that what a person chooses while they are on their way is the later wish, and stays.
  await Promise.all([take("photo", "", fetched(contents.sample)), swatch(contents.first)]);
}

begin().catch(fail);
