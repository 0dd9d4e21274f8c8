// A person in a list, with what can be done about them.

import { avatar } from "./user-avatar.js";
import { ago } from "../app/time.js";
import { attempt } from "../app/notices.js";
import { client } from "../app/context.js";
import { go } from "../app/router.js";
import { h } from "../app/dom.js";
import { onlineNow } from "../app/names.js";

/** @import { User } from "../client/types.js" */
/** @import { Child } from "../app/dom.js" */

/** @param {User} user @param {...Child} actions */
export function personRow(user, ...actions) {
  const picture = avatar();
  picture.showPerson(user.username);
  const about = onlineNow(user.username) ? "Online" : `Last online ${ago(user.last_online)}`;
  return h(
    "li",
    { class: "person", "data-username": user.username },
    picture,
    h("div", { class: "who" }, h("strong", { dir: "auto" }, user.fullname), h("span", { class: "muted" }, `@${user.username} · ${about}`)),
    h("div", { class: "person-actions" }, ...actions),
  );
}

/** @param {User} user */
export function messageButton(user) {
  const open = async () => {
    const id = await attempt(client.direct(user.id));
    if (id) go(`c/${id}`);
  };
  return h("button", { class: "button small", type: "button", "aria-label": `Message ${user.fullname}`, onclick: open }, "Message");
}
