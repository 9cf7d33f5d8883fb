// The studio's HTTP interface (docs/studio-api.md). The token comes in the address and goes into a header.

import { said } from "./said.js";
import { t } from "./words.js";

const KEY = "impasto-token";

export const token = (() => {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEY) ?? "";
})();

class Problem extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Problem(t("no_answer"), 0);
  }
  if (answer.ok) return answer;
  if (answer.status === 401) dispatchEvent(new Event("locked"));
  const told = await answer.json().catch(() => ({}));
  throw new Problem(said(told.error ?? answer.statusText), answer.status);
}

export const json = async (path, options) => (await ask(path, options)).json();

export const post = (path, body) =>
  ask(path, {
    method: "POST",
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: body === undefined ? {} : { "content-type": "application/json" },
  });

/** A picture's file -> what the studio knows of it. */
export async function send(file, name) {
  const form = new FormData();
  form.append("picture", file, name ?? file.name ?? "picture");
  return json("/pictures", { method: "POST", body: form });
}

const kept = new Map();

/** An address for <img> of a picture that the studio has; one that never changes is fetched once. */
export function shown(path) {
  if (!kept.has(path)) {
    const address = fresh(path);
    kept.set(path, address);
    address.catch(() => kept.delete(path));
  }
  return kept.get(path);
}

export const fresh = async (path, options) => URL.createObjectURL(await (await ask(path, options)).blob());

/** Give an address of `fresh` back, once a slow machine has had time to read what was to be drawn or saved. */
export const letGo = (address) => setTimeout(() => URL.revokeObjectURL(address), 20_000);

const pause = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));

/** Server-Sent Events as {event, data}, until the stream ends; a broken one is taken up where it was. */
export async function* events(path, signal) {
  let last = null;
  for (let failures = 0; ; ) {
    try {
      const answer = await ask(path, { signal, headers: last === null ? {} : { "last-event-id": last } });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; ; ) {
        const { value, done } = await reader.read();
        if (done) return;
        failures = 0;
        const parts = (text + value).split("\n\n");
        text = parts.pop();
        for (const part of parts) {
          const fields = Object.fromEntries(part.split("\n").map((line) => line.split(/: (.*)/s, 2)));
          if (fields.id) last = fields.id;
          if (fields.data) yield { event: fields.event, data: JSON.parse(fields.data) };
        }
      }
    } catch (problem) {
      if (signal.aborted || problem.status > 0 || ++failures > 20) throw problem;
      await pause(Math.min(4000, 250 * 2 ** failures));
    }
  }
}
