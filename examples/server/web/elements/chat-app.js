// The whole page: a list of conversations, what is open beside it, and details at the far side. The rule: the address says
// what is shown; on a phone it says which one of the three.

import { ChatElement } from "../app/element.js";
import { client, redraw } from "../app/context.js";
import { fill, h, set } from "../app/dom.js";
import { go, place } from "../app/router.js";
import { notice } from "../app/notices.js";
import "./conversation-list.js";
import "./conversation-view.js";
import "./start-page.js";
import "./welcome-pane.js";

/** What is shown beside the list, by the first part of the address. */
const PAGES = new Map([
  ["people", "people-page"],
  ["groups", "groups-page"],
  ["new-group", "group-form"],
  ["settings", "settings-page"],
]);
/** What the first paint does not need. It is fetched after that, while nobody waits, so that it is there without a network. */
const LATER = [
  () => import("./conversation-info.js"),
  () => import("./people-page.js"),
  () => import("./settings-page.js"),
  () => import("./groups-page.js"),
  () => import("./group-form.js"),
];
/** Pages for strangers, which make no sense to those who are in. */
const FOR_STRANGERS = new Set(["login", "register", "forgot", "verify"]);

class ChatApp extends ChatElement {
  #shown = "";
  #hasAll = false;
  #main = h("main", { id: "main", class: "main", tabindex: -1 });
  #side = h("aside", { class: "side", "aria-label": "Details", hidden: true });
  #shell = h(
    "div",
    { class: "shell" },
    h("nav", { class: "sidebar", "aria-label": "Conversations" }, h("conversation-list")),
    this.#main,
    this.#side,
  );

  shown() {
    this.listen(window, "hashchange", redraw);
    this.listen(client, "ended", ({ detail }) => {
      go("login", { replaces: true });
      if (!detail.isOwnWish) notice("You have been logged out.");
    });
  }

  draw() {
    const { parts, query } = place();
    // Links in mails hold for whoever opens them.
    const isFromMail = parts[0] === "reset_password" || (parts[0] === "verify" && query.has("code"));
    const isStranger = client.state === "out" || isFromMail;
    document.documentElement.dataset.login = isStranger ? "none" : "kept";
    if (isStranger) return this.#show("start", () => fill(this, h("start-page")));
    if (FOR_STRANGERS.has(parts[0] ?? "")) return go("", { replaces: true });
    if (this.firstElementChild !== this.#shell) fill(this, this.#shell);
    this.#fetchRest();
    this.#drawMain(parts);
  }

  /** @param {string[]} parts */
  #drawMain(parts) {
    const [first = "", id = "", more] = parts;
    const isConversation = first === "c";
    set(this.#shell, "data-pane", parts.length === 0 ? "list" : more ? "side" : "main");
    const name = isConversation ? "conversation-view" : (PAGES.get(first) ?? "welcome-pane");
    this.#show(`${name} ${isConversation ? id : ""}`, () => {
      fill(this.#main, h(name, { "data-id": isConversation ? id : null }));
    });
    const details = isConversation && more === "info" ? id : null;
    this.#side.hidden = details === null;
    const current = this.#side.firstElementChild?.getAttribute("data-id") ?? null;
    if (details !== current) fill(this.#side, details && h("conversation-info", { "data-id": details }));
  }

  /** An element that is defined later comes to life where it stands. */
  #fetchRest() {
    if (this.#hasAll) return;
    this.#hasAll = true;
    Promise.all(LATER.map((load) => load())).catch(() => (this.#hasAll = false));
  }

  /** @param {string} what @param {() => void} build */
  #show(what, build) {
    if (what === this.#shown) return;
    this.#shown = what;
    build();
  }
}

customElements.define("chat-app", ChatApp);
