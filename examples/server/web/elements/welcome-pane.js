// What stands beside the list while nothing is open. Whoever is new here is shown where to begin.

import { ChatElement } from "../app/element.js";
import { client } from "../app/context.js";
import { fill, h } from "../app/dom.js";
import { icon } from "../app/icons.js";

/** @import { IconName } from "../app/icons.js" */

class WelcomePane extends ChatElement {
  #shown = "";

  draw() {
    const isNew = client.known.epoch !== null && client.known.conversations.size === 0;
    const name = client.me?.fullname ?? "";
    const wanted = `${isNew} ${name}`;
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    fill(this, isNew ? first(name) : quiet());
  }
}

/** @param {string} name */
function first(name) {
  return h(
    "section",
    { class: "welcome" },
    h("h1", { dir: "auto" }, `Hello, ${name}!`),
    h("p", { class: "lead" }, "You have no conversations yet. Where would you like to begin?"),
    choices(),
  );
}

/** Where someone new can begin. */
export function choices() {
  return h(
    "div",
    { class: "choices" },
    choice("people", "person", "Find people", "Look for someone by name and write to them."),
    choice("new-group", "crowd", "Create a group", "Invite others, or make it public for all to find."),
    choice("groups", "globe", "Discover groups", "Join a public group and read along."),
  );
}

/** @param {string} path @param {IconName} name @param {string} title @param {string} text */
function choice(path, name, title, text) {
  return h("a", { class: "choice", href: `#/${path}` }, icon(name), h("strong", {}, title), h("span", {}, text));
}

function quiet() {
  return h("section", { class: "welcome quiet" }, h("div", { class: "mark", "aria-hidden": "true" }, icon("bubble")), h("h1", {}, "Choose a conversation"), h("p", { class: "lead" }, "Or press ", h("kbd", {}, "?"), " for the keyboard shortcuts."));
}

customElements.define("welcome-pane", WelcomePane);
