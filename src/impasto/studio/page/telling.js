// What is said of a run: in the line below the picture, on its card, when the pointer is over it.

import { styleName } from "./gallery.js";
import { said } from "./said.js";
import { known, t } from "./words.js";
import { wish } from "./wish.js";

/** The states of a run that is at work. */
export const ACTIVE = ["preparing", "running"];

export const seconds = (n) => (n < 90 ? t("seconds", { n: Math.max(1, Math.round(n)) }) : t("minutes", { n: Math.round(n / 60) }));

export const settingName = (name) => known(`set_${name}`, name.replaceAll("_", " "));

/** The line below the picture; without a run, what is still missing for one. */
export function statusOf(there) {
  if (!there) return t(!wish.photo ? "ready" : !wish.styles.length ? "ready_photo" : "ready_all");
  const { step: at, plan } = there;
  const [width, height] = at.size ?? [];
  if (there.state === "running" && at.done)
    return t("at_step", { width, height, done: at.done, total: at.total, left: seconds(at.left) });
  if (there.state === "done") return t("was_done", { width: plan.width, height: plan.height, title: title(there) });
  if (there.state === "stopped" && at.done) return t("was_stopped", { done: at.done, total: at.total });
  if (there.state === "failed") return said(there.error);
  return ACTIVE.includes(there.state) ? t("loading") : t(there.state);
}

/** Its styles, or how it stands. */
export function title(there) {
  const styles = [...(there.asked.styles ?? []), ...(there.asked.regions ?? []).map((each) => each.style)];
  return styles.map(styleName).join(" + ") || t(there.state);
}

/** Its settings, without taking them over. */
export function hover(there) {
  const settings = Object.entries(there.asked.settings ?? {}).map(([name, value]) => `${settingName(name)}: ${JSON.stringify(value)}`);
  return [title(there), there.asked.preset ?? "default", ...settings, new Date(there.created * 1000).toLocaleString()].join("\n");
}
