// Sending what is in the outbox. The rule: over the socket, in the order in which it was written; what is too long for a frame
// goes over HTTP. What the server refuses waits for its author (outbox.js).

import { Refusal } from "./http.js";

/** @import { ChatClient } from "./client.js" */
/** @import { Draft } from "./outbox.js" */

/** Frames may have 64 KiB. */
const FRAME_BYTES_MAX = 60 * 1024;
/** A character of a string has at most so many bytes on the wire. */
const BYTES_PER_CHARACTER = 3;
/** Refusals that say nothing about the message. */
const PASSING = ["unavailable", "rate_limited", "internal"];

export class Sender {
  /** @param {ChatClient} client @param {() => void} changed */
  constructor(client, changed) {
    this.client = client;
    this.changed = changed;
  }

  /** Sends what waits, if there is a connection. */
  flush() {
    const { outbox, socket, state } = this.client;
    if (state !== "online") return;
    for (const draft of outbox.take()) {
      const { nonce, conversation_id, content, reply_id } = draft;
      const message = { type: "send_message", conversation_id, content, reply_id, nonce, ref: nonce };
      if (JSON.stringify(message).length * BYTES_PER_CHARACTER > FRAME_BYTES_MAX) void this.#sendOverHttp(draft);
      else if (!socket.send(message)) outbox.putBack(nonce);
    }
  }

  /** @param {string} nonce of a message, if it is one @param {Refusal} refusal */
  refused(nonce, { code, message }) {
    this.client.outbox.refuse(nonce, PASSING.includes(code) ? "The server could not take it." : message);
  }

  /** @param {Draft} draft */
  async #sendOverHttp({ nonce, conversation_id, content, reply_id }) {
    const { client } = this;
    try {
      await client.request("POST", `conversations/${conversation_id}/messages`, { content, reply_id, nonce });
      client.outbox.remove(nonce);
    } catch (error) {
      if (error instanceof Refusal) this.refused(nonce, error);
      else client.outbox.putBack(nonce);
    }
    this.changed();
  }
}
