// One event socket after the other. The rule: it does what the close codes say (docs/API.md, section 5.5), and waits longer
// after each failure, by a random part, so that a thousand clients do not come back at once.

/** @import { Frame } from "./types.js" */

/** @typedef {"retry" | "refresh" | "rest"} Advice what to do after a close; `rest` is to retry, but not soon */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** Failures after which the wait is the longest. */
const FAILURES_OF_REST = 6;
/** After so long without a frame the server is asked for a sign of life: it pings, but a page cannot see that. */
const SILENCE = 30_000;
/** How long it may take to give one. */
const PATIENCE = 10_000;

/**
 * How long to wait before the next attempt, in milliseconds.
 * @param {number} failures so far, in a row
 * @param {number} chance from 0 to 1
 */
export function waitAfter(failures, chance) {
  const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures);
  return longest * (0.25 + 0.75 * chance);
}

/**
 * @param {number} code of a close frame; 1006 if there was none
 * @returns {Advice}
 */
export function adviceAfter(code) {
  if (code === 4429) return "rest";
  return code === 4401 ? "refresh" : "retry";
}

export class EventSocket {
  /** @type {WebSocket | null} */
  #socket = null;
  #failures = 0;
  #isWanted = false;
  #isConnecting = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  /**
   * @param {object} host
   * @param {typeof WebSocket} host.WebSocket
   * @param {() => Promise<string | null>} host.address where to connect, with a token; `null` if there is no login any more
   * @param {(wasOpen: boolean, advice: Advice) => Promise<void>} host.lost the connection is gone, or could not be made
   * @param {() => void} host.opened
   * @param {(frame: Frame) => void} host.heard
   */
  constructor(host) {
    this.host = host;
  }

  get isOpen() {
    return this.#socket?.readyState === 1;
  }

  /** How it is, for those who look for a reason. */
  toString() {
    return `${["connecting", "open", "closing", "closed"][this.#socket?.readyState ?? 3]} after ${this.#failures} failures${this.#isConnecting ? ", asking for a token" : ""}`;
  }

  start() {
    this.#isWanted = true;
    this.#failures = 0;
    this.nudge();
  }

  stop() {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  /** Tries now what would be tried later: the network is back, or someone looks. */
  nudge() {
    if (!this.#isWanted || this.#isConnecting) return;
    if (this.isOpen) {
      this.#askForLife();
    } else if (!this.#socket) {
      clearTimeout(this.#timer);
      void this.#connect();
    }
  }

  /** All is well again: the next failure is the first. */
  settle() {
    this.#failures = 0;
  }

  /** Gives the connection up and makes a new one. */
  restart() {
    const socket = this.#socket;
    if (socket) this.#lose(socket, "retry");
  }

  /**
   * @param {object} request
   * @returns {boolean} whether it was written; not whether it will arrive
   */
  send(request) {
    if (!this.isOpen) return false;
    this.#socket?.send(JSON.stringify(request));
    return true;
  }

  async #connect() {
    this.#isConnecting = true;
    let address = null;
    try {
      address = await this.host.address();
    } catch {
      this.#isConnecting = false;
      return this.#retry();
    }
    this.#isConnecting = false;
    if (!address || !this.#isWanted) return;
    const socket = new this.host.WebSocket(address);
    let wasOpen = false;
    this.#socket = socket;
    // A connection that neither opens nor fails is given up as well.
    this.#await(socket, PATIENCE);
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      wasOpen = true;
      this.#listen(socket);
      this.host.opened();
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#listen(socket);
      this.host.heard(JSON.parse(data));
    };
    socket.onerror = () => {};
    socket.onclose = ({ code }) => this.#lose(socket, adviceAfter(code), wasOpen);
  }

  /**
   * @param {WebSocket} socket
   * @param {Advice} advice
   * @param {boolean} [wasOpen]
   */
  async #lose(socket, advice, wasOpen = true) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    if (advice === "rest") this.#failures = FAILURES_OF_REST;
    clearTimeout(this.#silence);
    socket.close();
    try {
      await this.host.lost(wasOpen, advice);
    } catch {
      // Whatever could not be found out now is found out with the next connection.
    }
    this.#retry();
  }

  #retry() {
    if (!this.#isWanted || this.#socket) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.nudge(), waitAfter(this.#failures, Math.random()));
    this.#failures += 1;
  }

  /** @param {WebSocket} socket */
  #listen(socket) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => socket === this.#socket && this.#askForLife(), SILENCE);
  }

  #askForLife() {
    const socket = this.#socket;
    if (socket && this.send({ type: "ping" })) this.#await(socket, PATIENCE);
  }

  /**
   * @param {WebSocket} socket
   * @param {number} patience
   */
  #await(socket, patience) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(socket, "retry", false), patience);
  }
}
