// What the picture may look like: a small network paints it at once, whenever something is changed and none is at work.

import { letGo, post } from "./api.js";
import { find } from "./dom.js";
import * as masks from "./masks.js";
import { body, follow, wish } from "./wish.js";

const KEY = "impasto-look";
const SOON = 150; // milliseconds after the latest change

const state = { on: localStorage.getItem(KEY) !== "off", of: "", made: "", blob: null, address: null, loading: false, timer: 0, overtaken: 0 };
let told = { shown: () => {}, free: () => true };

/** The address of what may come of what is wanted now; null if that was not painted. */
export const address = () => (state.on ? state.address : null);

/** The look of what is `asked` for, at an address that is the caller's; null if the latest is one of something else. */
export const copyOf = (asked) => (address() && state.made === JSON.stringify(asked) ? URL.createObjectURL(state.blob) : null);

/** `shown` is called when there is another look, `free` says whether no run is at work. */
export function begin(others) {
  told = others;
  const box = find("look");
  box.checked = state.on;
  box.addEventListener("change", () => {
    Object.assign(state, { on: box.checked, of: "" });
    localStorage.setItem(KEY, state.on ? "on" : "off");
    if (state.on) paint();
    else told.shown();
  });
  follow(() => {
    clearTimeout(state.timer);
    state.timer = setTimeout(paint, SOON);
  });
}

/** What is wanted was taken over from a picture that is looked at: there is nothing to be shown until it is changed. */
export async function settled() {
  state.of = await wanted();
  renew(null);
}

/** A picture is asked for: a look that is still on its way is not shown in place of it. */
export const overtake = () => state.overtaken++;

const wanted = async () => (wish.photo && JSON.stringify(body(await masks.ids()))) || "";

/** The latest look is that one, or none, made of what was `asked` for. */
function renew(blob, asked = "") {
  if (state.address) letGo(state.address);
  Object.assign(state, { made: asked, blob, address: blob && URL.createObjectURL(blob) });
}

async function paint() {
  if (!state.on || state.loading || !told.free()) return;
  state.loading = true;
  try {
    const asked = await wanted();
    const parts = asked ? JSON.parse(asked) : {};
    const { styles = [], regions = [] } = parts;
    if (asked === state.of) return;
    state.of = asked;
    const overtaken = state.overtaken;
    const painted = styles.length + regions.length > 0;
    const answer = painted && (await post("/look", parts));
    renew(answer && answer.status === 200 ? await answer.blob() : null, asked);
    if (overtaken === state.overtaken) told.shown();
  } catch {
    renew(null); // what is wrong, those who paint are told
  } finally {
    state.loading = false;
  }
  if (state.of !== (await wanted())) paint();
}
