// A picture of someone, or their initials on a colour of their own, with a dot while they are online. It decorates: the name
// always stands beside it. The rule: from other hosts, which would learn who looks, pictures come only if one has chosen that.

import { h, set } from "../app/dom.js";
import { icon } from "../app/icons.js";
import { offersPictures, preferences } from "../app/preferences.js";
import { client } from "../app/context.js";
import { isOnline, onlineNow, titleOf } from "../app/names.js";

/** @import { Conversation } from "../client/conversation.js" */

export class UserAvatar extends HTMLElement {
  #shown = "";

  /**
   * @param {string} username whom it is of
   * @param {{ name?: string, picture?: string | null, online?: boolean, isGroup?: boolean }} [look]
   */
  show(username, { name = username, picture = null, online = false, isGroup = false } = {}) {
    set(this, "aria-hidden", "true");
    set(this, "data-online", online);
    set(this, "data-group", isGroup);
    const wanted = JSON.stringify([username, name, picture, isGroup, preferences().loadsPictures]);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    this.style.setProperty("--hue", String(hue(username)));
    this.replaceChildren(isGroup ? icon("crowd") : initials(name));
    if (picture && mayLoad(picture)) this.#load(picture);
  }

  /** @param {string} username */
  showPerson(username) {
    const user = client.people.of(username);
    this.show(username, { name: client.people.nameOf(username), picture: user?.profile_picture, online: onlineNow(username) });
  }

  /** @param {Conversation} conversation */
  showConversation(conversation) {
    if (conversation.other) this.showPerson(conversation.other);
    else this.show(String(conversation.id), { name: titleOf(conversation), isGroup: conversation.kind === "group", online: isOnline(conversation) });
  }

  /** The initials stay until there is a picture. @param {string} address */
  #load(address) {
    const image = h("img", { alt: "", referrerpolicy: "no-referrer", loading: "lazy", decoding: "async" });
    image.addEventListener("load", () => set(image, "data-loaded", true));
    image.addEventListener("error", () => image.remove());
    image.src = address;
    this.append(image);
  }
}

customElements.define("user-avatar", UserAvatar);

/** @returns {UserAvatar} */
export function avatar(className = "") {
  const element = new UserAvatar();
  element.className = className;
  return element;
}

/** @param {string} picture */
function mayLoad(picture) {
  if (!URL.canParse(picture) || !/^https?:/i.test(picture)) return false;
  return new URL(picture).origin === location.origin || (offersPictures() && preferences().loadsPictures);
}

/** @param {string} name */
function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...(word ?? "")][0] ?? "").join("").toLocaleUpperCase();
}

/** @param {string} username */
function hue(username) {
  const hash = [...username].reduce((hash, letter) => Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193), 0x811c9dc5);
  return ((hash >>> 8) % 12) * 30;
}
