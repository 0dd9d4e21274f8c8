// Finding people: one's contacts, and everyone else by name.

import { ChatElement } from "../app/element.js";
import { attempt, notice } from "../app/notices.js";
import { client } from "../app/context.js";
import { fill, h } from "../app/dom.js";
import { messageButton, personRow } from "./person-row.js";
import { pageHead } from "./page-head.js";
import { searchable } from "../app/search.js";

/** @import { User } from "../client/types.js" */

class PeoplePage extends ChatElement {
  /** @type {Set<string>} */
  #contacts = new Set();
  #isLoaded = false;
  #search = searchable({
    label: "Search people by name",
    nothing: "Nobody has this name.",
    find: async (search, after) => {
      const page = await client.request("GET", `users?limit=30&search=${encodeURIComponent(search)}${after ? `&after=${after}` : ""}`);
      client.people.learn(page.users);
      return { found: /** @type {User[]} */ (page.users), next: page.next };
    },
    row: (user) => personRow(user, this.#contactButton(user), messageButton(user)),
  });
  #known = h("ul", { class: "people", "aria-label": "Contacts" });
  #contactsPart = h("section", { hidden: true }, h("h2", {}, "Contacts"), this.#known);

  build() {
    const content = h("div", { class: "page-content" }, h("div", { class: "search-field" }, this.#search.input), this.#contactsPart, h("section", {}, h("h2", {}, "Everyone"), this.#search.results));
    fill(this, pageHead("Find people"), content);
    this.#search.input.addEventListener("input", () => this.#hideContacts());
    if (!matchMedia("(pointer: coarse)").matches) queueMicrotask(() => this.#search.input.focus());
  }

  draw() {
    if (this.#isLoaded || client.state !== "online") return;
    this.#isLoaded = true;
    void this.#load();
  }

  async #load() {
    this.#contacts = new Set((await attempt(client.ask("get_contacts")))?.contacts ?? []);
    await this.#search.load();
    await this.#showContacts();
  }

  async #showContacts() {
    const users = await Promise.all([...this.#contacts].map((username) => this.#find(username)));
    const rows = users.flatMap((user) => (user ? [personRow(user, this.#contactButton(user), messageButton(user))] : []));
    fill(this.#known, rows);
    this.#hideContacts();
  }

  /** Whoever searches looks at what is found. */
  #hideContacts() {
    this.#contactsPart.hidden = this.#known.children.length === 0 || this.#search.input.value !== "";
  }

  /** @param {string} username @returns {Promise<User | null>} */
  async #find(username) {
    const known = client.people.of(username);
    if (known) return known;
    const named = await attempt(client.request("GET", `users/user_id/${encodeURIComponent(username)}`));
    const user = named && (await attempt(client.request("GET", `users/${named.user_id}`)));
    if (user) client.people.learn([user]);
    return user ?? null;
  }

  /** @param {User} user */
  #contactButton(user) {
    const isContact = this.#contacts.has(user.username);
    const label = isContact ? "Remove contact" : "Add contact";
    const change = async () => {
      const done = await attempt(client.ask(isContact ? "remove_contact" : "add_contact", { contact_username: user.username }));
      if (!done) return;
      if (isContact) this.#contacts.delete(user.username);
      else this.#contacts.add(user.username);
      notice(isContact ? `${user.fullname} is no contact any more.` : `${user.fullname} is a contact now.`);
      client.people.refresh(user.username);
      await this.#search.load();
      await this.#showContacts();
    };
    return h("button", { class: "button small quiet", type: "button", "aria-label": `${label}: ${user.fullname}`, onclick: change }, label);
  }
}

customElements.define("people-page", PeoplePage);
