// What can be done with a message: by the toolbar at the one that is pointed at, and by a key at the one that has the focus.

import { attempt, notice } from "../app/notices.js";
import { client } from "../app/context.js";
import { confirmed } from "../app/dialogs.js";
import { fill, h } from "../app/dom.js";
import { icon } from "../app/icons.js";

/** @import { IconName } from "../app/icons.js" */
/** @import { Message } from "../client/types.js" */
/** @import { MessageComposer } from "./message-composer.js" */

export class MessageActions {
  /** @type {MessageComposer | null} */
  composer = null;
  #toolbar = h("div", { class: "toolbar", role: "toolbar", "aria-label": "What to do with this message" });

  /** @param {(row: Element | null) => Message | null} messageOf what a row shows */
  constructor(messageOf) {
    this.messageOf = messageOf;
  }

  /** Shows the toolbar at a row. @param {Element | null} row */
  offer(row) {
    const message = this.messageOf(row);
    if (!row?.isConnected || !message || message.deleted) {
      if (row || !this.#toolbar.isConnected) this.#toolbar.remove();
      return;
    }
    const what = `${message.id} ${mayDelete(message)}`;
    if (row.contains(this.#toolbar) && this.#toolbar.dataset.for === what) return;
    this.#toolbar.dataset.for = what;
    const tool = (/** @type {IconName} */ name, /** @type {string} */ label, /** @type {() => void} */ act) =>
      h("button", { class: "tool small", type: "button", "aria-label": label, title: label, onclick: act }, icon(name));
    fill(
      this.#toolbar,
      tool("reply", "Reply", () => this.composer?.reply(message)),
      tool("copy", "Copy", () => copy(message)),
      isOwn(message) && tool("compose", "Edit", () => this.composer?.edit(message)),
      mayDelete(message) && tool("trash", "Delete", () => remove(message)),
    );
    row.querySelector(".bubble")?.append(this.#toolbar);
  }

  /** Brings the toolbar up to date where it is, or to where the focus waits for a message to be stored. */
  refresh() {
    const row = this.#toolbar.closest(".message") ?? document.activeElement?.closest(".message");
    if (row) this.offer(row);
  }

  /** Does what a key stands for. @param {Element} row @param {KeyboardEvent} event @returns {boolean} whether it stands for anything */
  press(row, { key, ctrlKey, metaKey, altKey }) {
    const message = this.messageOf(row);
    if (!message || message.deleted || ctrlKey || metaKey || altKey) return false;
    /** @type {Record<string, () => unknown>} */
    const deeds = {
      r: () => this.composer?.reply(message),
      y: () => copy(message),
      e: () => isOwn(message) && this.composer?.edit(message),
      Delete: () => mayDelete(message) && remove(message),
    };
    const deed = deeds[key];
    deed?.();
    return deed !== undefined;
  }
}

/** @param {Message} message */
const isOwn = (message) => message.sender_id === client.me?.id;

/** @param {Message} message */
function mayDelete(message) {
  const conversation = client.conversation(message.conversation_id);
  return isOwn(message) || (conversation?.kind === "group" && ["owner", "admin"].includes(conversation.role ?? ""));
}

/** @param {Message} message */
async function copy(message) {
  try {
    await navigator.clipboard.writeText(message.content);
    notice("Copied.");
  } catch {
    notice("The browser does not let this page copy.");
  }
}

/** @param {Message} message */
async function remove(message) {
  const isSure = await confirmed("Delete this message?", "Its words are gone for everyone, for good.", "Delete");
  if (isSure) await attempt(client.delete(message.id));
}
