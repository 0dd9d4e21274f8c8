// What conversations and people are called on the page.

import { client } from "./context.js";

/** @import { Conversation } from "../client/conversation.js" */

/** @param {Conversation} conversation */
export function titleOf(conversation) {
  if (conversation.kind === "group") return conversation.name || "…";
  return conversation.other ? client.people.nameOf(conversation.other) : "Deleted account";
}

/** Whether the other one of a direct conversation is online. @param {Conversation} conversation */
export function isOnline(conversation) {
  return conversation.other ? onlineNow(conversation.other) : false;
}

/** @param {string} username */
export function onlineNow(username) {
  return client.known.presence.get(username) ?? client.people.of(username)?.is_online ?? false;
}

/** Who is typing, as one line; empty if nobody is. @param {Conversation} conversation */
export function typingLine(conversation) {
  const names = [...conversation.typing].map((username) => client.people.nameOf(username));
  if (names.length === 0) return "";
  if (conversation.kind === "direct") return "typing…";
  if (names.length > 2) return `${names.length} people are typing…`;
  return names.length === 2 ? `${names.join(" and ")} are typing…` : `${names[0]} is typing…`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;
