// The queue and the history: which run is looked at, what happens to the one at work, and what can be done with each.

import { events, fresh, json, letGo, post, shown } from "./api.js";
import { find, h, icon, say, trying } from "./dom.js";
import * as film from "./film.js";
import * as gallery from "./gallery.js";
import * as guesses from "./looks.js";
import * as masks from "./masks.js";
import { said } from "./said.js";
import * as stage from "./stage.js";
import { ACTIVE, seconds, settingName, statusOf, title } from "./telling.js";
import { t } from "./words.js";
import { adopt, wish } from "./wish.js";

let runs = [];
let chosen = null; // the id of the run that is looked at; null is the photograph alone
let watching = null;

const ended = ({ state }) => !ACTIVE.includes(state) && state !== "queued";
const run = (id) => runs.find((each) => each.id === id);
export const current = () => run(chosen);

export async function refresh() {
  const now = await json("/runs");
  runs = now.map((each) => Object.assign(run(each.id) ?? {}, each));
  if (chosen && !run(chosen)) chosen = null;
  drawFilm();
  watchNext();
}

/** Begin; what is at work is looked at. */
export async function begin() {
  await refresh();
  const working = runs.find((each) => ACTIVE.includes(each.state));
  if (working) look(working.id);
}

/** Ask for a run, `instead` of all that is at work or waits, or after it.
 *  `guess` is the address, its own, of what it may look like, which is shown until it has a preview. */
export async function add(body, { looks = true, guess = null, instead = false } = {}) {
  guesses.overtake();
  const before = instead ? runs.filter((each) => !ended(each)) : [];
  const { id } = await (await post("/runs", body)).json();
  await away(before);
  await refresh();
  if (guess) see(run(id), guess, { guess: true, own: true });
  if (looks && (instead || !ACTIVE.includes(current()?.state))) await look(id);
  return id;
}

// Watching ------------------------------------------------------------------------------------------------------------

/** Listen to the run at work, or to the next in the queue. */
function watchNext() {
  const next = runs.find((each) => ACTIVE.includes(each.state)) ?? runs.filter((each) => each.state === "queued").at(-1);
  if (watching?.id === next?.id) return;
  watching?.abort.abort();
  watching = next ? { id: next.id, abort: new AbortController() } : null;
  if (next) watch(next.id, watching.abort.signal);
  // One that waits may be overtaken by one that goes on.
  if (next?.state === "queued") setTimeout(() => run(next.id)?.state === "queued" && trying(refresh), 1500);
}

async function watch(id, signal) {
  try {
    for await (const { event, data } of events(`/runs/${id}/events`, signal)) {
      if (event === "step") stepped(id, data);
      if (event === "state") became(id, data);
    }
  } catch (problem) {
    if (!signal.aborted) say(problem.message, "bad");
    return;
  }
  if (signal.aborted) return;
  watching = null;
  await trying(refresh);
}

function became(id, data) {
  const there = run(id);
  if (!there) return;
  Object.assign(there, data);
  if (ended(data)) film.forget(id);
  if (data.state === "failed") say(said(data.error), "bad");
  if (id === chosen) look(id);
  drawFilm();
  if (ACTIVE.includes(data.state) && !there.guess) grow(there, data.preview);
}

let loading = null; // the number of the preview that is on its way

function stepped(id, data) {
  const there = run(id);
  if (!there) return;
  there.step = data;
  grow(there, data.preview);
  if (id === chosen) drawStatus();
  const bar = document.querySelector(`[data-run="${id}"] .done`);
  bar?.style.setProperty("--done", `${100 * data.fraction}%`);
}

/** A run is seen by the picture at that address from now on: a guess or its own work; one that is its `own` goes with it. */
function see(there, address, { guess = false, own = false } = {}) {
  if (there.own) letGo(there.address);
  Object.assign(there, { address, guess, own });
}

/** Show the preview of that number, unless it is shown or another one is on its way. */
function grow(there, number) {
  if (!number || number === there.shown || loading !== null) return;
  loading = fresh(`/runs/${there.id}/preview/${number}`)
    .then((address) => {
      there.shown = number;
      see(there, address, { own: true });
      film.grown(there);
      if (there.id === chosen) present(there);
    })
    .catch(() => {})
    .finally(() => (loading = null));
}

// Looking -------------------------------------------------------------------------------------------------------------

/** Look at a run, or at the photograph alone (null). */
export async function look(id) {
  chosen = id;
  const there = run(id);
  find("sheet").hidden = true;
  for (const card of find("film").querySelectorAll(".card")) card.setAttribute("aria-current", card.dataset.run === id);
  drawStatus();
  if (there?.result && ended(there)) {
    const path = `/runs/${id}/picture?size=2048&at=${there.step.done ?? 0}`;
    const made = await shown(path).catch(() => null);
    if (made) see(there, made);
  }
  if (chosen === id) await present(there);
}

async function present(there) {
  const photo = there?.asked.content ?? wish.photo?.id;
  const address = photo ? await shown(`/pictures/${photo}?size=2048`).catch(() => null) : null;
  const size = there?.plan.width ? there.plan : wish.photo && photo === wish.photo.id ? wish.photo : {};
  const guess = !there || there.guess ? (there?.address ?? guesses.address()) : null;
  const picture = there?.address ?? guess;
  stage.show({ photo: address, picture, width: size.width, height: size.height, note: guess && t("look") });
}

/** There is another look of what is wanted: that is what is looked at now, unless a run is at work. */
export const draft = () => free() && look(null);
export const free = () => runs.every(ended);

/** One run earlier (1) or later (-1). */
export function step(by) {
  const at = runs.findIndex((each) => each.id === chosen);
  const next = runs[Math.min(runs.length - 1, Math.max(0, at + by))];
  if (next) look(next.id);
}

export function drawStatus() {
  const there = current();
  const bar = find("progress");
  const fraction = there && (ACTIVE.includes(there.state) ? (there.step.fraction ?? 0) : there.state === "done" ? 1 : 0);
  bar.classList.toggle("busy", there?.state === "preparing");
  bar.classList.toggle("on", Boolean(there) && ACTIVE.includes(there.state));
  bar.firstElementChild.style.width = `${100 * (fraction ?? 0)}%`;
  bar.setAttribute("aria-valuenow", Math.round(100 * (fraction ?? 0)));
  const text = !there && !find("sheet").hidden ? t("sheet") : statusOf(there);
  if (find("status").textContent !== text) find("status").textContent = text;
  drawActs(there);
  drawAbout(there);
}

let acts = "";

function drawActs(there) {
  const now = [there?.id, there?.state, there?.result, document.documentElement.lang].join();
  if (acts === now) return;
  acts = now;
  const button = (name, words, onclick, kind = "quiet") =>
    h(`button.${kind}`, { type: "button", onclick: () => trying(onclick) }, icon(name), h("span", {}, t(words)));
  const parts = [];
  if (there) {
    const id = there.id;
    if (ACTIVE.includes(there.state)) parts.push(button("stop", "stop", () => stop(id), "strong"));
    if (there.state === "queued") parts.push(button("minus", "cancel", () => remove(id)));
    if (there.resumable) parts.push(button("play", "resume", () => resume(id), "strong"));
    if (there.result && !ACTIVE.includes(there.state)) {
      parts.push(button("down", "download", () => download(id), "strong"), button("down", "download_16", () => download(id, 16)));
    }
    parts.push(button("again", "use", () => use(id)));
    if (ended(there)) {
      const bin = button("bin", "remove", () => remove(id), "plain");
      bin.lastChild.className = "unseen";
      bin.title = t("remove");
      parts.push(bin);
    }
  }
  find("run-acts").replaceChildren(...parts);
}

function drawAbout(there) {
  find("about").hidden = !there;
  if (!there || !find("about").open) return;
  const terms = Object.entries(there.step.terms ?? {}).map(([name, value]) => [name, Number(value).toPrecision(4)]);
  const settings = Object.entries(there.asked.settings ?? {}).map(([name, value]) => [settingName(name), JSON.stringify(value)]);
  const time = there.step.seconds ? [[t("time"), seconds(there.step.seconds)]] : [];
  const rows = [[settingName("preset"), there.asked.preset ?? "default"], ...settings, ...time, ...terms];
  find("about-body").replaceChildren(
    h("dl", {}, rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    ...there.notes.map((note) => h("p.hint", {}, said(note))),
  );
}

// Doing ---------------------------------------------------------------------------------------------------------------

export async function stop(id = chosen) {
  const there = run(id);
  if (there && ACTIVE.includes(there.state)) await post(`/runs/${id}/stop`);
}

const waiting = () => runs.filter((each) => each.state === "queued");

/** Those that wait are removed, one that is at work is stopped. */
async function away(some) {
  for (const { id, state } of some) await post(`/runs/${id}/${state === "queued" ? "remove" : "stop"}`);
}

export async function clearQueue() {
  await away(waiting());
  await refresh();
}

async function resume(id) {
  became(id, await (await post(`/runs/${id}/resume`)).json());
  watchNext();
}

async function remove(id) {
  await post(`/runs/${id}/remove`);
  if (chosen === id) await look(null);
  await refresh();
}

async function download(id, bits = 8) {
  const there = run(id);
  const address = await fresh(`/runs/${id}/result.png?bits=${bits}`);
  const link = h("a", { href: address, download: `${title(there).replaceAll(/[^\p{L}\p{N}]+/gu, "-").toLowerCase()}.png` });
  document.body.append(link);
  link.click();
  link.remove();
  letGo(address);
}

async function use(id) {
  const { asked } = run(id);
  await takeOver(asked, await photoOf(asked.content));
  say(t("used"));
}

/** What is wanted is what was asked for: its styles, its settings, its masks, and that photograph. */
export async function takeOver(asked, photo) {
  await gallery.knowing(asked);
  adopt(asked, photo);
  await masks.adopt(asked);
  await guesses.settled();
}

/** What is known of a picture on the shelf. */
export const photoOf = (id) => json(`/pictures/${id}/about`).catch(() => null);

// The film ------------------------------------------------------------------------------------------------------------

export function drawFilm() {
  const cards = runs.map((each) => film.card(each, each.id === chosen, () => look(each.id)));
  film.replace(find("film"), cards.length ? cards : [h("li.hint", {}, t("nothing_yet"))]);
  find("paint").textContent = t(free() ? "paint" : "painting");
  find("instead").hidden = free();
  find("clear").hidden = waiting().length < 2;
  find("clear").textContent = t("clear_queue", { n: waiting().length });
}

// The sheet -----------------------------------------------------------------------------------------------------------

/** Small pictures of several runs side by side; each leads to its run. */
export function sheet(ids) {
  const place = find("sheet");
  place.hidden = false;
  find("empty").hidden = true;
  drawStatus();
  const draw = () => {
    if (place.hidden) return;
    const there = ids.map(run).filter(Boolean);
    film.replace(place, there.map((each) => film.tile(each, () => look(each.id))));
    if (!there.every(ended)) setTimeout(draw, 700);
  };
  draw();
}
