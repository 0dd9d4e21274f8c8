// Keeps what is known for the next visit, so that it can be read without a connection. The rule: each conversation is kept as
// it was at one moment, with its last `seq`; whoever begins with it resumes from there, as after a lost connection.

import { Conversation } from "./conversation.js";

/** @import { Archive } from "./types.js" */
/** @import { ChatClient } from "./client.js" */

/** Changes are kept together, so many milliseconds after the first one. */
const PAUSE = 250;

export class Keeper {
  /** What of each conversation is kept already. @type {Map<number, string>} */
  #kept = new Map();
  #people = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {ChatClient} client @param {Archive | null} archive */
  constructor(client, archive) {
    this.client = client;
    this.archive = archive;
  }

  /** Takes up what was known at the last visit, if that was by the same person. */
  async restore() {
    const { me, known, people } = this.client;
    const archived = await this.archive?.load(String(me?.id)).catch(() => null);
    // Meanwhile somebody else may be here, or the server have said what is.
    if (!archived || known !== this.client.known || known.epoch !== null) return;
    people.learn(archived.people);
    for (const kept of archived.conversations) {
      known.conversations.set(kept.id, Conversation.restored(kept, known.me));
    }
    known.epoch = archived.epoch;
    for (const conversation of known.conversations.values()) this.#kept.set(conversation.id, this.#version(conversation));
    this.#people = people.version;
  }

  /** Something may have changed. */
  changed() {
    if (this.archive) this.#timer ??= setTimeout(() => void this.keep(), PAUSE);
  }

  /** Keeps what has changed. */
  async keep() {
    this.stop();
    const { known, people, login, me } = this.client;
    const owner = String(me?.id);
    // Another tab may have logged out.
    if (!this.archive || known.epoch === null || String(login.kept?.user.id) !== owner) return;
    const changed = [...known.conversations.values()].filter((one) => !one.isStale && this.#kept.get(one.id) !== this.#version(one));
    const gone = [...this.#kept.keys()].filter((id) => !known.conversations.has(id));
    const isPeopleNew = this.#people !== people.version;
    if (changed.length + gone.length === 0 && !isPeopleNew) return;
    for (const one of changed) this.#kept.set(one.id, this.#version(one));
    for (const id of gone) this.#kept.delete(id);
    this.#people = people.version;
    const conversations = changed.map((one) => one.toKept());
    await this.archive.save(owner, { epoch: known.epoch, conversations, gone, people: isPeopleNew ? people.all() : null }).catch(() => {});
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Keeps nothing of what was known. */
  async clear() {
    this.stop();
    this.#kept.clear();
    this.#people = 0;
    await this.archive?.clear().catch(() => {});
  }

  /** What is kept is of one history of the server. @param {Conversation} conversation */
  #version(conversation) {
    return `${this.client.known.epoch} ${conversation.version}`;
  }
}
