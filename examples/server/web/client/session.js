// One's part in the conversation with the server: what is heard, and what is asked when something was missed. The rule of
// docs/API.md, section 6: after every opening of the socket, after `lagged` and at every gap one asks to catch up, and counts as
// online once that is answered.

import { Answers } from "./answers.js";
import { PAGE } from "./fetches.js";
import { Typing } from "./typing.js";

/** @import { ChatClient, State } from "./client.js" */
/** @import { Frame } from "./types.js" */
/** @import { Refusal } from "./http.js" */
/** @import { Advice } from "./socket.js" */

/** With more conversations to fetch anew than this, all are asked for at once. */
const RESETS_MAX = 5;
/** Timers cannot wait for longer than 24 days; a token that is renewed too soon does no harm. */
const RENEWAL_MAX = 3_600_000;

export class Session {
  answers = new Answers();
  #isCatchingUp = false;
  #isToAskAgain = false;
  #typing = new Typing((conversation, username) => this.#stoppedTyping(conversation, username));
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #renewal;

  /**
   * @param {ChatClient} client
   * @param {object} host
   * @param {(state: State) => void} host.setState
   * @param {() => void} host.changed
   * @param {() => void} host.ended there is no login any more
   * @param {() => void} host.flush
   * @param {(ref: string, refusal: Refusal) => void} host.refused
   */
  constructor(client, host) {
    this.client = client;
    this.host = host;
  }

  /** Where to connect; `null` if nobody is logged in. */
  async address() {
    const token = await this.client.login.token();
    if (!token) {
      this.host.ended();
      return null;
    }
    const address = new URL("ws", this.client.base);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("token", token);
    return address.href;
  }

  /** Asks for what was missed; nothing, if that is being asked already. */
  catchUp() {
    const { known, socket, counts } = this.client;
    if (this.#isCatchingUp || !socket.isOpen) return;
    this.#isCatchingUp = true;
    if (known.epoch !== null) counts.resumes += 1;
    socket.send(known.catchUp());
  }

  /** Asks how much is unread; once more, if an answer that is on its way may not know yet. */
  recount() {
    this.#isToAskAgain = this.#isCatchingUp;
    this.catchUp();
  }

  /** @param {Frame} frame */
  hear(frame) {
    switch (frame.type) {
      case "sync":
      case "resume":
        // Whoever asked too much at once asks again when the next gap shows.
        this.#isCatchingUp = false;
        if (frame.success) this.#caughtUp(frame);
        else this.client.socket.restart();
        break;
      case "lagged":
        this.client.outbox.disconnect();
        this.catchUp();
        break;
      default:
        this.#take(frame);
    }
    if (frame.ref !== undefined) this.#answered(frame);
    this.host.changed();
  }

  /** The connection is gone, or could not be made. @param {boolean} wasOpen @param {Advice} advice */
  async lost(wasOpen, advice) {
    const { client } = this;
    this.#isCatchingUp = false;
    client.outbox.disconnect();
    client.known.disconnect();
    client.people.forgetPresence();
    this.answers.giveUp();
    if (client.state === "online") this.host.setState("offline");
    const stale = client.login.kept?.access_token;
    if (!stale) return this.host.ended();
    if (advice === "refresh") await this.#renew(stale);
    // A browser does not tell why a socket could not be opened; the login may have ended.
    else if (!wasOpen) await client.request("GET", "users/me").catch(() => {});
    if (client.state === "connecting") this.host.setState("offline");
  }

  stop() {
    // What was asked is not answered any more; whoever logs in next asks anew.
    this.#isCatchingUp = this.#isToAskAgain = false;
    this.answers.giveUp();
    clearTimeout(this.#renewal);
    this.#typing.stop();
  }

  /** @param {Frame} frame */
  #caughtUp({ type, data }) {
    const { client } = this;
    if (type === "sync") {
      client.known.begin(data);
    } else {
      const stale = client.known.resumed(data);
      client.counts.resets += stale.length;
      if (stale.length > RESETS_MAX) return this.#startAgain();
      for (const id of stale) void client.fetches.anew(id).catch(() => {});
    }
    client.counts.connections += 1;
    client.socket.settle();
    this.#renewInTime();
    this.host.setState("online");
    client.outbox.disconnect();
    this.host.flush();
    void this.#learnPeople();
    if (this.#isToAskAgain) {
      this.#isToAskAgain = false;
      this.catchUp();
    }
  }

  /** The server's history is another one, or so much of it was missed that all is asked for. */
  #startAgain() {
    this.client.known.epoch = null;
    this.catchUp();
  }

  /** @param {Frame} frame */
  #take(frame) {
    const { client } = this;
    const { type, success, data } = frame;
    if (type === "send_message" && success && data.nonce) {
      client.outbox.remove(data.nonce);
      this.host.flush();
    }
    const meaning = client.known.apply(frame);
    if (meaning === "gap") {
      client.counts.gaps += 1;
      this.catchUp();
    } else if (meaning === "fetch") {
      void client.fetches.anew(data.conversation_id).catch(() => {});
    }
    // What a newcomer has to read is told by the answer to `resume` only.
    if (meaning === "recount" || meaning === "fetch") this.recount();
    if (type === "typing" && success && data.is_typing) this.#typing.begun(data.conversation_id, data.username);
    if (type === "user_status" && success) client.people.setOnline(data.username, data.is_online);
    if (meaning === "applied" && type === "send_message" && data.sender_id !== client.me?.id && client.state === "online") {
      client.dispatchEvent(new CustomEvent("message", { detail: data }));
    }
  }

  /** @param {number} conversation @param {string} username */
  #stoppedTyping(conversation, username) {
    this.client.conversation(conversation)?.showTyping(username, false);
    this.host.changed();
  }

  /** @param {Frame} frame */
  #answered(frame) {
    const refusal = this.answers.settle(frame);
    if (refusal) this.host.refused(String(frame.ref), refusal);
  }

  /** @param {string} stale */
  async #renew(stale) {
    if (!(await this.client.login.refresh(stale))) this.host.ended();
  }

  /** Keeps the socket alive beyond the token that it was opened with. */
  #renewInTime() {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(async () => {
      try {
        const token = await this.client.login.token();
        if (token) await this.client.ask("login", { token });
        this.#renewInTime();
      } catch {
        // The connection was lost, and is renewed with the next one.
      }
    }, Math.min(RENEWAL_MAX, Math.max(1_000, this.client.login.dueIn)));
  }

  async #learnPeople() {
    const page = await this.client.request("GET", `users?limit=${PAGE}`).catch(() => null);
    if (page) this.client.people.learn(page.users);
  }
}
