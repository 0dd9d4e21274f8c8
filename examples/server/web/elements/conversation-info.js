// The details of a conversation: who is in it, and what one may do about that. The rule: only what one's role allows is
// offered (docs/API.md, section 4); whether it is allowed, the server decides.

import { ChatElement } from "../app/element.js";
import { ago, dateOf } from "../app/time.js";
import { asked, confirmed } from "../app/dialogs.js";
import { attempt, notice } from "../app/notices.js";
import { avatar } from "./user-avatar.js";
import { client, redraw } from "../app/context.js";
import { counted, isOnline, onlineNow, titleOf } from "../app/names.js";
import { fill, h } from "../app/dom.js";
import { go } from "../app/router.js";
import { icon } from "../app/icons.js";
import { memberPicker } from "./member-picker.js";

/** @import { Conversation } from "../client/conversation.js" */
/** @import { Member, Role } from "../client/types.js" */

/** Members that are listed at first, and more at a time. */
const MEMBERS = 50;

class ConversationInfo extends ChatElement {
  #id = 0;
  #shown = "";
  #members = MEMBERS;
  #isAdding = false;
  /** @type {boolean | null} */
  #isContact = null;
  #isBlocked = false;

  build() {
    this.#id = Number(this.dataset.id);
  }

  shown() {
    const other = client.conversation(this.#id)?.other;
    if (other && client.state === "online") {
      client.people.refresh(other);
      void this.#learnStanding(other);
    }
  }

  draw() {
    const conversation = client.conversation(this.#id);
    if (!conversation) return fill(this);
    if (conversation.lacksDetails && client.state === "online") void client.open(this.#id).catch(() => {});
    // A search in use is not taken away from under one's hands.
    const wanted = this.#isAdding ? "adding" : this.#signature(conversation);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    const scrolled = this.querySelector(".scroll")?.scrollTop ?? 0;
    const focused = document.activeElement instanceof HTMLElement && this.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    fill(this, this.#head(), h("div", { class: "scroll" }, this.#isAdding ? this.#adding(conversation) : conversation.kind === "group" ? this.#group(conversation) : this.#person(conversation)));
    const scroll = this.querySelector(".scroll");
    if (scroll) scroll.scrollTop = scrolled;
    if (focused) /** @type {HTMLElement | null} */ (this.querySelector(`[aria-label="${CSS.escape(focused)}"]`))?.focus();
  }

  /** @param {Conversation} conversation */
  #signature(conversation) {
    const members = [...(conversation.members?.values() ?? [])].slice(0, this.#members);
    const shown = members.map(({ username, role }) => [username, role, client.people.nameOf(username), onlineNow(username)].join());
    const { name, visibility, member_count } = conversation;
    return JSON.stringify([name, visibility, member_count, this.#members, this.#isContact, this.#isBlocked, titleOf(conversation), isOnline(conversation), shown]);
  }

  #head() {
    const close = h("a", { class: "tool", href: `#/c/${this.#id}`, "aria-label": "Close details", title: "Close (Esc)" }, icon("close"));
    return h("header", { class: "view-head" }, close, h("h2", {}, "Details"));
  }

  // With one other

  /** @param {Conversation} conversation */
  #person(conversation) {
    const { other } = conversation;
    const picture = avatar("large");
    picture.showConversation(conversation);
    const user = other ? client.people.of(other) : null;
    const [isContact, isBlocked] = [this.#isContact, this.#isBlocked];
    return h(
      "div",
      { class: "details" },
      picture,
      h("h3", { dir: "auto" }, titleOf(conversation)),
      other && h("p", { class: "muted" }, `@${other}`),
      user && h("p", { class: "muted" }, isOnline(conversation) ? "Online" : `Last online ${ago(user.last_online)}`),
      user && h("p", { class: "muted" }, `Here since ${dateOf(user.created_at)}`),
      other && isContact !== null && !isBlocked && h("button", { class: "button quiet wide", type: "button", onclick: () => this.#changeContact(other) }, icon("person"), isContact ? "Remove contact" : "Add contact"),
      other && isContact !== null && h("button", { class: "button quiet wide", type: "button", onclick: () => this.#changeBlock(other) }, icon("lock"), isBlocked ? "Unblock" : "Block"),
    );
  }

  /** @param {string} username */
  async #learnStanding(username) {
    const [known, shunned] = await Promise.all([client.ask("get_contacts"), client.ask("get_blocked")]).catch(() => [null, null]);
    this.#isContact = known ? known.contacts.includes(username) : null;
    this.#isBlocked = shunned?.blocked.includes(username) ?? false;
    redraw();
  }

  /** @param {string} username */
  async #changeContact(username) {
    const type = this.#isContact ? "remove_contact" : "add_contact";
    if (!(await attempt(client.ask(type, { contact_username: username })))) return;
    this.#isContact = !this.#isContact;
    client.people.refresh(username);
    redraw();
  }

  /** @param {string} username */
  async #changeBlock(username) {
    const name = client.people.nameOf(username);
    const text = "They cannot add you, invite you or write to you, and are not told so. In groups you both stay.";
    if (!this.#isBlocked && !(await confirmed(`Block ${name}?`, text, "Block"))) return;
    if (!(await attempt(client.ask(this.#isBlocked ? "unblock_user" : "block_user", { username })))) return;
    this.#isBlocked = !this.#isBlocked;
    this.#isContact = false;
    redraw();
  }

  // A group

  /** @param {Conversation} conversation */
  #group(conversation) {
    const { role } = conversation;
    const isAdmin = role === "owner" || role === "admin";
    const picture = avatar("large");
    picture.showConversation(conversation);
    const isPublic = conversation.visibility === "public";
    return h(
      "div",
      { class: "details" },
      picture,
      h("h3", { dir: "auto" }, titleOf(conversation)),
      h("p", { class: "muted" }, `${isPublic ? "Public group" : "Private group"}, created ${dateOf(conversation.created_at)}`),
      isAdmin && action("compose", "Rename", () => this.#rename(conversation)),
      isAdmin && action(isPublic ? "lock" : "globe", isPublic ? "Make private" : "Make public", () => this.#update({ visibility: isPublic ? "private" : "public" })),
      action("add", "Add people", () => this.#setAdding(true)),
      this.#memberList(conversation),
      action("leave", "Leave group", () => this.#leave(conversation), "danger-text"),
      role === "owner" && action("trash", "Delete group", () => this.#delete(conversation), "danger-text"),
    );
  }

  /** @param {Conversation} conversation */
  #memberList(conversation) {
    const rank = { owner: 0, admin: 1, member: 2 };
    const members = [...(conversation.members?.values() ?? [])].sort((one, other) => rank[one.role] - rank[other.role]);
    const rest = members.length - this.#members;
    return h(
      "section",
      { class: "members" },
      h("h4", {}, counted(conversation.member_count, "member")),
      h("ul", { class: "people", "aria-label": "Members" }, members.slice(0, this.#members).map((member) => this.#member(conversation, member))),
      rest > 0 && h("button", { class: "button quiet wide", type: "button", onclick: () => this.#showMore() }, `Show ${Math.min(rest, MEMBERS)} more`),
    );
  }

  /** @param {Conversation} conversation @param {Member} member */
  #member(conversation, member) {
    const { username, role } = member;
    const name = client.people.nameOf(username);
    const picture = avatar("small");
    picture.showPerson(username);
    const isMe = username === client.me?.username;
    const choices = isMe ? [] : this.#choices(conversation, member);
    const menu = choices.length > 0 && h(
      "select",
      { class: "menu", "aria-label": `Change ${name}`, onchange: (/** @type {Event} */ event) => this.#choose(conversation, member, /** @type {HTMLSelectElement} */ (event.target)) },
      h("option", { value: "" }, "⋯"),
      choices.map(([value, label]) => h("option", { value }, label)),
    );
    const about = role === "member" ? `@${username}` : `@${username} · ${role}`;
    return h("li", { class: "person", "data-username": username }, picture, h("div", { class: "who" }, h("strong", { dir: "auto" }, isMe ? "You" : name), h("span", { class: "muted" }, about)), h("div", { class: "person-actions" }, menu));
  }

  /** What one may do about a member. @param {Conversation} conversation @param {Member} member @returns {[string, string][]} */
  #choices({ role: mine }, { role }) {
    /** @type {[string, string][]} */
    const choices = [["message", "Message"]];
    if (mine !== "owner" && mine !== "admin") return choices;
    if (role === "owner") return choices;
    choices.push(role === "admin" ? ["member", "Make a member"] : ["admin", "Make an admin"]);
    if (mine === "owner") choices.push(["owner", "Hand the group over"]);
    choices.push(["remove", "Remove"]);
    return choices;
  }

  /** @param {Conversation} conversation @param {Member} member @param {HTMLSelectElement} menu */
  async #choose(conversation, { id, username }, menu) {
    const chosen = menu.value;
    menu.value = "";
    const name = client.people.nameOf(username);
    const path = `groups/${conversation.id}/members/${id}`;
    if (chosen === "message") {
      const direct = await attempt(client.direct(id));
      if (direct) go(`c/${direct}`);
    } else if (chosen === "remove") {
      if (await confirmed(`Remove ${name}?`, "They will not see this group any more.", "Remove")) await attempt(client.request("DELETE", path));
    } else if (chosen === "owner") {
      if (await confirmed(`Hand the group over to ${name}?`, "You will be an admin, and only they can delete it.", "Hand over")) await this.#setRole(path, "owner");
    } else if (chosen) {
      await this.#setRole(path, /** @type {Role} */ (chosen));
    }
  }

  /** @param {string} path @param {Role} role */
  #setRole(path, role) {
    return attempt(client.request("PUT", path, { role }));
  }

  /** @param {Conversation} conversation */
  #adding(conversation) {
    const picker = memberPicker(({ username }) => !conversation.names.has(username));
    const add = async () => {
      for (const { id } of picker.chosen.values()) await attempt(client.request("PUT", `groups/${conversation.id}/members/${id}`));
      if (picker.chosen.size > 0) notice(`${counted(picker.chosen.size, "person", "people")} added.`);
      this.#setAdding(false);
    };
    void picker.load();
    return h(
      "div",
      { class: "details" },
      h("h3", {}, "Add people"),
      picker.element,
      h("div", { class: "actions" }, h("button", { class: "button", type: "button", onclick: add }, "Add"), h("button", { class: "button quiet", type: "button", onclick: () => this.#setAdding(false) }, "Cancel")),
    );
  }

  /** @param {boolean} isAdding */
  #setAdding(isAdding) {
    this.#isAdding = isAdding;
    this.#shown = "";
    this.draw();
    if (isAdding) this.querySelector("input")?.focus();
  }

  #showMore() {
    this.#members += MEMBERS;
    this.draw();
  }

  /** @param {Conversation} conversation */
  async #rename(conversation) {
    const name = await asked("Rename group", "Name", conversation.name, "Rename");
    if (name !== null && name.trim() !== "") await this.#update({ name });
  }

  /** @param {object} fields */
  #update(fields) {
    return attempt(client.request("PATCH", `groups/${this.#id}`, fields));
  }

  /** @param {Conversation} conversation */
  async #leave(conversation) {
    const isLast = conversation.member_count === 1;
    const text = isLast ? "You are the last one: the group and all that was said in it will be deleted." : "You will not see what is said there any more.";
    if (!(await confirmed(`Leave ${titleOf(conversation)}?`, text, "Leave"))) return;
    if (await attempt(client.request("POST", `groups/${this.#id}/leave`))) go("");
  }

  /** @param {Conversation} conversation */
  async #delete(conversation) {
    if (!(await confirmed(`Delete ${titleOf(conversation)}?`, "The group and all that was said in it is gone for everyone, for good.", "Delete"))) return;
    if ((await attempt(client.request("DELETE", `groups/${this.#id}`))) !== undefined) go("");
  }
}

customElements.define("conversation-info", ConversationInfo);

/** @param {import("../app/icons.js").IconName} name @param {string} label @param {() => void} act @param {string} [className] */
function action(name, label, act, className = "") {
  return h("button", { class: `action ${className}`, type: "button", "aria-label": label, onclick: act }, icon(name), label);
}
