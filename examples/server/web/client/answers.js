// Requests over the socket that wait for their answer. The rule: each has a `ref` of its own, and ends with the frame that
// carries it, or with the connection.

import { Refusal, Unreachable } from "./http.js";

/** @import { Frame } from "./types.js" */

export class Answers {
  /** @type {Map<string, { resolve: (data: any) => void, reject: (error: Error) => void }>} */
  #awaited = new Map();
  #asked = 0;

  /**
   * @param {(ref: string) => boolean} send whether the request could be written
   * @returns {Promise<any>} the data of its answer
   */
  to(send) {
    this.#asked += 1;
    const ref = `ask-${this.#asked}`;
    if (!send(ref)) return Promise.reject(new Unreachable());
    return new Promise((resolve, reject) => this.#awaited.set(ref, { resolve, reject }));
  }

  /** @param {Frame} frame @returns {Refusal | null} what it says if that is no */
  settle({ ref, success, data, error, code }) {
    const awaited = this.#awaited.get(String(ref));
    this.#awaited.delete(String(ref));
    if (success) {
      awaited?.resolve(data);
      return null;
    }
    const refusal = new Refusal(0, code ?? "unknown", error ?? "");
    awaited?.reject(refusal);
    return refusal;
  }

  /** The connection is gone, and with it every answer. */
  giveUp() {
    for (const { reject } of this.#awaited.values()) reject(new Unreachable());
    this.#awaited.clear();
  }
}
