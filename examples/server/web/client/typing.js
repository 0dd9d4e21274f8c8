// Who is typing. The rule: the server tells when someone has stopped, after six seconds at the latest; should that be dropped
// on the way, it ends here.

/** Longer than the server takes, in milliseconds. */
const TYPING_MAX = 9_000;

export class Typing {
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();

  /** @param {(conversation: number, username: string) => void} ended */
  constructor(ended) {
    this.ended = ended;
  }

  /** @param {number} conversation @param {string} username */
  begun(conversation, username) {
    const name = `${conversation} ${username}`;
    clearTimeout(this.#timers.get(name));
    const end = () => {
      this.#timers.delete(name);
      this.ended(conversation, username);
    };
    this.#timers.set(name, setTimeout(end, TYPING_MAX));
  }

  stop() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
