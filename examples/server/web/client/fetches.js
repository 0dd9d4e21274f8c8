// What no event tells: details and messages of conversations. The rule: nothing is fetched twice at once, and what was heard
// meanwhile is recorded (conversation.js); what was begun before a reset is fetched once more.

/** @import { Details, Message } from "./types.js" */
/** @import { Conversation, Recording } from "./conversation.js" */

/** Entries of a page, the most that the server gives. */
export const PAGE = 100;
/** Messages that are fetched of a conversation that nobody looks at: lists show the newest. */
const FEW = 20;

export class Fetches {
  /** @type {Map<string, Promise<void>>} */
  #underWay = new Map();

  /**
   * @param {object} host
   * @param {(method: string, path: string) => Promise<any>} host.request
   * @param {(id: number) => Conversation | null} host.conversation
   * @param {() => void} host.changed
   */
  constructor(host) {
    this.host = host;
  }

  /** Everything that is shown, if it is not known or not true any more. @param {number} id */
  async anew(id) {
    const conversation = this.host.conversation(id);
    if (!conversation) return;
    await this.details(id);
    if (conversation.isStale) await this.messages(id, conversation.extent === "none" ? FEW : PAGE);
  }

  /** @param {number} id */
  details(id) {
    return this.#once(`details:${id}`, id, async (conversation, recording) => {
      const details = /** @type {Details} */ (await this.host.request("GET", `conversations/${id}`));
      conversation.addDetails(details, recording);
    });
  }

  /** The newest messages, or those before the ones that are there. @param {number} id @param {number} [limit] */
  messages(id, limit = PAGE) {
    return this.#once(`messages:${id}`, id, async (conversation, recording) => {
      const isAnew = conversation.isStale || conversation.extent === "none";
      const before = isAnew ? "" : `&before=${conversation.messages[0]?.id}`;
      const page = await this.host.request("GET", `conversations/${id}/messages?limit=${limit}${before}`);
      conversation.addPage(/** @type {Message[]} */ (page.messages), { isAnew, isLast: page.next === null }, recording);
    });
  }

  /**
   * @param {string} name
   * @param {number} id
   * @param {(conversation: Conversation, recording: Recording) => Promise<void>} work
   */
  #once(name, id, work) {
    const underWay = this.#underWay.get(name);
    if (underWay) return underWay;
    const fetched = this.#fetch(id, work).finally(() => {
      this.#underWay.delete(name);
      this.host.changed();
    });
    this.#underWay.set(name, fetched);
    fetched.catch(() => {});
    return fetched;
  }

  /** @param {number} id @param {(conversation: Conversation, recording: Recording) => Promise<void>} work */
  async #fetch(id, work) {
    const conversation = this.host.conversation(id);
    if (!conversation) return;
    let recording;
    do {
      recording = conversation.record();
      try {
        await work(conversation, recording);
      } finally {
        conversation.dropRecording(recording);
      }
    } while (recording.isOver);
  }
}
