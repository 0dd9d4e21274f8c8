// Forms. The rule: what the server finds wrong with a field is said at that field, anything else above the button; a form
// cannot be sent twice at once.

import { h, set } from "./dom.js";
import { Refusal } from "../client/client.js";
import { sentenceOf } from "./notices.js";

/**
 * @typedef {object} Field
 * @property {string} name as the server calls it
 * @property {string} label
 * @property {string} [type]
 * @property {string} [hint]
 * @property {string} [value]
 * @property {boolean} [optional]
 * @property {string} [autocomplete]
 * @property {string} [inputmode]
 * @property {number} [maxlength]
 * @property {string} [pattern]
 */

/**
 * @param {object} options
 * @param {Field[]} options.fields
 * @param {string} options.action the label of the button
 * @param {(values: Record<string, string>) => Promise<unknown>} options.submit
 * @returns {HTMLFormElement}
 */
export function form({ fields, action, submit }) {
  const failure = h("p", { class: "failure", role: "alert" });
  const button = h("button", { class: "button wide" }, action);
  const shown = fields.map(labelled);
  const element = h("form", { class: "form" }, ...shown, failure, button);
  let isBusy = false;
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    set(button, "aria-busy", "true");
    clear(element);
    try {
      const typed = /** @type {[string, string][]} */ ([...new FormData(element)]);
      await submit(Object.fromEntries(typed.filter(([, value]) => value !== "")));
    } catch (error) {
      tell(element, error);
    } finally {
      isBusy = false;
      set(button, "aria-busy", null);
    }
  });
  return element;
}

let fieldsMade = 0;

/** @param {Field} field */
function labelled({ name, label, type = "text", hint, value = "", optional, ...rest }) {
  fieldsMade += 1;
  const id = `field-${fieldsMade}`;
  const about = `${id}-about`;
  const input = h("input", { ...rest, class: "input", id, name, type, value, required: !optional, "aria-describedby": about, dir: "auto" });
  const title = h("span", { class: "label" }, label, optional ? h("span", { class: "muted" }, " (optional)") : null);
  return h("div", { class: "field" }, h("label", { for: id }, title), input, h("p", { id: about, class: "hint", "data-hint": hint ?? "" }, hint ?? ""));
}

/** @param {HTMLFormElement} element */
function clear(element) {
  const failure = element.querySelector(".failure");
  if (failure) failure.textContent = "";
  for (const input of element.querySelectorAll("[aria-invalid]")) {
    set(input, "aria-invalid", null);
    const about = document.getElementById(input.getAttribute("aria-describedby") ?? "");
    if (about) about.textContent = about.dataset.hint ?? "";
  }
}

/** @param {HTMLFormElement} element @param {unknown} error */
function tell(element, error) {
  const sentence = sentenceOf(error);
  const named = error instanceof Refusal && error.field ? element.elements.namedItem(error.field) : null;
  const about = named instanceof HTMLInputElement && document.getElementById(named.getAttribute("aria-describedby") ?? "");
  if (named instanceof HTMLInputElement && about) {
    set(named, "aria-invalid", "true");
    about.textContent = sentence;
    named.focus();
  } else {
    const failure = element.querySelector(".failure");
    if (failure) failure.textContent = sentence;
  }
}
