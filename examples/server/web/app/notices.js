// Short notices at the edge of the page, spoken by screen readers. The rule: a notice tells of what has happened; what must
// be answered is a dialog.

import { h } from "./dom.js";
import { Refusal, Unreachable } from "../client/client.js";

const SHOWN_FOR = 6_000;
const place = h("div", { class: "notices", role: "status", "aria-live": "polite" });
document.body.append(place);

/** @param {string} sentence */
export function notice(sentence) {
  const shown = h("p", { class: "notice" }, sentence);
  place.append(shown);
  setTimeout(() => shown.remove(), SHOWN_FOR);
}

/** What to tell of a failure. @param {unknown} error */
export function sentenceOf(error) {
  if (error instanceof Refusal && error.status === 429) return "Too many attempts. Please wait a moment.";
  if (error instanceof Refusal) return sentence(error.message);
  if (error instanceof Unreachable) return error.message;
  console.error(error);
  return "Something went wrong.";
}

/**
 * Does something, and tells if it fails.
 * @template T
 * @param {Promise<T>} work
 * @returns {Promise<T | undefined>}
 */
export async function attempt(work) {
  try {
    return await work;
  } catch (error) {
    notice(sentenceOf(error));
  }
}

/** @param {string} text */
function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
