// What the browser tests share: a server, a driver, people. The rule: whatever a test does not look at is done by the client
// library, everything else by a person in a browser.

import { ChatClient } from "../../../examples/server/web/client/client.js";
import { Driver } from "./browser.js";
import { Server } from "./server.js";
import { until } from "./patience.js";

/** @import { Browser, Look } from "./browser.js" */

export const PASSWORD = "correct horse";

export class Scene {
  /** @type {ChatClient[]} */
  #clients = [];

  /** @param {Server} server @param {Driver} driver */
  constructor(server, driver) {
    this.server = server;
    this.driver = driver;
  }

  /** @param {string[]} [flags] of the server */
  static async open(flags) {
    const [server, driver] = await Promise.all([Server.start(flags), Driver.start()]);
    return new Scene(server, driver);
  }

  async close() {
    for (const client of this.#clients) client.stop();
    await this.driver.stop();
    await this.server.stop();
  }

  /** Someone with an account, who takes part without a browser. @param {string} username @param {string} [fullname] */
  async person(username, fullname) {
    const client = new ChatClient({ base: this.server.base });
    this.#clients.push(client);
    await client.register({ username, fullname, password: PASSWORD });
    await client.logIn(username, PASSWORD);
    await until(`${username} is online`, () => client.state === "online", client);
    return client;
  }

  /** Someone who takes part without a browser. @param {string} username */
  find(username) {
    return this.#clients.find(({ me }) => me?.username === username);
  }

  /** Someone who has an account, and now a browser where they are logged in. @param {string} username @param {Look} [look] */
  async browser(username, look) {
    const browser = await this.driver.open(this.server.base, look);
    await logIn(browser, username);
    return browser;
  }

  /** Someone new in a browser of their own. @param {string} username @param {string} [fullname] @param {Look} [look] */
  async newcomer(username, fullname = username, look) {
    const client = new ChatClient({ base: this.server.base });
    await client.register({ username, fullname, password: PASSWORD });
    return this.browser(username, look);
  }
}

/** @param {Browser} browser @param {string} username @param {string} [password] */
export async function logIn(browser, username, password = PASSWORD) {
  await browser.type("input[name=username]", username);
  await browser.type("input[name=password]", password);
  await browser.click("button", "Log in");
  await browser.see("conversation-list");
}

/** Says something and waits until it is stored. @param {ChatClient} client @param {number} id @param {string} text @param {number} [replyTo] */
export async function says(client, id, text, replyTo) {
  await until("it is known", () => client.conversation(id), client);
  const { nonce } = client.send(id, text, replyTo);
  await until("it is stored", () => !client.outbox.find(nonce), client);
  await client.open(id);
  return /** @type {import("../../../examples/server/web/client/types.js").Message} */ (client.conversation(id)?.messages.find((message) => message.nonce === nonce));
}

/** @param {Browser} browser @param {string} text */
export async function write(browser, text) {
  await browser.paste("message-composer textarea", text);
  await browser.press("\uE007");
}

/** The words on the screen, in order. @param {Browser} browser */
export const words = (browser) => browser.texts(".message .content");
