// The page's words, in English and Chinese; data-t="key" in the page is filled with them.

import en from "./words-en.js";
import zh from "./words-zh.js";

const ALL = { en, zh };
const KEY = "impasto-language";

export let language = localStorage.getItem(KEY) ?? (navigator.language.startsWith("zh") ? "zh" : "en");

/** t(KEY, {name: value}): the words of a key, with {name} replaced; English where a language has none. */
export function t(key, values = {}) {
  const text = ALL[language][key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The words of a key, or something else if there are none. */
export const known = (key, otherwise) => ALL[language][key] ?? en[key] ?? otherwise;

export function choose(other) {
  language = other;
  localStorage.setItem(KEY, other);
  fill();
}

export function fill(root = document) {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  for (const each of root.querySelectorAll("[data-t]")) each.textContent = t(each.dataset.t);
  for (const each of root.querySelectorAll("[data-t-title]")) {
    each.title = t(each.dataset.tTitle);
    if (!each.dataset.t && each.tagName !== "LABEL") each.setAttribute("aria-label", t(each.dataset.tTitle));
  }
  for (const each of root.querySelectorAll("[data-t-label]")) each.setAttribute("aria-label", t(each.dataset.tLabel));
}
