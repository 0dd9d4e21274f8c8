// Where one comes in: log in, register, verify an address, start as a guest, reset a forgotten password. The rule: what this
// server does not offer is not shown, and what it does not tell (whether an address is known) is not told. Mails link here,
// to `#verify` and `#reset_password`.

import { ChatElement } from "../app/element.js";
import { Refusal } from "../client/client.js";
import { client } from "../app/context.js";
import { fill, h } from "../app/dom.js";
import { attempt, notice } from "../app/notices.js";
import { form } from "../app/form.js";
import { go, place } from "../app/router.js";
import { icon } from "../app/icons.js";
import { offers } from "../client/http.js";

/** @import { Field } from "../app/form.js" */

/** @type {Field} */
const USERNAME = { name: "username", label: "Username", autocomplete: "username", maxlength: 64 };
/** @type {Field} */
const PASSWORD = { name: "password", label: "Password", type: "password", autocomplete: "current-password" };
/** @type {Field} */
const NEW_PASSWORD = { ...PASSWORD, autocomplete: "new-password" };
/** @type {Field} */
const EMAIL = { name: "email", label: "E-mail", type: "email", autocomplete: "email", maxlength: 254 };
/** @type {Field} */
const CODE = { name: "code", label: "Code", autocomplete: "one-time-code", inputmode: "numeric", maxlength: 64 };

/** What servers may or may not offer. */
const abilities = { guests: false, reset: false, verify: false };
/** @type {Promise<void> | undefined} */
let discovery;

function discover() {
  const offered = (/** @type {string} */ path) => offers(client.base, "POST", path);
  discovery ??= Promise.all([offered("users/guest"), offered("users/forgot_password"), offered("users/verify")]).then(
    ([guests, reset, verify]) => void Object.assign(abilities, { guests, reset, verify }),
  );
  return discovery;
}

export class StartPage extends ChatElement {
  #shown = "";
  /** With what one registered, until the address is verified. @type {{ username: string, password: string } | null} */
  #pending = null;

  shown() {
    this.listen(window, "hashchange", () => this.#show());
    void discover().then(() => this.#show(true));
    this.#show();
  }

  /** @param {boolean} [again] */
  #show(again = false) {
    const { parts, query } = place();
    const page = parts[0] ?? "login";
    const typed = /** @type {HTMLInputElement[]} */ ([...this.querySelectorAll("input")]).some(({ value }) => value !== "");
    if (page === this.#shown && (!again || typed)) return this.#reveal();
    this.#shown = page;
    const pages = { login: this.#login, register: this.#register, forgot: this.#forgot, reset_password: this.#reset, verify: this.#verify };
    const build = pages[/** @type {keyof typeof pages} */ (page)] ?? this.#login;
    const mark = h("div", { class: "mark", "aria-hidden": "true" }, icon("bubble"));
    fill(this, h("main", { class: "start" }, mark, ...build.call(this, query)));
    this.#reveal();
    const first = /** @type {HTMLInputElement | null} */ (this.querySelector("input[value='']"));
    first?.focus();
  }

  /** Shows what turned out to be offered after the form was built. */
  #reveal() {
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (this.querySelectorAll("[data-needs]"))) {
      element.hidden = !abilities[/** @type {keyof typeof abilities} */ (element.dataset.needs)];
    }
  }

  /** @returns {Node[]} */
  #login() {
    const login = form({
      fields: [{ ...USERNAME, label: "Username or e-mail" }, PASSWORD],
      action: "Log in",
      submit: async ({ username = "", password = "" }) => {
        try {
          await client.logIn(username, password);
        } catch (error) {
          if (!(error instanceof Refusal && error.code === "unverified")) throw error;
          this.#pending = { username, password };
          go(username.includes("@") ? `verify?email=${encodeURIComponent(username)}` : "verify");
        }
      },
    });
    const guest = h("section", { "data-needs": "guests", hidden: true, class: "guest" }, h("h2", {}, "Just looking?"), form({
      fields: [EMAIL],
      action: "Start as a guest",
      submit: ({ email = "" }) => client.logInAsGuest(email),
    }));
    return [
      h("h1", {}, "Welcome"),
      h("p", { class: "lead" }, "Log in to go on where you left off."),
      login,
      h("p", { class: "others" }, h("a", { href: "#/forgot", "data-needs": "reset", hidden: true }, "Forgot your password?")),
      h("p", { class: "others" }, "New here? ", h("a", { href: "#/register" }, "Create an account")),
      guest,
    ];
  }

  /** @returns {Node[]} */
  #register() {
    const registration = form({
      fields: [
        { ...USERNAME, hint: "Letters, digits, and _ - . It cannot be changed later." },
        { name: "fullname", label: "Your name", autocomplete: "name", maxlength: 128, optional: true, hint: "How others see you." },
        { ...EMAIL, optional: true, hint: "To get back in if you forget your password." },
        NEW_PASSWORD,
      ],
      action: "Create account",
      submit: async (fields) => {
        const { username = "", password = "", email } = fields;
        await client.register(fields);
        try {
          await client.logIn(username, password);
        } catch (error) {
          if (!(error instanceof Refusal && error.code === "unverified")) throw error;
          this.#pending = { username, password };
          go(`verify?email=${encodeURIComponent(email ?? "")}`);
        }
      },
    });
    return [
      h("h1", {}, "Create an account"),
      h("p", { class: "lead" }, "It takes a moment."),
      registration,
      h("p", { class: "others" }, "Have one already? ", h("a", { href: "#/login" }, "Log in")),
    ];
  }

  /** @param {URLSearchParams} query @returns {Node[]} */
  #verify(query) {
    const verification = form({
      fields: [{ ...EMAIL, value: query.get("email") ?? "" }, { ...CODE, value: query.get("code") ?? "", hint: "Six digits, good for 15 minutes." }],
      action: "Verify",
      submit: async (fields) => {
        await client.verify(fields);
        notice("Your address is verified.");
        const pending = this.#pending;
        if (pending) await client.logIn(pending.username, pending.password);
        if (client.state !== "out") await client.refreshMe();
        go("", { replaces: true });
      },
    });
    const resend = async () => {
      const email = String(new FormData(verification).get("email"));
      if (email && (await attempt(client.resendCode(email)))) notice("If this address waits to be verified, another code is on its way.");
    };
    return [
      h("h1", {}, "Check your mail"),
      h("p", { class: "lead" }, "We sent a code to your address."),
      verification,
      h("p", { class: "others" }, h("button", { class: "link", type: "button", onclick: resend }, "Send another code")),
      h("p", { class: "others" }, h("a", { href: "#/login" }, "Back to login")),
    ];
  }

  /** @returns {Node[]} */
  #forgot() {
    const told = h("p", { class: "lead", role: "status" }, "Tell us your address, and we send you a link.");
    const question = form({
      fields: [EMAIL],
      action: "Send the link",
      submit: async ({ email = "" }) => {
        await client.forgotPassword(email);
        told.textContent = `If an account has the address ${email}, a mail is on its way. Its link, or the code in it, lets you choose a new password.`;
        question.replaceWith(h("p", {}, h("a", { class: "button wide", href: `#/reset_password?email=${encodeURIComponent(email)}` }, "I have a code")));
      },
    });
    return [h("h1", {}, "Forgot your password?"), told, question, h("p", { class: "others" }, h("a", { href: "#/login" }, "Back to login"))];
  }

  /** @param {URLSearchParams} query @returns {Node[]} */
  #reset(query) {
    const [email, code] = [query.get("email") ?? "", query.get("code") ?? ""];
    // Who comes from the mail has nothing to type but the new password.
    const proof = email && code ? [] : [{ ...EMAIL, value: email }, { ...CODE, value: code, hint: "It is in the mail." }];
    const reset = form({
      fields: [...proof, { ...NEW_PASSWORD, label: "New password" }],
      action: "Change password",
      submit: async (typed) => {
        const fields = { email, code, ...typed };
        await client.resetPassword(fields);
        await client.logIn(fields.email, typed.password ?? "");
        go("", { replaces: true });
      },
    });
    return [
      h("h1", {}, "Choose a new password"),
      h("p", { class: "lead" }, "You will be logged out everywhere else."),
      reset,
      h("p", { class: "others" }, h("a", { href: "#/login" }, "Back to login")),
    ];
  }
}

customElements.define("start-page", StartPage);
