// The chat client: everything a page, a bot or a test needs to take part, and nothing about how it looks.
//
//   const client = new ChatClient({ base: "http://127.0.0.1:8000/" });
//   await client.logIn("ann", "correct horse");
//   client.addEventListener("change", () => show(client.known.conversations));
//   client.send(conversation.id, "Tea at five?");
//
// The rule: `known` is changed by frames of the socket and by fetched pages only (known.js). Whatever is done here goes out
// as a request, and comes back as an event like everyone else's (session.js).
//
// Events: `change` when something that is known has changed, `state` when the connection has, `message` with a message that
// someone else has just sent, `ended` when the login has, with whether that was one's own wish.

import { EventSocket } from "./socket.js";
import { Fetches } from "./fetches.js";
import { Keeper } from "./keeper.js";
import { Known } from "./known.js";
import { Login, localLock } from "./login.js";
import { Outbox } from "./outbox.js";
import { People } from "./people.js";
import { Refusal, request } from "./http.js";
import { Sender } from "./sender.js";
import { Session } from "./session.js";
import { memoryStore } from "./store.js";

/** @import { Archive, Details, Lock, Store, User } from "./types.js" */

export { Refusal, Unreachable } from "./http.js";
export { memoryStore } from "./store.js";

/** An archive that answers later than this, in milliseconds, does not keep one from the server; without a server it is waited for. */
const ARCHIVE_PATIENCE = 2_000;

/**
 * How the connection is.
 * * `out`: nobody is logged in.
 * * `connecting`: for the first time.
 * * `online`: what is known is what is.
 * * `offline`: what is known is what was; trying again.
 * @typedef {"out" | "connecting" | "online" | "offline"} State
 */

export class ChatClient extends EventTarget {
  /** @type {State} */
  state = "out";
  /** @type {User | null} */
  me = null;
  known = new Known("");
  /** What has been through, for tests and for those who wonder. */
  counts = { resumes: 0, resets: 0, gaps: 0, connections: 0, rests: 0 };
  #sender = new Sender(this, () => this.#changed());
  #session = new Session(this, {
    setState: (state) => this.#setState(state),
    changed: () => this.#changed(),
    ended: () => void this.#end(),
    flush: () => this.#sender.flush(),
    refused: (ref, refusal) => this.#sender.refused(ref, refusal),
  });

  /**
   * @param {object} options
   * @param {string} options.base the address of the server, with a slash at the end
   * @param {Store} [options.store] where the login and unsent messages are kept; by default nowhere for long
   * @param {Lock} [options.lock] one over all who share the store
   * @param {Archive | null} [options.archive] where what is known is kept for the next visit; by default nowhere
   * @param {typeof WebSocket} [options.WebSocket]
   */
  constructor({ base, store = memoryStore(), lock = localLock(), archive = null, WebSocket = globalThis.WebSocket }) {
    super();
    this.base = base;
    this.store = store;
    this.login = new Login(base, store, lock);
    this.outbox = new Outbox(store, "");
    this.people = this.#newPeople();
    this.fetches = new Fetches({
      request: (method, path) => this.request(method, path),
      conversation: (id) => this.conversation(id),
      changed: () => this.#changed(),
    });
    this.keeper = new Keeper(this, archive);
    this.socket = new EventSocket({
      WebSocket,
      address: () => this.#session.address(),
      opened: () => this.#session.catchUp(),
      heard: (frame) => this.#session.hear(frame),
      lost: (wasOpen, advice) => this.#session.lost(wasOpen, advice),
    });
  }

  // Logging in and out

  /** Goes on with the login that is kept, if there is one. @returns {boolean} whether there is */
  start() {
    const kept = this.login.kept;
    if (!kept) {
      void this.keeper.clear();
      return false;
    }
    this.me = kept.user;
    this.known = new Known(kept.user.username);
    this.outbox = new Outbox(this.store, String(kept.user.id));
    this.people = this.#newPeople();
    this.people.learn([kept.user]);
    this.#setState("connecting");
    void this.#connect();
    return true;
  }

  /** @param {object} account the fields of `POST /users/register` @returns {Promise<User>} */
  register(account) {
    return request(this.base, "POST", "users/register", { body: account });
  }

  /** @param {string} name a username or an address @param {string} password */
  async logIn(name, password) {
    const who = name.includes("@") ? { email: name } : { username: name };
    await this.#logInBy("users/login", { ...who, password });
  }

  /** The start with one field, where the server has it. @param {string} email */
  logInAsGuest(email) {
    return this.#logInBy("users/guest", { email });
  }

  /** Shows that an address is one's own, with the code from the mail. @param {{ email?: string, code?: string }} proof */
  verify(proof) {
    return request(this.base, "POST", "users/verify", { body: proof });
  }

  /** Asks for another mail with a code that verifies; the answer is the same for every address. @param {string} email */
  resendCode(email) {
    return request(this.base, "POST", "users/resend_code", { body: { email } });
  }

  /** Asks for a mail with a code to reset the password; the answer is the same for every address. @param {string} email */
  forgotPassword(email) {
    return request(this.base, "POST", "users/forgot_password", { body: { email } });
  }

  /** @param {{ email?: string, code?: string, password?: string }} fields */
  resetPassword(fields) {
    return request(this.base, "POST", "users/reset_password", { body: fields });
  }

  /** Ends this login here and at the server; nothing of it is kept, not even what was not sent yet. */
  async logOut() {
    // The socket would be closed for the login, and want to know whether there is another.
    this.socket.stop();
    this.#session.stop();
    await this.request("POST", "users/logout").catch(() => {});
    this.outbox.clear();
    this.#end(true);
  }

  /** Stops without logging out: the login stays for the next `start`. */
  stop() {
    this.socket.stop();
    this.#session.stop();
    this.#sender.stop();
    this.keeper.stop();
    this.#setState("out");
  }

  // Conversations

  /** @param {number} id */
  conversation(id) {
    return this.known.conversations.get(id) ?? null;
  }

  /** Fetches what is shown of a conversation, unless it is there already. @param {number} id */
  async open(id) {
    const conversation = this.conversation(id);
    if (!conversation) return;
    if (conversation.isStale || conversation.lacksDetails) await this.fetches.details(id);
    if (conversation.isStale || conversation.extent === "none") await this.fetches.messages(id);
  }

  /** Fetches messages that are older than those there are. @param {number} id */
  loadOlder(id) {
    return this.conversation(id)?.hasOlder ? this.fetches.messages(id) : Promise.resolve();
  }

  /** @param {number} user @returns {Promise<number>} the conversation with them */
  async direct(user) {
    const details = await this.request("PUT", `conversations/direct/${user}`);
    this.#welcome(details);
    return details.id;
  }

  /** @param {string} name @param {string[]} members @param {"private" | "public"} visibility @returns {Promise<number>} */
  async createGroup(name, members, visibility) {
    const details = await this.request("POST", "groups", { name, members, visibility });
    this.#welcome(details);
    return details.id;
  }

  /** @param {number} id of a public group */
  async join(id) {
    await this.request("POST", `groups/${id}/join`);
    this.#welcome(await this.request("GET", `conversations/${id}`));
    this.#session.recount();
  }

  // Messages

  /**
   * Sends a message now, or as soon as there is a connection.
   * @param {number} conversation
   * @param {string} content
   * @param {number | null} [replyTo]
   */
  send(conversation, content, replyTo = null) {
    const draft = this.outbox.add(conversation, content, replyTo);
    this.#sender.flush();
    this.#changed();
    return draft;
  }

  /** Sends once more what was refused. @param {string} nonce */
  retry(nonce) {
    this.outbox.retry(nonce);
    this.#sender.flush();
    this.#changed();
  }

  /** Gives up what was refused or still waits. @param {string} nonce */
  discard(nonce) {
    this.outbox.remove(nonce);
    this.#sender.flush();
    this.#changed();
  }

  /** @param {number} id @param {string} content */
  edit(id, content) {
    return this.request("PATCH", `messages/${id}`, { content });
  }

  /** @param {number} id */
  delete(id) {
    return this.request("DELETE", `messages/${id}`);
  }

  /** @param {number} conversation_id @param {number} message_id everything up to it is read */
  markRead(conversation_id, message_id) {
    this.socket.send({ type: "read", conversation_id, message_id });
  }

  /** @param {number} conversation_id @param {boolean} is_typing */
  showTyping(conversation_id, is_typing) {
    this.socket.send({ type: "typing", conversation_id, is_typing });
  }

  // Requests

  /**
   * A request to the HTTP API in one's own name, once more if only the token was too old.
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async request(method, path, body) {
    const token = await this.#token();
    try {
      return await request(this.base, method, path, { body, token });
    } catch (error) {
      if (!(error instanceof Refusal && error.status === 401)) throw error;
      const renewed = await this.login.refresh(token);
      if (!renewed || renewed === token) throw this.#end();
      return request(this.base, method, path, { body, token: renewed });
    }
  }

  /**
   * A request over the socket.
   * @param {string} type
   * @param {object} [fields]
   * @returns {Promise<any>} the data of its answer
   */
  ask(type, fields = {}) {
    return this.#session.answers.to((ref) => this.socket.send({ type, ...fields, ref }));
  }

  /** Fetches oneself anew, after something about oneself was changed. */
  async refreshMe() {
    this.#become(await this.request("GET", "users/me"));
  }

  /** @param {object} fields of `PATCH /users/me` */
  async updateMe(fields) {
    this.#become(await this.request("PATCH", "users/me", fields));
  }

  // Small things

  /** Begins with what is kept, and asks for what came since. */
  async #connect() {
    const { known } = this;
    const restored = this.keeper.restore().then(() => this.#changed());
    await Promise.race([restored, new Promise((resolve) => setTimeout(resolve, ARCHIVE_PATIENCE))]);
    // Meanwhile they may have logged out, or somebody else in.
    if (this.state !== "out" && this.known === known) this.socket.start();
  }

  /** A conversation that a request has told of, perhaps before its event. @param {Details} details */
  #welcome(details) {
    const members = details.members.map(({ username }) => username);
    const data = { ...details, members };
    // From the place of what was fetched on, as after `sync`.
    this.known.apply({ type: "create_conversation", success: true, data });
    this.#changed();
  }

  /** @param {string} path @param {object} body */
  async #logInBy(path, body) {
    this.login.keep(await request(this.base, "POST", path, { body }));
    this.start();
  }

  async #token() {
    const token = await this.login.token();
    if (!token) throw this.#end();
    return token;
  }

  /** The login has ended. @param {boolean} [isOwnWish] @returns {Refusal} what to tell whoever still asks */
  #end(isOwnWish = false) {
    const wasIn = this.state !== "out";
    this.login.forget();
    this.stop();
    void this.keeper.clear();
    this.me = null;
    this.known = new Known("");
    this.outbox = new Outbox(this.store, "");
    if (wasIn) this.dispatchEvent(new CustomEvent("ended", { detail: { isOwnWish } }));
    return new Refusal(401, "unauthorized", "You are not logged in any more.");
  }

  /** @param {User} user */
  #become(user) {
    this.me = user;
    this.login.keepUser(user);
    this.people.learn([user]);
    this.#changed();
  }

  #newPeople() {
    return new People((method, path) => this.request(method, path), () => this.#changed());
  }

  /** @param {State} state */
  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  #changed() {
    this.keeper.changed();
    this.dispatchEvent(new Event("change"));
  }
}
