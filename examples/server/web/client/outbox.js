// Messages on their way. The rule: each has a nonce before it is sent for the first time and is repeated under it until there
// is an answer, so that it is stored once, however often the connection breaks. What waits survives a reload.

/** @import { Store } from "./types.js" */

/**
 * @typedef {object} Draft
 * @property {string} nonce
 * @property {number} conversation_id
 * @property {string} content
 * @property {number | null} reply_id
 * @property {number} created_at Unix seconds
 * @property {string | null} refusal why the server does not take it; it then waits for its author
 */

export class Outbox {
  /** In the order in which they were written. @type {Map<string, Draft>} */
  #drafts = new Map();
  /** Those that were sent over this connection, and not answered yet. @type {Set<string>} */
  #sent = new Set();

  /**
   * @param {Store} store
   * @param {string} owner whose messages these are
   */
  constructor(store, owner) {
    this.store = store;
    this.prefix = `chat-outbox:${owner}:`;
    const kept = store.keys().filter((key) => key.startsWith(this.prefix));
    const drafts = kept.map((key) => /** @type {Draft} */ (JSON.parse(store.getItem(key) ?? "null"))).filter(Boolean);
    drafts.sort((one, other) => one.created_at - other.created_at);
    for (const draft of drafts) this.#drafts.set(draft.nonce, draft);
  }

  /** @param {number} conversation */
  of(conversation) {
    return [...this.#drafts.values()].filter(({ conversation_id }) => conversation_id === conversation);
  }

  /** @param {string} nonce */
  find(nonce) {
    return this.#drafts.get(nonce) ?? null;
  }

  /**
   * @param {number} conversation_id
   * @param {string} content
   * @param {number | null} reply_id
   */
  add(conversation_id, content, reply_id) {
    const nonce = uuid();
    const created_at = Date.now() / 1000;
    return this.#keep({ nonce, conversation_id, content, reply_id, created_at, refusal: null });
  }

  /** What is to be sent next; it then counts as sent. @param {number} most @returns {Draft[]} */
  take(most) {
    const waiting = [...this.#drafts.values()].filter(({ nonce, refusal }) => !refusal && !this.#sent.has(nonce));
    const next = waiting.slice(0, Math.max(0, most));
    for (const { nonce } of next) this.#sent.add(nonce);
    return next;
  }

  /** How many messages were sent and not answered yet. */
  get unanswered() {
    return this.#sent.size;
  }

  /** The connection is gone, and with it any answer. */
  disconnect() {
    this.#sent.clear();
  }

  /** @param {string} nonce of a message that could not be sent this time */
  putBack(nonce) {
    this.#sent.delete(nonce);
  }

  /** @param {string} nonce of a message that is stored, or not wanted any more */
  remove(nonce) {
    this.#sent.delete(nonce);
    this.store.removeItem(this.prefix + nonce);
    return this.#drafts.delete(nonce);
  }

  /** Gives up all that waits. */
  clear() {
    for (const nonce of [...this.#drafts.keys()]) this.remove(nonce);
  }

  /** How many messages wait. */
  get size() {
    return this.#drafts.size;
  }

  /** @param {string} nonce @param {string} refusal */
  refuse(nonce, refusal) {
    const draft = this.#drafts.get(nonce);
    this.#sent.delete(nonce);
    if (draft) this.#keep({ ...draft, refusal });
  }

  /** @param {string} nonce */
  retry(nonce) {
    const draft = this.#drafts.get(nonce);
    if (draft) this.#keep({ ...draft, refusal: null });
  }

  /** @param {Draft} draft */
  #keep(draft) {
    this.#drafts.set(draft.nonce, draft);
    try {
      this.store.setItem(this.prefix + draft.nonce, JSON.stringify(draft));
    } catch {
      // The store is full: it is sent all the same, but does not survive a reload.
    }
    return draft;
  }
}

/** A random UUID (RFC 9562, version 4), also on pages that were not loaded over TLS. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte, index) => {
    if (index === 6) byte = (byte & 0x0f) | 0x40;
    if (index === 8) byte = (byte & 0x3f) | 0x80;
    return byte.toString(16).padStart(2, "0");
  });
  return hex.join("").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
