// The field to write in: new messages, replies and edits. The rule: what was typed is never lost; it waits here for each
// conversation until it is sent.

import { ChatElement } from "../app/element.js";
import { attempt, notice } from "../app/notices.js";
import { client } from "../app/context.js";
import { fill, h, say } from "../app/dom.js";
import { icon } from "../app/icons.js";
import { oneLine } from "../app/text.js";
import { titleOf } from "../app/names.js";

/** @import { Message } from "../client/types.js" */
/** @import { MessageList } from "./message-list.js" */

/** As much as the server takes. */
const BYTES_MAX = 16 * 1024;
/** While someone types this is said again so often, in milliseconds; the server forgets it after six seconds. */
const TYPING_AGAIN = 3_000;

/** What was typed and not sent, by conversation. @type {Map<number, string>} */
const unsent = new Map();

export class MessageComposer extends ChatElement {
  conversationId = 0;
  /** @type {MessageList | null} */
  list = null;
  /** @type {{ kind: "reply" | "edit", message: Message } | null} */
  #about = null;
  #saidTyping = 0;

  #field = h("textarea", { class: "input", rows: 1, placeholder: "Message", "aria-label": "Message", dir: "auto", enterkeyhint: "send", autocomplete: "off" });
  #aboutText = h("span", { dir: "auto" });
  #aboutTitle = h("strong", {});
  #aboutBar = h("div", { class: "about-bar", hidden: true }, h("div", {}, this.#aboutTitle, this.#aboutText), h("button", { class: "tool small", type: "button", "aria-label": "Cancel", title: "Cancel (Esc)", onclick: () => this.#cancel() }, icon("close")));
  #send = h("button", { class: "send", "aria-label": "Send", title: "Send" }, icon("send"));

  build() {
    const form = h("form", { class: "compose" }, this.#field, this.#send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.#field.addEventListener("input", () => this.#typed());
    this.#field.addEventListener("blur", () => this.#stopTyping());
    fill(this, this.#aboutBar, form);
  }

  shown() {
    this.#field.value = unsent.get(this.conversationId) ?? "";
    this.#grow();
    this.whileShown(() => this.#stopTyping());
  }

  draw() {
    const conversation = client.conversation(this.conversationId);
    const isAlone = conversation?.kind === "direct" && !conversation.other;
    this.#field.disabled = isAlone;
    this.#field.placeholder = isAlone ? "This account was deleted" : conversation ? `Message ${titleOf(conversation)}` : "Message";
  }

  focusField() {
    this.#field.focus();
  }

  /** @param {Message} message */
  reply(message) {
    this.#begin("reply", message, `Reply to ${message.sender_id === client.me?.id ? "yourself" : client.people.nameOf(message.sender_username)}`);
  }

  /** @param {Message} message */
  edit(message) {
    this.#begin("edit", message, "Edit message");
    this.#field.value = message.content;
    this.#grow();
  }

  /** @param {"reply" | "edit"} kind @param {Message} message @param {string} title */
  #begin(kind, message, title) {
    if (this.#about?.kind === "edit") this.#cancel();
    this.#about = { kind, message };
    say(this.#aboutTitle, title);
    say(this.#aboutText, oneLine(message.content).slice(0, 200));
    this.#aboutBar.hidden = false;
    this.#field.focus();
  }

  #cancel() {
    if (this.#about?.kind === "edit") this.#field.value = unsent.get(this.conversationId) ?? "";
    this.#about = null;
    this.#aboutBar.hidden = true;
    this.#grow();
    this.#field.focus();
  }

  async #submit() {
    const content = this.#field.value;
    if (content.trim() === "") return;
    if (content.includes("\0") || new TextEncoder().encode(content).length > BYTES_MAX) return notice("This message is too long. Please send it in parts.");
    const about = this.#about;
    this.#stopTyping();
    if (about?.kind === "edit") {
      if (content !== about.message.content && !(await this.#saved(about.message.id, content))) return;
      return this.#cancel();
    }
    this.#field.value = "";
    unsent.delete(this.conversationId);
    this.#cancel();
    client.send(this.conversationId, content, about?.message.id ?? null);
    this.list?.toEnd();
  }

  /** @param {number} id @param {string} content */
  async #saved(id, content) {
    return (await attempt(client.edit(id, content).then(() => true))) ?? false;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    const hasKeyboard = !matchMedia("(pointer: coarse)").matches;
    if (event.key === "Enter" && !event.shiftKey && (hasKeyboard || event.ctrlKey)) {
      event.preventDefault();
      void this.#submit();
    } else if (event.key === "Escape" && this.#about) {
      event.preventDefault();
      this.#cancel();
    } else if (event.key === "ArrowUp" && this.#field.value === "") {
      event.preventDefault();
      const last = event.altKey ? null : this.list?.lastOwn();
      if (last && !event.shiftKey) this.edit(last);
      else this.list?.focusLast();
    }
  }

  #typed() {
    this.#grow();
    if (this.#about?.kind === "edit") return;
    const text = this.#field.value;
    if (text) unsent.set(this.conversationId, text);
    else unsent.delete(this.conversationId);
    if (!text) return this.#stopTyping();
    if (Date.now() - this.#saidTyping < TYPING_AGAIN) return;
    this.#saidTyping = Date.now();
    client.showTyping(this.conversationId, true);
  }

  #stopTyping() {
    if (this.#saidTyping === 0) return;
    this.#saidTyping = 0;
    client.showTyping(this.conversationId, false);
  }

  /** As high as what was typed, within what the style allows. */
  #grow() {
    const { style } = this.#field;
    style.setProperty("height", "auto");
    style.setProperty("height", `${this.#field.scrollHeight + 2}px`);
  }
}

customElements.define("message-composer", MessageComposer);
