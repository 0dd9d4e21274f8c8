// Choosing people: a search, and those who were chosen as chips that can be taken away again.

import { client } from "../app/context.js";
import { fill, h } from "../app/dom.js";
import { icon } from "../app/icons.js";
import { personRow } from "./person-row.js";
import { searchable } from "../app/search.js";

/** @import { User } from "../client/types.js" */

/** @param {(user: User) => boolean} mayBeChosen */
export function memberPicker(mayBeChosen = () => true) {
  /** @type {Map<string, User>} */
  const chosen = new Map();
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Chosen" });
  const search = searchable({
    label: "Add people by name",
    nothing: "Nobody has this name.",
    find: async (text, after) => {
      const page = await client.request("GET", `users?limit=20&search=${encodeURIComponent(text)}${after ? `&after=${after}` : ""}`);
      client.people.learn(page.users);
      return { found: /** @type {User[]} */ (page.users).filter(mayBeChosen), next: page.next };
    },
    row: (user) => {
      const box = h("input", { type: "checkbox", "aria-label": user.fullname, onchange: () => choose(user, box.checked) });
      box.checked = chosen.has(user.username);
      const row = personRow(user, box);
      row.addEventListener("click", (event) => event.target !== box && box.click());
      row.classList.add("choosable");
      return row;
    },
  });

  /** @param {User} user @param {boolean} isChosen */
  function choose(user, isChosen) {
    if (isChosen) chosen.set(user.username, user);
    else chosen.delete(user.username);
    const take = (/** @type {User} */ one) => () => {
      choose(one, false);
      void search.load();
    };
    fill(chips, [...chosen.values()].map((one) => h("button", { class: "chip", type: "button", "aria-label": `Leave out ${one.fullname}`, onclick: take(one) }, h("span", { dir: "auto" }, one.fullname), icon("close"))));
  }

  const element = h("div", { class: "picker" }, chips, h("div", { class: "search-field" }, search.input), search.results);
  return { element, chosen, load: search.load };
}
