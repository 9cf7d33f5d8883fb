// Small pictures of runs: cards for the film of all that were made, tiles for one photograph in many styles.

import { shown } from "./api.js";
import { h } from "./dom.js";
import { ACTIVE, hover, title } from "./telling.js";
import { t } from "./words.js";

const thumbs = new Map(); // id -> the address of a small picture

/** The picture of a run is another one. */
export const forget = (id) => thumbs.delete(id);

function thumbOf(there) {
  if (!thumbs.has(there.id)) {
    const made = there.result && !ACTIVE.includes(there.state);
    const path = made ? `/runs/${there.id}/picture?size=256&at=${there.step.done ?? 0}` : `/pictures/${there.asked.content}?size=256`;
    thumbs.set(there.id, shown(path).catch(() => null));
  }
  return thumbs.get(there.id);
}

/** The run's latest preview while it is at work, else its result, or the photograph. */
function small(there) {
  const picture = h("img", { alt: "", draggable: false, loading: "lazy" });
  if (ACTIVE.includes(there.state) && there.address) picture.src = there.address;
  else thumbOf(there).then((address) => address && (picture.src = address));
  return picture;
}

const leading = (kind, there, onclick, ...children) => {
  const made = h(`button.${kind}`, { type: "button", title: hover(there), onclick }, small(there), ...children);
  made.dataset.run = there.id;
  return made;
};

export function card(there, current, onclick) {
  const state = there.state === "done" ? null : h(`span.state.${there.state}`, {}, t(there.state));
  const made = leading("card", there, onclick, h("i.done"), h("span.title", {}, title(there)), state);
  made.setAttribute("aria-current", current);
  return h("li", {}, made);
}

export const tile = (there, onclick) =>
  leading(there.state === "done" ? "made" : "waiting", there, onclick, h("span", {}, title(there)));

/** Show another preview of a run wherever it is shown small. */
export function grown(there) {
  for (const each of document.querySelectorAll(`[data-run="${there.id}"] img`)) each.src = there.address;
}

/** Put others in place of what is there; the keyboard stays where it was. */
export function replace(place, children) {
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.run : null;
  place.replaceChildren(...children);
  if (focused) place.querySelector(`[data-run="${focused}"]`)?.focus();
}
