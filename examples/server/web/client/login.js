// Who one is: the pair of tokens, kept in a store. The rules of docs/API.md, section 2: a refresh token is good for one use,
// so it is used by one at a time over all tabs, and the new pair is stored before anyone uses it.

import { Refusal, request } from "./http.js";

/** @import { Lock, Store, User } from "./types.js" */
/** @typedef {{ access_token: string, refresh_token: string, expires_at: number, user: User }} Kept */

const KEY = "chat-login";
/** A token that lives less than this long is replaced before it is used, in seconds. */
const MARGIN = 60;

export class Login {
  /**
   * @param {string} base
   * @param {Store} store
   * @param {Lock} lock
   */
  constructor(base, store, lock) {
    this.base = base;
    this.store = store;
    this.lock = lock;
  }

  /** The key of the store under which the login is, for those who watch the store. */
  static key = KEY;

  /** @returns {Kept | null} */
  get kept() {
    try {
      return JSON.parse(this.store.getItem(KEY) ?? "null");
    } catch {
      return null;
    }
  }

  /** @param {any} answer of one of the routes that log in */
  keep(answer) {
    const { access_token, refresh_token, expires_in, user } = answer;
    const expires_at = now() + expires_in;
    this.store.setItem(KEY, JSON.stringify({ access_token, refresh_token, expires_at, user }));
  }

  /** @param {User} user oneself, as one is now */
  keepUser(user) {
    const kept = this.kept;
    if (kept) this.store.setItem(KEY, JSON.stringify({ ...kept, user }));
  }

  forget() {
    this.store.removeItem(KEY);
  }

  /** When the access token should be replaced, in milliseconds from now. */
  get dueIn() {
    return Math.max(0, ((this.kept?.expires_at ?? 0) - MARGIN - now()) * 1000);
  }

  /**
   * A token that is good for a while, replaced first if need be.
   * @returns {Promise<string | null>} `null` once logged out
   */
  async token() {
    const kept = this.kept;
    if (!kept) return null;
    return kept.expires_at - MARGIN > now() ? kept.access_token : this.refresh(kept.access_token);
  }

  /**
   * Replaces a token that the server does not take any more, unless someone else has already.
   * @param {string} stale
   * @returns {Promise<string | null>} `null` if the login has ended
   */
  refresh(stale) {
    return this.lock(KEY, async () => {
      const kept = this.kept;
      if (!kept || kept.access_token !== stale) return kept?.access_token ?? null;
      try {
        const body = { refresh_token: kept.refresh_token };
        this.keep(await request(this.base, "POST", "users/token/refresh", { body }));
      } catch (error) {
        if (!(error instanceof Refusal && error.status === 401)) throw error;
        this.forget();
      }
      return this.kept?.access_token ?? null;
    });
  }
}

/** @returns {Lock} one for everybody in this process */
export function localLock() {
  /** @type {Map<string, Promise<unknown>>} */
  const last = new Map();
  return (name, work) => {
    const done = (last.get(name) ?? Promise.resolve()).then(work);
    last.set(name, done.catch(() => {}));
    return done;
  };
}

const now = () => Math.floor(Date.now() / 1000);
