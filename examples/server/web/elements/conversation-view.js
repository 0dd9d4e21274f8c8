// One open conversation: who it is with, what was said, who is typing, and the field to answer in.

import { ChatElement } from "../app/element.js";
import { MessageComposer } from "./message-composer.js";
import { MessageList } from "./message-list.js";
import { ago } from "../app/time.js";
import { avatar } from "./user-avatar.js";
import { client } from "../app/context.js";
import { counted, isOnline, titleOf, typingLine } from "../app/names.js";
import { fill, h, say, set } from "../app/dom.js";
import { icon } from "../app/icons.js";

/** @import { Conversation } from "../client/conversation.js" */

class ConversationView extends ChatElement {
  #id = 0;
  #picture = avatar("small");
  #title = h("h1", { dir: "auto" });
  #subtitle = h("p", { class: "subtitle" });
  #typing = h("p", { class: "typing", "aria-live": "off" });
  #list = new MessageList();
  #composer = new MessageComposer();
  #missing = h("section", { class: "welcome", hidden: true }, h("h1", {}, "Not here"), h("p", { class: "lead" }, "There is no such conversation, or you are not in it any more."), h("p", {}, h("a", { class: "button", href: "#/" }, "Back to your chats")));
  #all = h("div", { class: "conversation-view" });

  build() {
    this.#id = Number(this.dataset.id);
    const back = h("a", { class: "tool back", href: "#/", "aria-label": "Back to the list", title: "Back" }, icon("back"));
    const details = `#/c/${this.#id}/info`;
    const about = h("a", { class: "about", href: details, title: "Details" }, this.#picture, h("div", { class: "titles" }, this.#title, this.#subtitle));
    const info = h("a", { class: "tool", href: details, "aria-label": "Details", title: "Details" }, icon("info"));
    this.#list.conversationId = this.#composer.conversationId = this.#id;
    this.#list.composer = this.#composer;
    this.#composer.list = this.#list;
    fill(this.#all, h("header", { class: "view-head" }, back, about, info), this.#list, this.#typing, this.#composer);
    fill(this, this.#all, this.#missing);
  }

  shown() {
    if (!matchMedia("(pointer: coarse)").matches) this.#composer.focusField();
    const other = client.conversation(this.#id)?.other;
    // Presence is told of contacts only: of others, ask when someone looks.
    if (other && client.state === "online") client.people.refresh(other);
  }

  draw() {
    const conversation = client.conversation(this.#id);
    const isLoading = client.known.epoch === null;
    this.#missing.hidden = Boolean(conversation) || isLoading;
    this.#all.hidden = !this.#missing.hidden;
    if (!conversation) return;
    this.#picture.showConversation(conversation);
    say(this.#title, titleOf(conversation));
    say(this.#subtitle, subtitleOf(conversation));
    set(this.#subtitle, "data-online", isOnline(conversation));
    say(this.#typing, typingLine(conversation));
    set(this.#typing, "data-shown", conversation.typing.size > 0);
  }
}

customElements.define("conversation-view", ConversationView);

/** @param {Conversation} conversation */
function subtitleOf(conversation) {
  if (client.state === "offline") return "No connection";
  if (conversation.kind === "group") {
    const visibility = conversation.visibility === "public" ? "Public group" : "Group";
    return `${visibility}, ${counted(conversation.member_count, "member")}`;
  }
  if (!conversation.other) return "";
  if (isOnline(conversation)) return "Online";
  const user = client.people.of(conversation.other);
  return user ? `Last online ${ago(user.last_online)}` : "";
}
