// What the studio says of its own accord, refusals, failures and notes, in the language of the page.
//
// The studio says it in English. `said-zh.js` has the sentences with their translations; what stands in braces is any
// text, which is translated in turn if it is such a sentence. A sentence that is not there stays English.

import zh from "./said-zh.js";
import { known, language } from "./words.js";

const CATALOGS = { zh };
const SENTENCES = /(?<=[.!?:]) (?=[A-Z`])/;

const matching = (sentence) =>
  new RegExp(`^${sentence.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{(\w+)\}/g, "(?<$1>.+?)")}$`, "s");

const catalogs = Object.fromEntries(
  Object.entries(CATALOGS).map(([name, sentences]) => [name, sentences.map(([from, to]) => [matching(from), to])]),
);

/** A text of the studio's in the language of the page. */
export function said(text) {
  const catalog = catalogs[language];
  return (catalog && translated(text, catalog)) ?? text;
}

function translated(text, catalog) {
  for (const [pattern, words] of catalog) {
    const found = pattern.exec(text)?.groups ?? (pattern.test(text) && {});
    if (found) return words.replace(/\{(\w+)\}/g, (_, name) => part(found[name], catalog));
  }
  const sentences = text.split(SENTENCES);
  return sentences.length > 1 ? sentences.map((each) => translated(each, catalog) ?? `${each} `).join("") : null;
}

/** What stands in braces: a sentence, the name of a setting, or what it is. */
const part = (text, catalog) => translated(text, catalog) ?? known(`set_${text}`, text);
