// Keys that work everywhere on the page. The rule: letters only count where nobody is typing.

import { client } from "./context.js";
import { conversationShown, go, place } from "./router.js";
import { byActivity } from "./order.js";
import { showShortcuts } from "./dialogs.js";

export function startShortcuts() {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || client.state === "out" || document.querySelector("dialog[open]")) return;
    const handled = withModifier(event) || (!isTyping(event) && letter(event)) || escape(event);
    if (handled) event.preventDefault();
  });
}

/** @param {KeyboardEvent} event */
function withModifier(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") return focusOn("[data-search]");
  if (event.altKey && event.key === "ArrowDown") return step(1);
  if (event.altKey && event.key === "ArrowUp") return step(-1);
  return false;
}

/** @param {KeyboardEvent} event */
function letter({ key, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) return false;
  if (key === "?") return Boolean(showShortcuts());
  return key === "c" && focusOn("message-composer textarea");
}

/** @param {KeyboardEvent} event */
function escape({ key }) {
  const { parts } = place();
  if (key !== "Escape" || parts.length === 0) return false;
  go(parts[0] === "c" && parts[2] ? `c/${parts[1]}` : "");
  return true;
}

/** @param {KeyboardEvent} event */
const isTyping = ({ target }) => target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");

/** @param {string} selector */
function focusOn(selector) {
  const element = /** @type {HTMLElement | null} */ (document.querySelector(selector));
  element?.focus();
  return element !== null;
}

/** @param {number} by */
function step(by) {
  const order = byActivity().map(({ id }) => id);
  const at = order.indexOf(conversationShown() ?? -1);
  const next = order[at === -1 ? 0 : Math.min(order.length - 1, Math.max(0, at + by))];
  if (next !== undefined) go(`c/${next}`);
  return true;
}
