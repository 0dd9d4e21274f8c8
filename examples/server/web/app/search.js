// Searching while one types. The rule: the answer to an older question never replaces that to a newer one.

import { attempt } from "./notices.js";
import { h } from "./dom.js";

const PAUSE = 150;

/**
 * A search field and its results, with a button for more of them.
 * @template T
 * @param {object} options
 * @param {string} options.label
 * @param {(search: string, after: number | null) => Promise<{ found: T[], next: number | null }>} options.find
 * @param {(found: T) => HTMLElement} options.row
 * @param {string} options.nothing what is said if nothing is found
 */
export function searchable({ label, find, row, nothing }) {
  let asked = 0;
  /** @type {number | null} */
  let next = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const list = h("ul", { class: "people", "aria-label": label });
  const state = h("p", { class: "empty", role: "status" });
  const more = h("button", { class: "button quiet wide", type: "button", hidden: true, onclick: () => load(true) }, "Show more");
  const input = h("input", { class: "input search", type: "search", placeholder: label, "aria-label": label, oninput: () => {
    clearTimeout(timer);
    timer = setTimeout(() => load(false), PAUSE);
  }, onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && event.preventDefault() });

  /** @param {boolean} isMore */
  async function load(isMore) {
    asked += 1;
    const question = asked;
    const answer = await attempt(find(input.value.trim(), isMore ? next : null));
    if (question !== asked || !answer) return;
    next = answer.next;
    const rows = answer.found.map(row);
    if (isMore) list.append(...rows);
    else list.replaceChildren(...rows);
    state.textContent = list.children.length > 0 ? "" : input.value.trim() ? nothing : "Nothing to choose from yet.";
    more.hidden = next === null;
  }

  return { input, results: h("div", {}, list, state, more), load: () => load(false) };
}
