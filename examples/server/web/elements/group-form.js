// Creating a group: its name, who may find it, and who is in it from the start.

import { ChatElement } from "../app/element.js";
import { client } from "../app/context.js";
import { fill, h } from "../app/dom.js";
import { form } from "../app/form.js";
import { go } from "../app/router.js";
import { memberPicker } from "./member-picker.js";
import { pageHead } from "./page-head.js";

class GroupForm extends ChatElement {
  #picker = memberPicker();
  #isLoaded = false;

  build() {
    const creation = form({
      fields: [{ name: "name", label: "Name", maxlength: 128 }],
      action: "Create group",
      submit: async ({ name = "", visibility }) => {
        const id = await client.createGroup(name, [...this.#picker.chosen.keys()], visibility === "public" ? "public" : "private");
        go(`c/${id}`);
      },
    });
    const choice = (/** @type {string} */ value, /** @type {string} */ title, /** @type {string} */ about) =>
      h("label", { class: "option" }, h("input", { type: "radio", name: "visibility", value, checked: value === "private" }), h("span", {}, h("strong", {}, title), h("span", { class: "muted" }, about)));
    const visibility = h("fieldset", { class: "options" }, h("legend", { class: "label" }, "Who can join"), choice("private", "Invited people", "Members bring others in."), choice("public", "Everyone", "Anyone can find it and join."));
    creation.querySelector(".failure")?.before(visibility, h("div", { class: "field" }, h("span", { class: "label" }, "Members"), this.#picker.element));
    fill(this, pageHead("New group"), h("div", { class: "page-content narrow" }, creation));
  }

  draw() {
    if (this.#isLoaded || client.state !== "online") return;
    this.#isLoaded = true;
    void this.#picker.load();
  }
}

customElements.define("group-form", GroupForm);
