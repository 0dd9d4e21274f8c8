// What a client knows, and how each frame changes it: the one reducer from events to state. The client's rule of docs/API.md,
// section 6:
//
// * Of each conversation keep the last `seq`. The event with the next one is applied, one with an old one dropped.
// * One beyond the next shows a gap: the caller asks to `resume`, and until the answer whatever does not fit is dropped.
// * What is fetched may be newer than the last `seq`. Applying events to what shows them already changes nothing, so what
//   was heard while a page was on its way is applied to the page once more.

import { Conversation } from "./conversation.js";

/** @import { Frame, Position, Summary } from "./types.js" */

/**
 * What a frame means to whoever fed it.
 * * `applied`: something has changed.
 * * `old`: it was known already.
 * * `gap`: something before it is missing: resume.
 * * `fetch`: of this conversation not enough is known: fetch its details.
 * * `recount`: how much is unread must be asked for: resume.
 * * `none`: it is not about what is known here.
 * @typedef {"applied" | "old" | "gap" | "fetch" | "recount" | "none"} Meaning
 */

const IN_ORDER = new Set([
  "send_message",
  "edit_message",
  "delete_message",
  "rename_conversation",
  "add_member",
  "remove_member",
  "leave_conversation",
]);

export class Known {
  /** The name of the server's history; `null` before the first `sync`. @type {string | null} */
  epoch = null;
  /** @type {Map<number, Conversation>} */
  conversations = new Map();
  /** Who is online, as far as it was told. @type {Map<string, boolean>} */
  presence = new Map();

  /** @param {string} me one's own username */
  constructor(me) {
    this.me = me;
  }

  /** The request that catches up. @returns {object} */
  catchUp() {
    if (this.epoch === null) return { type: "sync" };
    const seen = [...this.conversations.values()].map(({ id, last_seq }) => [id, last_seq]);
    return { type: "resume", epoch: this.epoch, conversations: Object.fromEntries(seen) };
  }

  /**
   * Takes in the answer to `sync`.
   * @param {{ epoch: string, conversations: Summary[] }} answer
   */
  begin({ epoch, conversations }) {
    this.epoch = epoch;
    this.conversations = new Map(conversations.map((summary) => [summary.id, new Conversation(summary, this.me)]));
  }

  /**
   * Takes in the answer to `resume`.
   * @param {{ epoch: string, conversations: Position[] }} answer
   * @returns {number[]} the conversations to fetch anew
   */
  resumed({ epoch, conversations }) {
    this.epoch = epoch;
    const stale = [];
    for (const position of conversations) {
      const { id, last_seq, read_up_to, unread, reset } = position;
      if (last_seq === null) {
        this.conversations.delete(id);
        continue;
      }
      const conversation = this.conversations.get(id) ?? this.#unnamed(id, last_seq);
      conversation.unread = unread;
      conversation.read_up_to = Math.max(conversation.read_up_to ?? 0, read_up_to ?? 0) || null;
      if (reset) {
        conversation.last_seq = last_seq;
        conversation.reset();
        stale.push(id);
      }
    }
    return stale;
  }

  /**
   * Takes in any other frame.
   * @param {Frame} frame
   * @returns {Meaning}
   */
  apply({ type, success, data }) {
    if (!success) return "none";
    if (IN_ORDER.has(type)) return this.#inOrder(type, data);
    switch (type) {
      case "create_conversation":
        return this.#create(data);
      case "delete_conversation":
        return this.conversations.delete(data.conversation_id) ? "applied" : "none";
      case "read":
        return this.conversations.get(data.conversation_id)?.markRead(data.username, data.message_id) ?? "none";
      case "typing":
        return this.conversations.get(data.conversation_id)?.showTyping(data.username, data.is_typing) ?? "none";
      case "user_status":
        this.presence.set(data.username, data.is_online);
        return "applied";
      default:
        return "none";
    }
  }

  /** What is only true while connected is not known any more, nor is how far others read meanwhile. */
  disconnect() {
    this.presence.clear();
    for (const conversation of this.conversations.values()) {
      conversation.typing.clear();
      conversation.lacksDetails = true;
    }
  }

  /** @param {Summary} summary @returns {Meaning} */
  #create(summary) {
    if (this.conversations.has(summary.id)) return "none";
    this.conversations.set(summary.id, new Conversation(summary, this.me));
    return "applied";
  }

  /** @param {string} type @param {any} data @returns {Meaning} */
  #inOrder(type, data) {
    const { conversation_id: id, seq } = data;
    // A change that changed nothing is answered, but took no place.
    if (seq === null) return "none";
    const conversation = this.conversations.get(id);
    if (!conversation) {
      if (type !== "add_member" || data.username !== this.me) return "gap";
      this.#unnamed(id, seq);
      return "fetch";
    }
    if (seq <= conversation.last_seq) return "old";
    if (seq > conversation.last_seq + 1) return "gap";
    conversation.last_seq = seq;
    const isOver = /^(remove_member|leave_conversation)$/.test(type) && data.username === this.me;
    if (isOver) {
      this.conversations.delete(id);
      return "applied";
    }
    return conversation.change(type, data);
  }

  /**
   * A conversation of which nothing but its place is known yet.
   * @param {number} id
   * @param {number} last_seq
   */
  #unnamed(id, last_seq) {
    const summary = { id, kind: /** @type {const} */ ("group"), name: "", visibility: /** @type {const} */ ("private") };
    const conversation = new Conversation({ ...summary, created_at: 0, last_seq, member_count: 1, members: [this.me] }, this.me);
    conversation.isStale = true;
    this.conversations.set(id, conversation);
    return conversation;
  }
}
