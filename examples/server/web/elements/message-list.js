// What was said, in order. The rule: of all the messages that are loaded only a window is on the page, so that ten thousand
// are as quick as ten; and whatever is added or taken away above, what one reads stays where it is.

import { ChatElement } from "../app/element.js";
import { MessageActions } from "./message-actions.js";
import { attempt, notice } from "../app/notices.js";
import { client, redraw } from "../app/context.js";
import { fill, h, reconcile, say } from "../app/dom.js";
import { icon } from "../app/icons.js";
import { rowsOf } from "./message-rows.js";
import { oneLine } from "../app/text.js";
import { titleOf } from "../app/names.js";

/** @import { Conversation } from "../client/conversation.js" */
/** @import { Message } from "../client/types.js" */
/** @import { MessageComposer } from "./message-composer.js" */

/** Messages on the page: at first, more at a time, at most. */
const FIRST = 80;
const MORE = 60;
const MOST = 240;
/** Nearer to an end than this, in pixels, more is shown there. */
const NEAR = 800;
/** Nearer to the end than this one counts as being there. */
const AT_END = 60;
/** Unread messages that are loaded to begin at the first of them; with more, one begins at the end. */
const UNREAD_MAX = 400;

export class MessageList extends ChatElement {
  conversationId = 0;
  /** @type {MessageComposer | null} */
  composer = null;

  /** The window: ids of the first and the last message on the page; the end follows what comes. */
  #from = 0;
  #to = Infinity;
  /** Where the unread messages began when one came here. @type {number | null} */
  #firstUnread = null;
  /** More unread messages than were loaded when one came here, and what was read by then. @type {{ count: number, after: number } | null} */
  #missed = null;
  #isPlaced = false;
  /** What came while there was no connection may begin above the end. */
  #isToPlaceAgain = false;
  #isAtEnd = true;
  #isLoading = false;
  #markedAsRead = 0;
  /** @type {Conversation | null} */
  #seen = null;

  #rows = h("ol", { class: "messages", "aria-label": "Messages" });
  #top = h("div", { class: "history", "aria-hidden": "true" });
  #bones = h("div", { class: "messages", "aria-hidden": "true" });
  #scroller = h("div", { class: "scroller", tabindex: -1 }, this.#top, this.#rows, this.#bones);
  #unread = h("span", { class: "badge", hidden: true });
  #latest = h("button", { class: "latest", type: "button", hidden: true, "aria-label": "Jump to the newest message", title: "Jump to the newest", onclick: () => this.toEnd() }, icon("down"), this.#unread);
  #toUnread = h("button", { class: "to-unread button", type: "button", hidden: true, onclick: () => this.#jumpToUnread() });
  #spoken = h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  #actions = new MessageActions((row) => this.#messageOf(row));

  build() {
    this.#actions.composer = this.composer;
    fill(this, this.#scroller, this.#toUnread, this.#latest, this.#spoken);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    for (const type of ["pointerover", "focusin"]) this.#rows.addEventListener(type, (event) => this.#actions.offer(rowOf(event.target)));
    this.#rows.addEventListener("keydown", (event) => this.#key(event));
    this.#rows.addEventListener("click", (event) => {
      const jump = event.target instanceof Element && event.target.closest("[data-jump]");
      if (jump) void this.jumpTo(Number(jump.getAttribute("data-jump")));
    });
  }

  shown() {
    this.listen(client, "message", ({ detail }) => this.#speak(detail));
    this.listen(document, "visibilitychange", redraw);
    this.listen(window, "focus", redraw);
    const isAway = () => (this.#isToPlaceAgain ||= client.state !== "online");
    this.listen(client, "state", isAway);
    isAway();
    const sizes = new ResizeObserver(() => this.#isAtEnd && this.#scrollToEnd());
    sizes.observe(this.#scroller);
    this.whileShown(() => sizes.disconnect());
  }

  get #conversation() {
    return client.conversation(this.conversationId);
  }

  draw() {
    const conversation = this.#conversation;
    if (!conversation) return;
    this.#ensureLoaded(conversation);
    if (conversation.extent === "none") return client.state === "offline" ? this.#drawNothing() : this.#drawBones();
    if (this.#isToPlaceAgain && client.state === "online" && !this.#isLoading) {
      this.#isToPlaceAgain = false;
      if (this.#isAtEnd && conversation.unread > 0) this.#isPlaced = false;
    }
    if (!this.#isPlaced) return this.#place(conversation);
    this.#drawAt(() => {
      const rows = rowsOf(conversation, this.#window(), { firstUnread: this.#firstUnread, isToEnd: this.#to === Infinity });
      reconcile(this.#rows, rows, ({ key }) => key, ({ create }) => create(), (row, { update }) => update(row));
      this.#drawRest(conversation);
    });
    this.#latest.hidden = this.#isAtEnd;
    this.#markRead(conversation);
  }

  /** Goes to the newest message. */
  toEnd() {
    this.#to = Infinity;
    this.#from = this.#idBefore(Infinity, FIRST);
    this.#isAtEnd = true;
    this.draw();
    this.#scrollToEnd();
  }

  /** Goes to a message, however old it is. @param {number} id */
  async jumpTo(id) {
    if (!(await this.#loadUntil(id))) return notice("This message is not there any more.");
    if (!this.#row(id)) {
      this.#from = this.#idBefore(id, MORE);
      this.#to = this.#idAfter(id, MORE);
      this.#isAtEnd = false;
      this.draw();
    }
    const row = this.#row(id);
    if (!row) return;
    row.scrollIntoView({ block: "center" });
    row.focus({ preventScroll: true });
    row.classList.add("found");
    row.addEventListener("animationend", () => row.classList.remove("found"), { once: true });
  }

  /** The newest of one's own messages that can be edited. */
  lastOwn() {
    return this.#conversation?.messages.findLast(({ sender_id, deleted }) => sender_id === client.me?.id && !deleted) ?? null;
  }

  // Loading

  /** @param {Conversation} conversation */
  #ensureLoaded(conversation) {
    // After another history has begun, this is another object, with nothing in it.
    if (conversation !== this.#seen) {
      this.#seen = conversation;
      this.#isPlaced = false;
      this.#isLoading = false;
    }
    const isMissing = conversation.extent === "none" || conversation.isStale || conversation.lacksDetails;
    if (!isMissing || this.#isLoading || client.state !== "online") return;
    this.#isLoading = true;
    const load = async () => {
      await client.open(conversation.id);
      const isUnreadLoaded = () => conversation.unread === 0 || conversation.countUnread() >= conversation.unread;
      while (!this.#isPlaced && !isUnreadLoaded() && conversation.hasOlder && conversation.messages.length < UNREAD_MAX) await client.loadOlder(conversation.id);
    };
    void attempt(load()).finally(() => {
      this.#isLoading = false;
      redraw();
    });
  }

  /** @param {number} id @returns {Promise<boolean>} whether it is there */
  async #loadUntil(id) {
    const conversation = this.#conversation;
    while (conversation?.hasOlder && (conversation.messages[0]?.id ?? 0) > id) {
      const before = conversation.messages.length;
      await attempt(client.loadOlder(conversation.id));
      if (conversation.messages.length === before) break;
    }
    return Boolean(conversation?.find(id));
  }

  // The window

  /** Begins: at the first unread message, or at the end. @param {Conversation} conversation */
  #place(conversation) {
    if (this.#isLoading) return this.#drawBones();
    this.#drawNoBones();
    this.#isPlaced = true;
    const first = conversation.firstUnread();
    this.#firstUnread = conversation.unread > 0 && first ? first.id : null;
    const isComplete = conversation.countUnread() >= conversation.unread;
    this.#missed = isComplete ? null : { count: conversation.unread, after: conversation.read_up_to ?? 0 };
    this.#to = Infinity;
    this.#from = this.#idBefore(Infinity, FIRST);
    this.#isAtEnd = true;
    if (first && isComplete && conversation.unread > 0) {
      this.#from = Math.min(this.#from, this.#idBefore(first.id, 20));
      if (this.#count() > MOST) this.#to = this.#idAfter(first.id, MORE);
      this.#isAtEnd = false;
    }
    fill(this.#rows);
    this.draw();
    if (this.#isAtEnd) this.#scrollToEnd();
    else this.#rows.querySelector(".unread-line")?.scrollIntoView({ block: "start" });
    // Not more than a screen of unread messages: then one is at the end anyway.
    this.#isAtEnd = this.#to === Infinity && this.#distance() < AT_END;
    redraw();
  }

  /** Nothing is drawn unless something has changed: a frame has no time to lose. */
  #scrolled() {
    const before = [this.#from, this.#to, this.#isAtEnd].join();
    this.#isAtEnd = this.#to === Infinity && this.#distance() < AT_END;
    const conversation = this.#conversation;
    if (!conversation || !this.#isPlaced) return;
    if (this.#scroller.scrollTop < NEAR) this.#extendUp(conversation);
    else if (this.#distance() < NEAR && this.#to !== Infinity) this.#extendDown();
    const isChanged = before !== [this.#from, this.#to, this.#isAtEnd].join();
    if (isChanged || conversation.unread > 0) redraw();
  }

  /** @param {Conversation} conversation */
  #extendUp(conversation) {
    const from = this.#idBefore(this.#from, MORE);
    if (from < this.#from) {
      this.#from = from;
      if (this.#count() > MOST) this.#to = this.#idAfter(this.#from, MOST);
    } else if (conversation.hasOlder && !this.#isLoading && client.state === "online") {
      this.#isLoading = true;
      void attempt(client.loadOlder(conversation.id)).finally(() => {
        this.#isLoading = false;
        if (this.#scroller.scrollTop < NEAR) this.#extendUp(conversation);
        redraw();
      });
    }
  }

  #extendDown() {
    this.#to = this.#idAfter(this.#to, MORE);
    if (this.#count() > MOST) this.#from = this.#idBefore(this.#to, MOST);
  }

  get #messages() {
    return this.#conversation?.messages ?? [];
  }

  #count() {
    return this.#window().length;
  }

  #window() {
    const messages = this.#messages;
    const found = messages.findIndex(({ id }) => id >= this.#from);
    // How the oldest one is shown depends on what stands before it, which is not known yet.
    const start = found === 0 && this.#conversation?.hasOlder ? 1 : found;
    const end = this.#to === Infinity ? messages.length : messages.findLastIndex(({ id }) => id <= this.#to) + 1;
    return start === -1 ? [] : messages.slice(start, end);
  }

  /** The id of the message so many before this one. @param {number} id @param {number} count */
  #idBefore(id, count) {
    const messages = this.#messages;
    const at = id === Infinity ? messages.length : messages.findIndex((message) => message.id >= id);
    return messages[Math.max(0, at - count)]?.id ?? 0;
  }

  /** The id of the message so many after this one; infinite at the end. @param {number} id @param {number} count */
  #idAfter(id, count) {
    const messages = this.#messages;
    const at = messages.findIndex((message) => message.id >= id);
    return messages[at + count]?.id ?? Infinity;
  }

  // Drawing

  /** What stands for messages is no message: nothing that is there later has jumped. */
  #drawBones() {
    this.#top.hidden = this.#rows.hidden = true;
    if (this.#bones.firstChild) return;
    fill(this.#bones, Array.from({ length: 7 }, (_, index) => h("div", { class: "message", "data-own": index % 3 === 1 }, h("span", { class: "bone block", "data-size": index % 4 }))));
  }

  #drawNoBones() {
    this.#rows.hidden = false;
    if (this.#bones.firstChild) fill(this.#bones);
  }

  #drawNothing() {
    this.#drawNoBones();
    fill(this.#rows);
    this.#top.hidden = false;
    say(this.#top, "What was said here is not in this browser yet. It comes with the next connection.");
  }

  /** Changes the rows without moving what is read. @param {() => void} change */
  #drawAt(change) {
    const anchor = this.#isAtEnd ? null : this.#anchor();
    change();
    if (this.#isAtEnd) this.#scrollToEnd();
    else if (anchor?.row.isConnected) this.#scroller.scrollTop += anchor.row.getBoundingClientRect().top - anchor.top;
  }

  /** The first message that can be seen, and where it is. */
  #anchor() {
    const edge = this.#scroller.getBoundingClientRect().top;
    for (const row of this.#rows.querySelectorAll(".message")) {
      const { top, bottom } = row.getBoundingClientRect();
      if (bottom > edge) return { row, top };
    }
    return null;
  }

  /** @param {Conversation} conversation */
  #drawRest(conversation) {
    const isWhole = conversation.extent === "whole" && this.#from <= (conversation.messages[0]?.id ?? 0);
    this.#top.hidden = false;
    const beginning = conversation.kind === "group" ? `This is the beginning of ${titleOf(conversation)}.` : `This is the beginning of your conversation with ${titleOf(conversation)}.`;
    if (isWhole) say(this.#top, beginning);
    else if (!this.#top.querySelector(".bone")) fill(this.#top, h("span", { class: "bone block", "data-size": 1 }), h("span", { class: "bone block", "data-size": 2 }));
    this.#unread.hidden = conversation.unread === 0;
    say(this.#unread, conversation.unread > 99 ? "99+" : conversation.unread);
    this.#toUnread.hidden = this.#missed === null;
    if (this.#missed) say(this.#toUnread, `${this.#missed.count.toLocaleString()} new messages: jump to the first`);
    this.#actions.refresh();
  }

  async #jumpToUnread() {
    const [conversation, missed] = [this.#conversation, this.#missed];
    if (!conversation || !missed) return;
    await this.#loadUntil(missed.after);
    const first = conversation.messages.find(({ id, sender_id, deleted }) => id > missed.after && sender_id !== client.me?.id && !deleted);
    this.#missed = null;
    if (!first) return redraw();
    this.#firstUnread = first.id;
    await this.jumpTo(first.id);
  }

  // Reading

  /** Marks what can be seen as read. @param {Conversation} conversation */
  #markRead(conversation) {
    if (document.hidden || !document.hasFocus() || client.state !== "online" || this.#isToPlaceAgain || conversation.unread === 0) return;
    const edge = this.#scroller.getBoundingClientRect().bottom + 4;
    let last = 0;
    for (const row of [...this.#rows.querySelectorAll("[data-id]")].reverse()) {
      if (row.getBoundingClientRect().bottom > edge) continue;
      last = Number(row.getAttribute("data-id"));
      break;
    }
    if (this.#isAtEnd) last = conversation.messages.at(-1)?.id ?? last;
    if (last <= Math.max(this.#markedAsRead, conversation.read_up_to ?? 0)) return;
    this.#markedAsRead = last;
    client.markRead(conversation.id, last);
  }

  /** @param {Message} message */
  #speak(message) {
    if (message.conversation_id !== this.conversationId) return;
    say(this.#spoken, `${client.people.nameOf(message.sender_username)}: ${oneLine(message.content).slice(0, 300)}`);
  }

  // Keys

  /** @param {KeyboardEvent} event */
  #key(event) {
    const row = rowOf(event.target);
    if (!row || event.target !== row) return;
    const beside = event.key === "ArrowUp" ? "previousElementSibling" : event.key === "ArrowDown" ? "nextElementSibling" : null;
    if (beside && !event.altKey) {
      event.preventDefault();
      let next = row[beside];
      while (next && !next.matches(".message")) next = next[beside];
      if (next) /** @type {HTMLElement} */ (next).focus();
      else if (event.key === "ArrowDown") this.composer?.focusField();
    } else if (this.#actions.press(row, event)) {
      event.preventDefault();
    }
  }

  /** Moves the focus from the field into the list. */
  focusLast() {
    /** @type {HTMLElement | undefined} */ ([.../** @type {NodeListOf<HTMLElement>} */ (this.#rows.querySelectorAll(".message"))].at(-1))?.focus();
  }

  // Small things

  /** @param {Element | null} row */
  #messageOf(row) {
    return this.#conversation?.find(Number(row?.getAttribute("data-id"))) ?? null;
  }

  /** @param {number} id @returns {HTMLElement | null} */
  #row(id) {
    return this.#rows.querySelector(`[data-id="${id}"]`);
  }

  #distance() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  #scrollToEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}

customElements.define("message-list", MessageList);

/** @param {EventTarget | null} target @returns {HTMLElement | null} */
function rowOf(target) {
  return target instanceof Element ? target.closest(".message") : null;
}
