// One conversation, as one of its members knows it. The rule: `messages` is either nothing or an unbroken run that ends with
// the newest; `change` is the only way an event gets in, and applying one twice is the same as once.

/** @import { Details, KeptConversation, Member, Message, Summary } from "./types.js" */
/** @import { Meaning } from "./known.js" */

/** What was heard while something was fetched. @typedef {{ events: [string, any][], isOver: boolean }} Recording */

/** Messages of a conversation that are kept for the next visit, the newest ones. */
const KEPT_MAX = 500;

export class Conversation {
  /** By id; `null` until the details were fetched. @type {Map<number, Member> | null} */
  members = null;
  /** Oldest first. @type {Message[]} */
  messages = [];
  /** How much of the history `messages` holds. @type {"none" | "part" | "whole"} */
  extent = "none";
  /** How far others have read, as far as it was heard. @type {Map<string, number>} */
  marks = new Map();
  /** Who is typing. @type {Set<string>} */
  typing = new Set();
  /** Whether what is known of it is not what is any more, so that it must be fetched anew. */
  isStale = false;
  /** Whether who is in it must be fetched. */
  lacksDetails = true;
  #isUnsure = false;
  /** @type {Set<Recording>} */
  #recordings = new Set();
  /** Messages that were deleted already when they were heard of, and so were never unread. @type {Set<number>} */
  #stillborn = new Set();

  /**
   * @param {Summary} summary
   * @param {string} me
   */
  constructor(summary, me) {
    this.me = me;
    this.id = summary.id;
    this.kind = summary.kind;
    this.name = summary.name;
    this.visibility = summary.visibility;
    this.created_at = summary.created_at;
    this.last_seq = summary.last_seq;
    this.member_count = summary.member_count;
    /** The usernames of members, of large groups only some. @type {Set<string>} */
    this.names = new Set(summary.members);
    this.unread = summary.unread ?? 0;
    this.last_message = summary.last_message ?? null;
    this.read_up_to = summary.read_up_to ?? null;
  }

  /**
   * As it was at the last visit. How far others have read since, only the details can tell.
   * @param {KeptConversation} kept
   * @param {string} me
   */
  static restored({ names, members, marks, messages, extent, ...summary }, me) {
    const conversation = new Conversation({ ...summary, members: names }, me);
    conversation.members = members && new Map(members.map((member) => [member.id, member]));
    conversation.marks = new Map(marks);
    conversation.messages = messages;
    conversation.extent = extent;
    return conversation;
  }

  /** As it is now, for the next visit. @returns {KeptConversation} */
  toKept() {
    const { id, kind, name, visibility, created_at, last_seq, member_count, unread, last_message, read_up_to } = this;
    const summary = { id, kind, name, visibility, created_at, last_seq, member_count, unread, last_message, read_up_to };
    const messages = this.messages.slice(-KEPT_MAX);
    const extent = messages.length < this.messages.length ? "part" : this.extent;
    return { ...summary, names: [...this.names], members: this.members && [...this.members.values()], marks: [...this.marks], messages, extent };
  }

  /** Differs whenever what `toKept` gives does. */
  get version() {
    const marks = [...this.marks.values()].reduce((sum, mark) => sum + mark, 0);
    return [this.last_seq, this.unread, this.read_up_to, this.extent, this.messages.length, this.isStale, this.lacksDetails, marks].join(" ");
  }

  /** The other one of a direct conversation; `null` in a group, or if there is none any more. */
  get other() {
    if (this.kind !== "direct") return null;
    return [...this.names].find((name) => name !== this.me) ?? null;
  }

  /** One's own role, once the details are known. */
  get role() {
    return [...(this.members?.values() ?? [])].find(({ username }) => username === this.me)?.role ?? null;
  }

  /** When something was last said here, for the order of lists. */
  get activity() {
    return this.last_message?.sent_at ?? this.created_at;
  }

  /** Whether messages may be fetched that are older than those there are. */
  get hasOlder() {
    return this.extent === "part";
  }

  /** @param {number} id */
  find(id) {
    const index = this.#place(id);
    const message = this.messages[index];
    return message?.id === id ? message : null;
  }

  /** How many of the messages that are there are unread, by definition. */
  countUnread() {
    const start = this.#place((this.read_up_to ?? 0) + 1);
    return this.messages.slice(start).filter((message) => this.#countsAsUnread(message)).length;
  }

  /** The first unread message of those that are there. */
  firstUnread() {
    const start = this.#place((this.read_up_to ?? 0) + 1);
    return this.messages.slice(start).find((message) => this.#countsAsUnread(message)) ?? null;
  }

  /** What is known is of another history, or too much is missing: nothing that is on its way fits any more. */
  reset() {
    this.isStale = true;
    for (const recording of this.#recordings) recording.isOver = true;
  }

  /** Begins to remember what is heard, until what is fetched meanwhile is there. @returns {Recording} */
  record() {
    const recording = { events: [], isOver: false };
    this.#recordings.add(recording);
    return recording;
  }

  /**
   * Takes in what was fetched: the newest messages, or those before the ones that are there.
   * @param {Message[]} page newest first, as the server gives it
   * @param {{ isAnew: boolean, isLast: boolean }} place whether it is the newest page, and whether nothing is older
   * @param {Recording} recording begun before the page was asked for
   */
  addPage(page, { isAnew, isLast }, recording) {
    this.#recordings.delete(recording);
    if (recording.isOver) return;
    const older = page.toReversed();
    this.messages = isAnew ? older : [...older, ...this.messages];
    this.extent = isLast ? "whole" : "part";
    if (isAnew) {
      this.last_message = this.messages.at(-1) ?? null;
      this.isStale = false;
    }
    for (const [type, data] of recording.events) this.#changeMessages(type, data);
  }

  /**
   * Takes in the conversation as it was read alone.
   * @param {Details} details
   * @param {Recording} recording begun before it was asked for
   */
  addDetails(details, recording) {
    this.#recordings.delete(recording);
    if (recording.isOver) return;
    this.lacksDetails = this.#isUnsure = false;
    this.kind = details.kind;
    this.name = details.name;
    this.visibility = details.visibility;
    this.created_at = details.created_at;
    this.member_count = details.member_count;
    this.members = new Map(details.members.map((member) => [member.id, member]));
    this.names = new Set(details.members.map(({ username }) => username));
    for (const { username, read_up_to } of details.members) {
      if (read_up_to) this.marks.set(username, Math.max(read_up_to, this.marks.get(username) ?? 0));
    }
    for (const [type, data] of recording.events) this.#changeDetails(type, data);
  }

  /** @param {Recording} recording of something that could not be fetched */
  dropRecording(recording) {
    this.#recordings.delete(recording);
  }

  /**
   * Applies the next event.
   * @param {string} type
   * @param {any} data
   * @returns {Meaning}
   */
  change(type, data) {
    for (const { events } of this.#recordings) events.push([type, data]);
    this.#changeDetails(type, data);
    if (type === "send_message") this.#count(data);
    if (type === "delete_message") this.#discount(data);
    this.#changeMessages(type, data);
    if (this.lacksDetails && this.#isUnsure) return "fetch";
    return data.messages_deleted ? this.#recount() : "applied";
  }

  /**
   * Someone has read up to a message.
   * @param {string} username
   * @param {number} message
   * @returns {Meaning}
   */
  markRead(username, message) {
    if (username !== this.me) {
      if (message <= (this.marks.get(username) ?? 0)) return "old";
      this.marks.set(username, message);
      return "applied";
    }
    if (message <= (this.read_up_to ?? 0)) return "old";
    this.read_up_to = message;
    return this.#recount();
  }

  /**
   * @param {string} username
   * @param {boolean} isTyping
   * @returns {Meaning}
   */
  showTyping(username, isTyping) {
    if (isTyping) this.typing.add(username);
    else this.typing.delete(username);
    return "applied";
  }

  /** @param {string} type @param {any} data */
  #changeDetails(type, data) {
    switch (type) {
      case "rename_conversation":
        this.name = data.name;
        this.visibility = data.visibility;
        break;
      case "add_member":
        this.#add({ id: data.user_id, username: data.username, role: data.role });
        break;
      case "remove_member":
      case "leave_conversation":
        this.#remove(data);
        break;
    }
  }

  /** @param {Member} member */
  #add(member) {
    const known = this.members?.get(member.id);
    const isComplete = this.names.size === this.member_count;
    const isNew = isComplete ? !this.names.has(member.username) : !known && !this.names.has(member.username);
    this.members?.set(member.id, { ...known, ...member });
    this.names.add(member.username);
    if (isNew) this.member_count += 1;
  }

  /** @param {any} data */
  #remove({ user_id, username, messages_deleted }) {
    const former = this.members?.get(user_id)?.username;
    this.members?.delete(user_id);
    const isComplete = this.names.size === this.member_count;
    const wasNamed = this.names.delete(former ?? username);
    // A deleted user has lost their name, and only the details can tell which one it was.
    if (messages_deleted && !former) this.#isUnsure = this.lacksDetails = true;
    if (wasNamed || !isComplete) this.member_count -= 1;
    this.marks.delete(username);
    this.typing.delete(username);
    if (messages_deleted && this.kind === "direct") this.name = `${this.me}, ${username}`;
  }

  /** @param {string} type @param {any} data */
  #changeMessages(type, data) {
    switch (type) {
      case "send_message":
        this.typing.delete(data.sender_username);
        if (data.id >= (this.last_message?.id ?? 0)) this.last_message = data;
        if (this.extent !== "none") this.#put(data);
        break;
      case "edit_message":
      case "delete_message":
        this.#replace(data.id, data);
        break;
      default:
        if (data.messages_deleted) this.#empty(data);
    }
  }

  /** @param {Message} message */
  #put(message) {
    const index = this.#place(message.id);
    const isThere = this.messages[index]?.id === message.id;
    // The place of an edited message is where it was sent.
    this.messages.splice(index, isThere ? 1 : 0, isThere ? { ...message, seq: this.messages[index]?.seq ?? message.seq } : message);
  }

  /** @param {number} id @param {Message} changed */
  #replace(id, changed) {
    const message = this.find(id);
    if (message) this.#put({ ...changed, seq: message.seq });
    if (this.last_message?.id === id) this.last_message = { ...changed, seq: this.last_message.seq };
  }

  /** Takes a deleted user's words and name from what they left. @param {any} deleted */
  #empty({ user_id, username }) {
    /** @param {Message} message @returns {Message} */
    const emptied = (message) =>
      message.sender_id === user_id ? { ...message, sender_username: username, content: "", deleted: true } : message;
    this.messages = this.messages.map(emptied);
    if (this.last_message) this.last_message = emptied(this.last_message);
  }

  /** @param {Message} message */
  #count(message) {
    if (message.deleted) this.#stillborn.add(message.id);
    else if (this.#countsAsUnread(message)) this.unread += 1;
  }

  /** @param {Message} message */
  #discount(message) {
    const wasCounted = !this.#stillborn.delete(message.id);
    if (wasCounted && this.#countsAsUnread({ ...message, deleted: false })) this.unread = Math.max(0, this.unread - 1);
  }

  /** @returns {Meaning} */
  #recount() {
    const mark = this.read_up_to ?? 0;
    if (mark >= (this.last_message?.id ?? 0)) this.unread = 0;
    else if (this.extent === "whole" || (this.messages[0]?.id ?? Infinity) <= mark + 1) this.unread = this.countUnread();
    else return "recount";
    return "applied";
  }

  /** @param {Message} message */
  #countsAsUnread(message) {
    return message.id > (this.read_up_to ?? 0) && message.sender_username !== this.me && !message.deleted;
  }

  /** The index of the first message with this id or a later one. @param {number} id */
  #place(id) {
    let low = 0;
    let high = this.messages.length;
    // Nearly all that is looked for is at the end.
    if (high > 0 && /** @type {Message} */ (this.messages[high - 1]).id < id) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {Message} */ (this.messages[middle]).id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
