// One message in its row. The rule: a row is made anew only if something that it shows has changed, and what was typed by
// someone is text in it.

import { avatar } from "./user-avatar.js";
import { client } from "../app/context.js";
import { fill, h, set } from "../app/dom.js";
import { fullTime, timeOf } from "../app/time.js";
import { icon } from "../app/icons.js";
import { isEmojiOnly, oneLine, rich } from "../app/text.js";

/** @import { Message } from "../client/types.js" */
/** @import { Draft } from "../client/outbox.js" */

/**
 * What a row shows.
 * @typedef {object} Item
 * @property {string} key
 * @property {Message | null} message
 * @property {Draft | null} draft the message while it is on its way
 * @property {boolean} isOwn
 * @property {boolean} isFirst of several by the same author
 * @property {boolean} showsAuthor
 * @property {Message | null} quoted the message it replies to, if that is there
 * @property {string[]} readers who has read it, of one's own newest that anyone has read
 * @property {boolean} isRead by anyone
 */

/** @type {WeakMap<Element, { message: unknown, quoted: unknown, rest: string }>} */
const shown = new WeakMap();

export function createRow() {
  return h("li", { class: "message", tabindex: -1 });
}

/** @param {HTMLElement} row @param {Item} item */
export function updateRow(row, item) {
  const { message, draft, isOwn, isFirst, showsAuthor, quoted, readers, isRead } = item;
  const author = message?.sender_username ?? client.me?.username ?? "";
  const name = client.people.nameOf(author);
  const picture = client.people.of(author)?.profile_picture ?? "";
  const rest = [name, picture, draft?.refusal, Boolean(draft), isFirst, showsAuthor, readers.join(), isRead].join("\n");
  const before = shown.get(row);
  if (before && before.message === (message ?? draft) && before.quoted === quoted && before.rest === rest) return;
  shown.set(row, { message: message ?? draft, quoted, rest });
  set(row, "data-own", isOwn);
  set(row, "data-first", isFirst);
  set(row, "data-id", message?.id);
  set(row, "data-nonce", draft?.nonce);
  set(row, "data-state", draft ? (draft.refusal ? "failed" : "waiting") : null);
  const face = avatar("tiny");
  if (showsAuthor && isFirst && !isOwn) face.showPerson(author);
  const toolbar = row.querySelector(".toolbar");
  fill(row, showsAuthor && !isOwn ? h("span", { class: "face" }, isFirst && face) : null, bubble(item, name), failure(draft), readers.length > 0 && seenBy(readers));
  if (toolbar) row.querySelector(".bubble")?.append(toolbar);
}

/** @param {Item} item @param {string} name */
function bubble({ message, draft, isOwn, isFirst, showsAuthor, quoted, isRead }, name) {
  const text = message?.content ?? draft?.content ?? "";
  const isGone = message?.deleted ?? false;
  const replyTo = message?.reply_id ?? draft?.reply_id ?? null;
  const content = isGone
    ? h("p", { class: "content gone" }, "Message deleted")
    : h("div", { class: "content", dir: "auto", "data-emoji": isEmojiOnly(text) }, rich(text));
  const author = showsAuthor && isFirst && !isOwn;
  return h(
    "div",
    { class: "bubble" },
    h("span", { class: author ? "author" : "visually-hidden", dir: "auto" }, isOwn ? "You" : name),
    replyTo && !isGone ? quote(replyTo, quoted) : null,
    content,
    h("span", { class: "meta" }, message?.edited_at && !isGone ? h("span", { class: "edited" }, "edited") : null, time(message, draft), isOwn && !isGone ? mark(draft, isRead) : null),
  );
}

/** @param {number} id @param {Message | null} quoted */
function quote(id, quoted) {
  const who = quoted ? (quoted.sender_id === client.me?.id ? "You" : client.people.nameOf(quoted.sender_username)) : "Earlier message";
  const what = quoted ? (quoted.deleted ? "Message deleted" : oneLine(quoted.content).slice(0, 200)) : "Jump to it";
  return h("button", { class: "quote", type: "button", "data-jump": id, title: "Jump to the original" }, h("span", { class: "visually-hidden" }, "In reply to "), h("strong", { dir: "auto" }, who), h("span", { dir: "auto" }, what));
}

/** @param {Message | null} message @param {Draft | null} draft */
function time(message, draft) {
  const at = message?.sent_at ?? draft?.created_at ?? 0;
  return h("time", { datetime: new Date(at * 1000).toISOString(), title: fullTime(at) }, timeOf(at));
}

/** @param {Draft | null} draft @param {boolean} isRead */
function mark(draft, isRead) {
  const [name, label] = draft
    ? draft.refusal
      ? /** @type {const} */ (["warning", "Not sent"])
      : /** @type {const} */ (["clock", "Waiting to be sent"])
    : isRead
      ? /** @type {const} */ (["checks", "Read"])
      : /** @type {const} */ (["check", "Delivered"]);
  return h("span", { class: "mark-state", "data-mark": label, title: label }, icon(name), h("span", { class: "visually-hidden" }, label));
}

/** @param {Draft | null} draft */
function failure(draft) {
  if (!draft?.refusal) return null;
  return h(
    "div",
    { class: "refusal" },
    h("span", {}, `Not sent: ${draft.refusal}`),
    h("button", { class: "link", type: "button", onclick: () => client.retry(draft.nonce) }, "Try again"),
    h("button", { class: "link", type: "button", onclick: () => client.discard(draft.nonce) }, "Discard"),
  );
}

/** @param {string[]} readers */
function seenBy(readers) {
  const names = readers.map((username) => client.people.nameOf(username));
  const rest = names.length - 3;
  return h("div", { class: "seen", title: names.join(", ") }, `Seen by ${names.slice(0, 3).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`);
}
