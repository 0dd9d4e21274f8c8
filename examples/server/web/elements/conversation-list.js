// The list of conversations, newest activity first. The rule: only as many rows as one can see soon; a search looks at all.

import { ChatElement } from "../app/element.js";
import { avatar } from "./user-avatar.js";
import { choices } from "./welcome-pane.js";
import { byActivity } from "../app/order.js";
import { client, redraw } from "../app/context.js";
import { conversationShown } from "../app/router.js";
import { fill, h, reconcile, say, set } from "../app/dom.js";
import { icon } from "../app/icons.js";
import { oneLine } from "../app/text.js";
import { titleOf, typingLine } from "../app/names.js";
import { fullTime, when } from "../app/time.js";

/** @import { Conversation } from "../client/conversation.js" */
/** @import { UserAvatar } from "./user-avatar.js" */

const ROWS = 60;

class ConversationList extends ChatElement {
  #rows = ROWS;
  #search = h("input", { class: "input search", type: "search", placeholder: "Search", "aria-label": "Search conversations", "data-search": true, oninput: redraw, onkeydown: (/** @type {KeyboardEvent} */ event) => this.#leaveSearch(event) });
  #list = h("ul", { class: "conversations" });
  #empty = h("p", { class: "empty", hidden: true });
  /** On a phone there is nothing beside the list to begin with. */
  #beginning = h("div", { class: "beginning", hidden: true }, choices());
  #more = h("button", { class: "button quiet wide", hidden: true, onclick: () => this.#showMore() }, "Show more");
  #status = h("p", { class: "connection", role: "status", hidden: true });
  #me = avatar("small");
  #bones = h("div", { class: "bones", "aria-hidden": "true" }, ...Array.from({ length: 7 }, bone));

  build() {
    const tool = (/** @type {string} */ path, /** @type {import("../app/icons.js").IconName} */ name, /** @type {string} */ label) =>
      h("a", { class: "tool", href: `#/${path}`, "aria-label": label, title: label }, icon(name));
    const self = h("a", { class: "self", href: "#/settings", title: "Profile and settings" }, this.#me, h("span", { class: "visually-hidden" }, "Profile and settings"));
    const head = h("header", { class: "sidebar-head" }, self, h("h2", {}, "Chats"), tool("groups", "globe", "Discover groups"), tool("new-group", "crowd", "New group"), tool("people", "compose", "Find people"));
    fill(this, head, h("div", { class: "sidebar-search" }, icon("search"), this.#search), this.#status, h("div", { class: "scroll" }, this.#list, this.#bones, this.#empty, this.#beginning, this.#more));
  }

  draw() {
    if (client.me) this.#me.showPerson(client.me.username);
    this.#drawStatus();
    const wanted = this.#search.value.trim().toLocaleLowerCase();
    const all = byActivity().filter((conversation) => matches(conversation, wanted));
    const isLoading = client.known.epoch === null;
    this.#bones.hidden = !isLoading;
    this.#empty.hidden = all.length > 0 || isLoading;
    say(this.#empty, wanted ? "No conversation has this name." : "No conversations yet.");
    this.#beginning.hidden = client.known.conversations.size > 0 || isLoading;
    this.#more.hidden = all.length <= this.#rows;
    reconcile(this.#list, all.slice(0, this.#rows), ({ id }) => String(id), create, update);
  }

  #drawStatus() {
    const isAway = client.state === "offline";
    this.#status.hidden = !isAway;
    say(this.#status, isAway ? "No connection. What you write is sent when it is back." : "");
  }

  #showMore() {
    this.#rows += ROWS;
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  #leaveSearch(event) {
    if (event.key === "Escape") {
      this.#search.value = "";
      event.preventDefault();
      redraw();
    }
    if (event.key === "ArrowDown" || event.key === "Enter") {
      this.#list.querySelector("a")?.focus();
      event.preventDefault();
    }
  }
}

customElements.define("conversation-list", ConversationList);

function bone() {
  return h("div", { class: "bone-row" }, h("span", { class: "bone round" }), h("span", { class: "bone line" }));
}

/** @param {Conversation} conversation @param {string} wanted */
function matches(conversation, wanted) {
  if (!wanted) return true;
  return [titleOf(conversation), conversation.other ?? ""].some((name) => name.toLocaleLowerCase().includes(wanted));
}

/** @param {Conversation} conversation */
function create(conversation) {
  const link = h(
    "a",
    { class: "conversation", href: `#/c/${conversation.id}` },
    avatar(),
    h("span", { class: "title", dir: "auto" }),
    h("time", {}),
    h("span", { class: "preview", dir: "auto" }),
    h("span", { class: "badge" }),
  );
  link.addEventListener("keydown", (event) => {
    const next = event.key === "ArrowDown" ? "nextElementSibling" : event.key === "ArrowUp" ? "previousElementSibling" : null;
    if (!next || event.altKey) return;
    event.preventDefault();
    /** @type {HTMLElement | null | undefined} */ (link.parentElement?.[next]?.firstElementChild)?.focus();
  });
  return h("li", {}, link);
}

/** @param {HTMLElement} row @param {Conversation} conversation */
function update(row, conversation) {
  const link = /** @type {HTMLElement} */ (row.firstElementChild);
  const [picture, title, time, preview, badge] = /** @type {[UserAvatar, HTMLElement, HTMLElement, HTMLElement, HTMLElement]} */ ([...link.children]);
  picture.showConversation(conversation);
  say(title, titleOf(conversation));
  say(time, when(conversation.activity));
  set(time, "title", fullTime(conversation.activity));
  const typing = typingLine(conversation);
  set(preview, "data-typing", Boolean(typing));
  set(preview, "data-faint", Boolean(!typing && conversation.last_message?.deleted));
  say(preview, typing || previewOf(conversation));
  const { unread } = conversation;
  badge.hidden = unread === 0;
  say(badge, unread > 999 ? "999+" : unread);
  set(badge, "aria-label", `${unread} unread`);
  set(link, "data-unread", unread > 0);
  set(link, "aria-current", conversation.id === conversationShown() ? "page" : null);
}

/** @param {Conversation} conversation */
function previewOf(conversation) {
  const waiting = client.outbox.of(conversation.id).at(-1);
  if (waiting) return `You: ${oneLine(waiting.content)}`;
  const message = conversation.last_message;
  if (!message) return conversation.kind === "group" ? "New group" : "Say hello";
  const text = message.deleted ? "Message deleted" : oneLine(message.content);
  if (message.sender_id === client.me?.id) return `You: ${text}`;
  return conversation.kind === "group" ? `${client.people.nameOf(message.sender_username)}: ${text}` : text;
}
