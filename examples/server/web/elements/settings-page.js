// Oneself: profile, password, looks, notifications, and where else one is logged in.

import { ChatElement } from "../app/element.js";
import { asked, confirmed, showShortcuts } from "../app/dialogs.js";
import { attempt, notice } from "../app/notices.js";
import { avatar } from "./user-avatar.js";
import { ago, dateOf } from "../app/time.js";
import { client } from "../app/context.js";
import { counted } from "../app/names.js";
import { fill, h } from "../app/dom.js";
import { form } from "../app/form.js";
import { icon } from "../app/icons.js";
import { offers } from "../client/http.js";
import { pageHead } from "./page-head.js";
import { personRow } from "./person-row.js";
import { offersPictures, prefer, preferences } from "../app/preferences.js";
import { turnOn } from "../app/notifications.js";

/** @typedef {{ id: number, created_at: number, refreshed_at: number, expires_at: number, is_current: boolean }} KeptLogin */

class SettingsPage extends ChatElement {
  #picture = avatar("large");
  #logins = h("ul", { class: "people", "aria-label": "Logins" });
  #blocked = h("div", {});
  #verification = h("div", {});
  #isLoaded = false;

  build() {
    const me = client.me;
    if (!me) return;
    fill(
      this,
      pageHead("Profile and settings"),
      h(
        "div",
        { class: "page-content narrow" },
        h("section", { class: "profile" }, this.#picture, h("div", {}, h("strong", { dir: "auto" }, me.fullname), h("p", { class: "muted" }, `@${me.username}`), me.email && h("p", { class: "muted" }, me.email))),
        this.#verification,
        h("section", { class: "card" }, h("h2", {}, "Profile"), profileForm(me)),
        h("section", { class: "card" }, h("h2", {}, "Appearance"), themes()),
        h("section", { class: "card" }, h("h2", {}, "Notifications and privacy"), notifications(), pictures()),
        h("section", { class: "card" }, h("h2", {}, "Blocked"), this.#blocked),
        h("section", { class: "card" }, h("h2", {}, "E-mail"), emailForm(me.email ?? "", () => this.#showVerification())),
        h("section", { class: "card" }, h("h2", {}, "Password"), passwordForm()),
        h("section", { class: "card" }, h("h2", {}, "Where you are logged in"), this.#logins),
        h(
          "section",
          { class: "card" },
          h("button", { class: "action", type: "button", onclick: () => showShortcuts() }, icon("keyboard"), "Keyboard shortcuts"),
          h("button", { class: "action", type: "button", onclick: logOut }, icon("leave"), "Log out"),
          h("button", { class: "action danger-text", type: "button", onclick: deleteAccount }, icon("trash"), "Delete account"),
        ),
      ),
    );
  }

  draw() {
    if (client.me) this.#picture.showPerson(client.me.username);
    if (this.#isLoaded || client.state !== "online") return;
    this.#isLoaded = true;
    void this.#showLogins();
    void this.#showBlocked();
    void this.#showVerification();
  }

  async #showBlocked() {
    const page = await attempt(client.request("GET", "users/me/blocked?limit=100"));
    if (!page) return;
    client.people.learn(page.users);
    const strangers = toggle("Strangers", "Only your contacts can add you, invite you, write to you or see when you are online.", page.strangers, (isOn) => this.#blockStrangers(isOn));
    const users = /** @type {import("../client/types.js").User[]} */ (page.users);
    const list = h("ul", { class: "people", "aria-label": "Blocked people" }, users.map((user) => personRow(user, this.#unblockButton(user))));
    const more = page.next !== null && h("p", { class: "muted" }, "More are blocked; they show up here as you unblock these.");
    fill(this.#blocked, strangers, users.length > 0 ? list : h("p", { class: "muted" }, "You block nobody. You can in the details of a conversation."), more);
  }

  /** @param {boolean} isOn */
  async #blockStrangers(isOn) {
    return (await attempt(client.request(isOn ? "PUT" : "DELETE", "users/me/blocked/strangers"))) !== undefined;
  }

  /** @param {import("../client/types.js").User} user */
  #unblockButton({ id, fullname }) {
    const unblock = async () => {
      if ((await attempt(client.request("DELETE", `users/me/blocked/${id}`))) === undefined) return;
      notice(`${fullname} is not blocked any more.`);
      await this.#showBlocked();
    };
    return h("button", { class: "button small quiet", type: "button", "aria-label": `Unblock ${fullname}`, onclick: unblock }, "Unblock");
  }

  async #showLogins() {
    const page = await attempt(client.request("GET", "users/me/logins"));
    if (!page) return;
    const logins = /** @type {KeptLogin[]} */ (page.logins).sort((one, other) => Number(other.is_current) - Number(one.is_current) || other.refreshed_at - one.refreshed_at);
    fill(this.#logins, logins.map((login) => this.#login(login)));
  }

  /** @param {KeptLogin} login */
  #login({ id, created_at, refreshed_at, is_current }) {
    const revoke = async () => {
      if ((await attempt(client.request("DELETE", `users/me/logins/${id}`))) === undefined) return;
      notice("That login has ended.");
      await this.#showLogins();
    };
    const button = h("button", { class: "button small quiet", type: "button", "aria-label": `End the login of ${dateOf(created_at)}, active ${ago(refreshed_at)}`, onclick: revoke }, "End");
    return h(
      "li",
      { class: "person", "data-login": id },
      h("span", { class: "tool", "aria-hidden": "true" }, icon("device")),
      h("div", { class: "who" }, h("strong", {}, is_current ? "This browser" : "Another browser or app"), h("span", { class: "muted" }, `Since ${dateOf(created_at)}, active ${ago(refreshed_at)}`)),
      h("div", { class: "person-actions" }, is_current ? h("span", { class: "tag" }, "now") : button),
    );
  }

  /** Where the server verifies addresses: a field for the code from the mail. */
  async #showVerification() {
    await attempt(client.refreshMe());
    const me = client.me;
    const isToDo = me?.email && !me.email_verified && (await offers(client.base, "POST", "users/verify"));
    if (!me || !isToDo) return fill(this.#verification);
    const verification = form({
      fields: [{ name: "code", label: `Code from the mail to ${me.email}`, inputmode: "numeric", autocomplete: "one-time-code", maxlength: 6 }],
      action: "Verify",
      submit: async ({ code }) => {
        await client.verify({ email: me.email ?? "", code });
        notice("Your address is verified.");
        await this.#showVerification();
      },
    });
    const resend = async () => (await attempt(client.resendCode(me.email ?? ""))) && notice("Another code is on its way.");
    fill(this.#verification, h("section", { class: "card" }, h("h2", {}, "Verify your address"), verification, h("button", { class: "link", type: "button", onclick: resend }, "Send another code")));
  }
}

customElements.define("settings-page", SettingsPage);

/** @param {import("../client/types.js").User} me */
function profileForm(me) {
  return form({
    fields: [
      { name: "fullname", label: "Name", value: me.fullname, maxlength: 128, autocomplete: "name" },
      { name: "profile_picture", label: "Picture", type: "url", value: me.profile_picture ?? "", optional: true, hint: pictureHint() },
    ],
    action: "Save",
    submit: async ({ fullname, profile_picture }) => {
      await client.updateMe({ fullname, profile_picture: profile_picture ?? null });
      notice("Saved.");
    },
  });
}

/** @param {string} email @param {() => Promise<void>} changed */
function emailForm(email, changed) {
  return form({
    fields: [
      { name: "email", label: "Address", type: "email", value: email, optional: true, autocomplete: "email", maxlength: 254, hint: "To get back in if you forget your password. Nobody else sees it." },
      { name: "old_password", label: "Password, to show that it is you", type: "password", autocomplete: "current-password" },
    ],
    action: "Change address",
    submit: async ({ email, old_password }) => {
      await client.updateMe({ email: email ?? null, old_password });
      notice("Your address is changed.");
      await changed();
    },
  });
}

function passwordForm() {
  const change = form({
    fields: [
      { name: "old_password", label: "Password now", type: "password", autocomplete: "current-password" },
      { name: "password", label: "New password", type: "password", autocomplete: "new-password", hint: "Everywhere else you will be logged out." },
    ],
    action: "Change password",
    submit: async (fields) => {
      await client.updateMe(fields);
      change.reset();
      notice("Your password is changed.");
    },
  });
  return change;
}

function themes() {
  const chosen = preferences().theme;
  const option = (/** @type {import("../app/preferences.js").Preferences["theme"]} */ theme, /** @type {string} */ label) => {
    const input = h("input", { type: "radio", name: "theme", value: theme, checked: theme === chosen, onchange: () => prefer({ theme }) });
    return h("label", { class: "segment" }, input, h("span", {}, label));
  };
  return h("fieldset", { class: "segments" }, h("legend", { class: "visually-hidden" }, "Theme"), option("system", "System"), option("light", "Light"), option("dark", "Dark"));
}

function notifications() {
  return toggle("Desktop notifications", "Tell me of new messages while this page is hidden.", preferences().notifies, async (isOn) => {
    if (!isOn) return prefer({ notifies: false });
    if (!(await turnOn())) {
      notice("The browser does not allow it. Change that in the settings of this page.");
      return false;
    }
  });
}

/** Who will see a picture. */
function pictureHint() {
  return offersPictures()
    ? "The address of a picture on the web. Others see it if they choose to load pictures."
    : `The address of a picture. This chat shows pictures that are on ${location.host}.`;
}

function pictures() {
  if (!offersPictures()) return null;
  return toggle("Profile pictures", "Load them from the sites where people keep them, which then learn your address.", preferences().loadsPictures, (isOn) => prefer({ loadsPictures: isOn }));
}

/** @param {string} title @param {string} about @param {boolean} isOn @param {(isOn: boolean) => unknown} change says `false` if it cannot be */
function toggle(title, about, isOn, change) {
  const input = h("input", { type: "checkbox", role: "switch", class: "switch", checked: isOn, onchange: async () => (await change(input.checked)) === false && (input.checked = false) });
  return h("label", { class: "option" }, h("span", {}, h("strong", {}, title), h("span", { class: "muted" }, about)), input);
}

async function logOut() {
  const waiting = client.outbox.size;
  const text = waiting === 0
    ? "Nothing of your conversations stays in this browser."
    : `${counted(waiting, "message")} you wrote ${waiting === 1 ? "is" : "are"} not sent yet, and would be lost.`;
  if (await confirmed("Log out?", text, "Log out")) await client.logOut();
}

async function deleteAccount() {
  const name = client.me?.username ?? "";
  const typed = await asked("Delete your account?", `Everything you wrote is gone for everyone, for good. Type ${name} to go on.`, "", "Delete");
  if (typed === null) return;
  if (typed !== name) return notice("That is not your username, so nothing was deleted.");
  await attempt(client.request("DELETE", "users/me"));
  await client.logOut();
}
