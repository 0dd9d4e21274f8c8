// Sending what is in the outbox. The rule: over the socket, in the order in which it was written; what is too long for a frame
// goes over HTTP. What the server refuses waits for its author (outbox.js), but what only came too fast goes out again later.

import { Refusal } from "./http.js";

/** @import { ChatClient } from "./client.js" */
/** @import { Draft } from "./outbox.js" */

/** Frames may have 64 KiB. */
const FRAME_BYTES_MAX = 60 * 1024;
/** A character of a string has at most so many bytes on the wire. */
const BYTES_PER_CHARACTER = 3;
/** Refusals that say nothing about the message. */
const PASSING = ["unavailable", "internal"];
/** Messages that wait for an answer at once: few, so that hardly one is taken behind one that came too fast. */
const UNANSWERED_MAX = 16;
/** How long to rest when the server does not say, in seconds; and if it says more than anyone wants to wait. */
const REST = 1;
const REST_MAX = 60;

export class Sender {
  /** Whether the server was asked too much: one message at a time then, until none waits. */
  #isSlow = false;
  /** @type {ReturnType<typeof setTimeout> | null} */
  #rest = null;

  /** @param {ChatClient} client @param {() => void} changed */
  constructor(client, changed) {
    this.client = client;
    this.changed = changed;
  }

  /** Sends what waits, if there is a connection. */
  flush() {
    const { outbox, socket, state } = this.client;
    if (state !== "online" || this.#rest) return;
    const drafts = outbox.take((this.#isSlow ? 1 : UNANSWERED_MAX) - outbox.unanswered);
    if (outbox.unanswered === 0) this.#isSlow = false;
    for (const draft of drafts) {
      const { nonce, conversation_id, content, reply_id } = draft;
      const message = { type: "send_message", conversation_id, content, reply_id, nonce, ref: nonce };
      if (JSON.stringify(message).length * BYTES_PER_CHARACTER > FRAME_BYTES_MAX) void this.#sendOverHttp(draft);
      else if (!socket.send(message)) outbox.putBack(nonce);
    }
  }

  /** @param {string} nonce of a message, if it is one @param {Refusal} refusal */
  refused(nonce, { code, message, retryAfter }) {
    const { outbox } = this.client;
    if (!outbox.find(nonce)) return;
    if (code === "rate_limited") {
      outbox.putBack(nonce);
      this.#restFor(Math.min(retryAfter ?? REST, REST_MAX));
    } else {
      outbox.refuse(nonce, PASSING.includes(code) ? "The server could not take it." : message);
      this.flush();
    }
  }

  /** Forgets that the server was asked too much. */
  stop() {
    if (this.#rest) clearTimeout(this.#rest);
    this.#rest = null;
    this.#isSlow = false;
  }

  /** @param {number} seconds at least; a random part more, so that not all come back at once */
  #restFor(seconds) {
    this.#isSlow = true;
    if (this.#rest) return;
    this.client.counts.rests += 1;
    const end = () => {
      this.#rest = null;
      this.flush();
    };
    this.#rest = setTimeout(end, seconds * 1_000 * (1 + Math.random()));
  }

  /** @param {Draft} draft */
  async #sendOverHttp({ nonce, conversation_id, content, reply_id }) {
    const { client } = this;
    try {
      await client.request("POST", `conversations/${conversation_id}/messages`, { content, reply_id, nonce });
      client.outbox.remove(nonce);
      this.flush();
    } catch (error) {
      if (error instanceof Refusal) this.refused(nonce, error);
      else client.outbox.putBack(nonce);
    }
    this.changed();
  }
}
