// Other users: their names, pictures and presence. The rule: asked for once when first needed, a few at a time, and from then
// on kept up to date by `user_status`.

import { Unreachable } from "./http.js";

/** @import { User } from "./types.js" */

/** Requests under way at once: names fill in quickly, and messages do not wait behind them. */
const AT_ONCE = 3;

export class People {
  /** @type {Map<string, User>} */
  #known = new Map();
  /** @type {Set<string>} */
  #asked = new Set();
  /** @type {[string, number | undefined][]} */
  #queue = [];
  #running = 0;
  /** Grows with whatever is learned. */
  version = 0;

  /**
   * @param {(method: string, path: string) => Promise<any>} request
   * @param {() => void} changed
   */
  constructor(request, changed) {
    this.request = request;
    this.changed = changed;
  }

  /**
   * What is known of someone; it is fetched if that is nothing.
   * @param {string} username
   * @param {number} [id]
   */
  of(username, id) {
    const known = this.#known.get(username);
    if (!known && !this.#asked.has(username) && !username.includes("~")) {
      this.#asked.add(username);
      this.#queue.push([username, id]);
      this.#run();
    }
    return known ?? null;
  }

  /** @param {string} username how to call them */
  nameOf(username) {
    if (username.includes("~")) return "Deleted account";
    return this.of(username)?.fullname ?? username;
  }

  /** @param {User[]} users */
  learn(users) {
    for (const user of users) {
      this.#asked.add(user.username);
      this.#known.set(user.username, user);
    }
    this.version += 1;
    this.changed();
  }

  /** Everyone who is known. */
  all() {
    return [...this.#known.values()];
  }

  /** @param {string} username @param {boolean} is_online */
  setOnline(username, is_online) {
    const user = this.#known.get(username);
    if (user) this.#known.set(username, { ...user, is_online, last_online: Math.floor(Date.now() / 1000) });
  }

  /** What is known of presence was only true while connected: ask again when it is needed. */
  forgetPresence() {
    for (const [username, user] of this.#known) this.#known.set(username, { ...user, is_online: false });
    this.#asked = new Set(this.#queue.map(([username]) => username));
  }

  /** Asks again about someone. @param {string} username */
  refresh(username) {
    if (this.#asked.has(username) && !this.#known.has(username)) return;
    this.#asked.add(username);
    this.#queue.push([username, this.#known.get(username)?.id]);
    this.#run();
  }

  async #run() {
    if (this.#running >= AT_ONCE) return;
    const next = this.#queue.shift();
    if (!next) return;
    this.#running += 1;
    try {
      const [username, id] = next;
      const found = id ?? (await this.request("GET", `users/user_id/${encodeURIComponent(username)}`)).user_id;
      this.learn([await this.request("GET", `users/${found}`)]);
    } catch (error) {
      if (error instanceof Unreachable) this.#asked.delete(next[0]);
    } finally {
      this.#running -= 1;
      this.#run();
    }
  }
}
