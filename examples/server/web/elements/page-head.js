// The head of a page beside the list: on a phone, the way back.

import { h } from "../app/dom.js";
import { icon } from "../app/icons.js";

/** @import { Child } from "../app/dom.js" */

/** @param {string} title @param {...Child} tools */
export function pageHead(title, ...tools) {
  const back = h("a", { class: "tool back", href: "#/", "aria-label": "Back to the list", title: "Back" }, icon("back"));
  return h("header", { class: "view-head" }, back, h("h1", {}, title), ...tools);
}
