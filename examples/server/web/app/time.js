// Times as people read them, in the language of the browser.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const short = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "2-digit", year: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** @param {number} seconds */
export const timeOf = (seconds) => clock.format(seconds * 1000);

/** @param {number} seconds */
export const fullTime = (seconds) => full.format(seconds * 1000);

/** @param {number} seconds */
export const dateOf = (seconds) => date.format(seconds * 1000);

/** What tells one day from another. @param {number} seconds */
export const dayKey = (seconds) => new Date(seconds * 1000).toDateString();

/** @param {number} seconds */
export function dayOf(seconds) {
  const days = daysAgo(seconds);
  if (days < 2) return capital(relative.format(-days, "day"));
  if (days < 7) return weekday.format(seconds * 1000);
  return new Date(seconds * 1000).getFullYear() === new Date().getFullYear()
    ? dayOfYear.format(seconds * 1000)
    : date.format(seconds * 1000);
}

/** The shortest that still tells when. @param {number} seconds */
export function when(seconds) {
  const days = daysAgo(seconds);
  if (days < 1) return timeOf(seconds);
  if (days < 2) return capital(relative.format(-1, "day"));
  return days < 7 ? weekday.format(seconds * 1000) : short.format(seconds * 1000);
}

/** @param {number} seconds */
export function ago(seconds) {
  const minutes = Math.max(0, Math.round((Date.now() / 1000 - seconds) / 60));
  if (minutes < 1) return "just now";
  if (minutes < 60) return relative.format(-minutes, "minute");
  if (minutes < 24 * 60) return relative.format(-Math.round(minutes / 60), "hour");
  return relative.format(-Math.max(1, daysAgo(seconds)), "day");
}

/** @param {number} seconds */
function daysAgo(seconds) {
  const midnight = (/** @type {number} */ at) => new Date(at).setHours(0, 0, 0, 0);
  return Math.max(0, Math.round((midnight(Date.now()) - midnight(seconds * 1000)) / 86_400_000));
}

/** @param {string} text */
const capital = (text) => text.charAt(0).toLocaleUpperCase() + text.slice(1);
