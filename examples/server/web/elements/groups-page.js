// Discovering public groups, and joining them.

import { ChatElement } from "../app/element.js";
import { attempt } from "../app/notices.js";
import { avatar } from "./user-avatar.js";
import { client } from "../app/context.js";
import { counted } from "../app/names.js";
import { fill, h } from "../app/dom.js";
import { go } from "../app/router.js";
import { pageHead } from "./page-head.js";
import { searchable } from "../app/search.js";

/** @import { GroupListing } from "../client/types.js" */

class GroupsPage extends ChatElement {
  #isLoaded = false;
  #search = searchable({
    label: "Search public groups",
    nothing: "There is no public group of this name.",
    find: async (search, after) => {
      const page = await client.request("GET", `groups?visibility=public&limit=30&search=${encodeURIComponent(search)}${after ? `&after=${after}` : ""}`);
      return { found: /** @type {GroupListing[]} */ (page.groups), next: page.next };
    },
    row: groupRow,
  });

  build() {
    const create = h("a", { class: "button small", href: "#/new-group" }, "Create a group");
    fill(this, pageHead("Discover groups", create), h("div", { class: "page-content" }, h("div", { class: "search-field" }, this.#search.input), this.#search.results));
  }

  draw() {
    if (this.#isLoaded || client.state !== "online") return;
    this.#isLoaded = true;
    void this.#search.load();
  }
}

customElements.define("groups-page", GroupsPage);

/** @param {GroupListing} group */
function groupRow(group) {
  const picture = avatar();
  picture.show(String(group.id), { name: group.name, isGroup: true });
  const isMember = client.conversation(group.id) !== null;
  const enter = async () => {
    if (!isMember && (await attempt(client.join(group.id).then(() => true))) === undefined) return;
    go(`c/${group.id}`);
  };
  const label = isMember ? "Open" : "Join";
  return h(
    "li",
    { class: "person", "data-group": group.id },
    picture,
    h("div", { class: "who" }, h("strong", { dir: "auto" }, group.name), h("span", { class: "muted" }, counted(group.member_count, "member"))),
    h("div", { class: "person-actions" }, h("button", { class: `button small${isMember ? " quiet" : ""}`, type: "button", "aria-label": `${label} ${group.name}`, onclick: enter }, label)),
  );
}
