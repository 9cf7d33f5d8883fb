// Elements in few words, icons, and short messages to the person who looks.

import { t } from "./words.js";

/** h("button.primary", {onclick, "aria-label": ...}, child, ...): an element. */
export function h(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const made = document.createElement(tag);
  made.classList.add(...classes);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list" && name !== "form") made[name] = value;
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((each) => each != null && each !== false));
  return made;
}

export const find = (id) => document.getElementById(id);

const PATHS = {
  compare: "M12 3v18M4 6h5v12H4zM15 6h5v12h-5z",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 100 6 3 3 0 000-6z",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  brush: "M20 4c-5 2-9 6-11 9l2 2c3-2 7-6 9-11zM8 14c-3 0-3 4-5 5 2 2 8 1 8-3z",
  stop: "M6 6h12v12H6z",
  play: "M7 4l13 8-13 8z",
  down: "M12 4v11M7 11l5 5 5-5M5 20h14",
  again: "M4 12a8 8 0 108-8H6M9 1 6 4l3 3",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  close: "M6 6l12 12M18 6 6 18",
  undo: "M4 9h10a5 5 0 010 10H9M8 5 4 9l4 4",
  moon: "M20 14A8 8 0 1110 4a7 7 0 0010 10z",
  sun: "M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  auto: "M12 3a9 9 0 100 18zM12 3a9 9 0 010 18",
};

/** An icon of our own, which says nothing to a screen reader. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  made.append(path);
  return made;
}

/** A sentence at the bottom, in place of an earlier one, for a few seconds or until it is closed. */
export function say(text, kind = "") {
  const close = h("button.plain", { type: "button", title: t("close"), onclick: () => note.remove() }, icon("close"));
  const note = h("div.toast", {}, h("p", {}, text), close);
  if (kind) note.classList.add(kind);
  find("toasts").replaceChildren(note);
  setTimeout(() => note.remove(), kind === "bad" ? 9000 : 4000);
}

/** Carry out what may fail, and say why it did; that the key is wrong, the page says as a whole. */
export async function trying(work) {
  try {
    return await work();
  } catch (problem) {
    if (problem.name !== "AbortError" && problem.status !== 401) say(problem.message, "bad");
    return undefined;
  }
}
