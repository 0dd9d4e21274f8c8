// Questions that must be answered first. The rule: they are the browser's own modal dialogs, which keep the focus inside,
// close on Escape and give the focus back.

import { h } from "./dom.js";

/**
 * @param {string} title
 * @param {string} text
 * @param {string} action the label of the button that says yes
 * @returns {Promise<boolean>}
 */
export async function confirmed(title, text, action) {
  const answer = await open(title, [h("p", {}, text)], [
    h("button", { class: "button quiet", value: "no" }, "Cancel"),
    h("button", { class: "button danger", value: "yes", autofocus: true }, action),
  ]);
  return answer === "yes";
}

/**
 * @param {string} title
 * @param {string} label
 * @param {string} value what stands there first
 * @param {string} action
 * @param {string} [type]
 * @returns {Promise<string | null>} what was typed; `null` if nothing was answered
 */
export async function asked(title, label, value, action, type = "text") {
  const input = h("input", { class: "input", type, value, required: true, autofocus: true, maxlength: 128, dir: "auto" });
  const answer = await open(title, [h("label", { class: "field" }, h("span", { class: "label" }, label), input)], [
    h("button", { class: "button quiet", value: "no", formnovalidate: true, type: "submit" }, "Cancel"),
    h("button", { class: "button", value: "yes" }, action),
  ]);
  return answer === "yes" ? input.value : null;
}

const SHORTCUTS = [
  ["Search conversations", ["Ctrl", "K"]],
  ["Next or previous conversation", ["Alt", "↓ / ↑"]],
  ["Write a message", ["C"]],
  ["Send", ["Enter"]],
  ["New line", ["Shift", "Enter"]],
  ["Edit your last message", ["↑", "in an empty field"]],
  ["Go through messages", ["↑ / ↓", "in the list"]],
  ["Reply to, edit, copy, delete the message", ["R", "E", "Y", "Del"]],
  ["Back, or close what is open", ["Esc"]],
  ["This list", ["?"]],
];

export function showShortcuts() {
  const rows = SHORTCUTS.map(([what, keys]) => [
    h("dt", {}, /** @type {string} */ (what)),
    h("dd", {}, .../** @type {string[]} */ (keys).map((key) => h("kbd", {}, key))),
  ]);
  return open("Keyboard shortcuts", [h("dl", { class: "shortcuts" }, ...rows)], [
    h("button", { class: "button", value: "no", autofocus: true }, "Close"),
  ]);
}

/**
 * @param {string} title
 * @param {Node[]} content
 * @param {HTMLButtonElement[]} buttons
 * @returns {Promise<string>} the value of the button that was pressed
 */
function open(title, content, buttons) {
  const [first, ...rest] = buttons.reverse();
  // The first button of a form is what Enter presses.
  const actions = h("div", { class: "actions" }, first, ...rest);
  const form = h("form", { method: "dialog" }, h("h2", { id: "dialog-title" }, title), ...content, actions);
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title" }, form);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close(""));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    }),
  );
}
