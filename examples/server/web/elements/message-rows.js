// The rows of a list of messages: days, the line above what is unread, the messages, and those on their way.

import { client } from "../app/context.js";
import { createRow, updateRow } from "./message-row.js";
import { dayKey, dayOf } from "../app/time.js";
import { h, say } from "../app/dom.js";

/** @import { Conversation } from "../client/conversation.js" */
/** @import { Draft } from "../client/outbox.js" */
/** @import { Message } from "../client/types.js" */

/** @typedef {{ key: string, create: () => HTMLElement, update: (row: HTMLElement) => void }} Row */
/** The one that stands above. @typedef {{ sender: number, at: number } | null} Previous */

/** Messages of one author that are no further apart than this, in seconds, stand together. */
const TOGETHER = 300;

/**
 * @param {Conversation} conversation
 * @param {Message[]} messages a run of those that it holds
 * @param {{ firstUnread: number | null, isToEnd: boolean }} place whether what is on its way follows
 * @returns {Row[]}
 */
export function rowsOf(conversation, messages, { firstUnread, isToEnd }) {
  const readers = readersOf(conversation);
  /** @type {Row[]} */
  const rows = [];
  const above = conversation.messages[conversation.messages.indexOf(/** @type {Message} */ (messages[0])) - 1];
  /** @type {Previous} */
  let previous = above ? { sender: above.sender_id, at: above.sent_at } : null;
  let day = above ? dayKey(above.sent_at) : "";
  /** @param {number} at @param {number} sender @param {boolean} isUnread @returns {boolean} whether the author stands here anew */
  const begin = (at, sender, isUnread) => {
    if (dayKey(at) !== day) {
      day = dayKey(at);
      previous = null;
      rows.push(separator(`day-${day}`, "day", dayOf(at)));
    }
    if (isUnread) {
      previous = null;
      rows.push(separator("unread", "unread-line", "New messages"));
    }
    const isFirst = previous?.sender !== sender || at - previous.at > TOGETHER;
    previous = { sender, at };
    return isFirst;
  };
  for (const message of messages) {
    const isFirst = begin(message.sent_at, message.sender_id, message.id === firstUnread);
    const isRead = message.id <= readers.upTo;
    rows.push(row(conversation, message, null, { isFirst, isRead, readers: readers.of.get(message.id) ?? [] }));
  }
  for (const draft of isToEnd ? waiting(conversation, messages) : []) {
    const isFirst = begin(draft.created_at, client.me?.id ?? 0, false);
    rows.push(row(conversation, null, draft, { isFirst, isRead: false, readers: [] }));
  }
  return rows;
}

/** What is on its way, and not there already. @param {Conversation} conversation @param {Message[]} messages */
function waiting(conversation, messages) {
  const stored = new Set(messages.map(({ nonce }) => nonce));
  return client.outbox.of(conversation.id).filter(({ nonce }) => !stored.has(nonce));
}

/**
 * @param {Conversation} conversation
 * @param {Message | null} message
 * @param {Draft | null} draft
 * @param {{ isFirst: boolean, isRead: boolean, readers: string[] }} look
 * @returns {Row}
 */
function row(conversation, message, draft, look) {
  const isOwn = message === null || message.sender_id === client.me?.id;
  const replyTo = message?.reply_id ?? draft?.reply_id;
  const quoted = replyTo ? conversation.find(replyTo) : null;
  // A message keeps its row when it is stored.
  const nonce = isOwn ? (message?.nonce ?? draft?.nonce) : null;
  const key = nonce ? `nonce-${nonce}` : `message-${message?.id}`;
  const item = { key, message, draft, isOwn, quoted, showsAuthor: conversation.kind === "group", ...look };
  return { key, create: createRow, update: (element) => updateRow(element, item) };
}

/** @param {string} key @param {string} name @param {string} text @returns {Row} */
function separator(key, name, text) {
  const create = () => h("li", { class: `separator ${name}` }, h("span", {}));
  return { key, create, update: (element) => say(/** @type {Element} */ (element.firstElementChild), text) };
}

/**
 * Who has read one's own messages: for each message the readers whose last one of these it is, and up to where anyone has.
 * @param {Conversation} conversation
 */
function readersOf(conversation) {
  /** @type {Map<number, string[]>} */
  const of = new Map();
  let upTo = 0;
  for (const [username, mark] of conversation.marks) {
    upTo = Math.max(upTo, mark);
    const last = conversation.messages.findLast(({ id }) => id <= mark);
    if (last?.sender_id === client.me?.id && last) of.set(last.id, [...(of.get(last.id) ?? []), username]);
  }
  return { of, upTo };
}
