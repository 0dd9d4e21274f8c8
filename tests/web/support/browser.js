// Real browsers, driven over the WebDriver protocol (W3C). The rule: one acts as a person does, by clicking and typing at
// what can be seen, and waits for what is expected to be seen.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";
import { PATIENCE, until } from "./patience.js";
import { foreignRequests } from "./network-log.js";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  "--force-device-scale-factor=1",
];
const NETWORK_LOG = "network.json";
/** Keys, as the protocol names them. */
export const KEYS = { Enter: "\uE007", Escape: "\uE00C", Up: "\uE013", Down: "\uE015", Tab: "\uE004", Backspace: "\uE003", Delete: "\uE017", Control: "\uE009", Shift: "\uE008", Alt: "\uE00A" };

/** @typedef {{ width?: number, height?: number, isDark?: boolean, isTouch?: boolean, language?: string }} Look */

/** One chromedriver, and the browsers that it has started. */
export class Driver {
  /** @type {Browser[]} */
  browsers = [];

  /** @param {import("node:child_process").ChildProcess} child @param {string} base */
  constructor(child, base) {
    this.child = child;
    this.base = base;
  }

  static async start() {
    const program = process.env.CHROMEDRIVER ?? "chromedriver";
    const child = spawn(program, ["--port=0"], { stdio: ["ignore", "pipe", "ignore"] });
    const missing = once(child, "error").then(() => {
      throw new Error("chromedriver is missing: sudo apt-get install chromium chromium-driver");
    });
    const port = await Promise.race([portOf(child), missing]);
    missing.catch(() => {});
    return new Driver(child, `http://127.0.0.1:${port}`);
  }

  /** @param {string} url of the server @param {Look} [look] */
  async open(url, { width = 1280, height = 800, isDark = false, isTouch = false, language = "en-GB" } = {}) {
    const profile = await mkdtemp(join(tmpdir(), "chat-browser-"));
    const args = [...FLAGS, `--user-data-dir=${profile}`, `--log-net-log=${join(profile, NETWORK_LOG)}`, `--window-size=${width},${height}`, `--lang=${language}`];
    /** @type {Record<string, unknown>} */
    const options = { args, prefs: { "intl.accept_languages": language } };
    if (process.env.CHROMIUM) options.binary = process.env.CHROMIUM;
    const capabilities = { alwaysMatch: { browserName: "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { browser: "ALL" } } };
    const { sessionId } = await ask(this.base, "POST", "/session", { capabilities });
    const browser = new Browser(`${this.base}/session/${sessionId}`, url, profile);
    this.browsers.push(browser);
    await browser.cdp("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: isTouch });
    await browser.cdp("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: isDark ? "dark" : "light" }] });
    // A page in the background would not have the focus, and so not mark anything as read.
    await browser.cdp("Emulation.setFocusEmulationEnabled", { enabled: true });
    if (isTouch) await browser.cdp("Emulation.setTouchEmulationEnabled", { enabled: true });
    await browser.goto("");
    return browser;
  }

  /** Ends all, and says so if a page has asked any other host than its server for anything. */
  async stop() {
    for (const browser of this.browsers) await browser.close();
    this.child.kill();
    await once(this.child, "exit");
    const foreign = this.browsers.flatMap(({ foreign }) => foreign);
    if (foreign.length > 0) throw new Error(`pages asked other hosts: ${foreign.join(", ")}`);
  }
}

/** One browser with a profile of its own: one person at one device. */
export class Browser {
  #isClosed = false;
  /** What pages have asked other hosts for, once this is closed. @type {string[]} */
  foreign = [];

  /** @param {string} session @param {string} url @param {string} profile */
  constructor(session, url, profile) {
    this.session = session;
    this.url = url;
    this.profile = profile;
  }

  /** @param {string} path */
  goto(path) {
    return this.#ask("POST", "/url", { url: this.url + path });
  }

  reload() {
    return this.#ask("POST", "/refresh", {});
  }

  /**
   * Runs a function in the page.
   * @template T
   * @template {any[]} A
   * @param {(...args: A) => T} work
   * @param {A} args
   * @returns {Promise<Awaited<T>>}
   */
  run(work, ...args) {
    const script = `const done = arguments[arguments.length - 1];
      Promise.resolve((${work}).apply(null, Array.prototype.slice.call(arguments, 0, -1))).then(done, (error) => done({ failed: String(error) }));`;
    return this.#ask("POST", "/execute/async", { script, args });
  }

  /** Runs a script of its own in the page, past the page's policy. @param {string} script */
  script(script) {
    return this.#ask("POST", "/execute/sync", { script, args: [] });
  }

  /** Types where the focus is. @param {string} text */
  async keys(text) {
    for (const key of text) await this.press(key);
  }

  /** @param {string} cmd @param {object} params @returns {Promise<any>} */
  cdp(cmd, params) {
    return this.#ask("POST", "/goog/cdp/execute", { cmd, params });
  }

  /** Waits until something is on the page and can be seen. @param {string} css @param {string} [text] that it holds */
  async see(css, text = "") {
    await until(`${css} is seen${text ? ` with "${text}"` : ""}`, () => this.sees(css, text)).catch(async (error) => {
      const instead = await this.run(() => `${location.hash} shows: ${document.body.innerText.replace(/\s+/g, " ").slice(0, 400)}`);
      throw new Error(`${error.message}; instead ${instead}; errors: ${await this.errors()}`);
    });
  }

  /** @param {string} css @param {string} [text] */
  sees(css, text = "") {
    return this.run((css, text) => [...document.querySelectorAll(css)].some((element) => element.checkVisibility({ visibilityProperty: true }) && (element.textContent ?? "").includes(text)), css, text);
  }

  /** Waits until something is not seen any more. @param {string} css @param {string} [text] */
  async miss(css, text = "") {
    await until(`${css} is gone`, async () => !(await this.sees(css, text)));
  }

  /** Clicks at the first thing that is seen. @param {string} css @param {string} [text] that it holds */
  async click(css, text = "") {
    await this.#act(css, text, (element) => this.#ask("POST", `/element/${element}/click`, {}));
  }

  /** Types where something was typed before, or nothing. @param {string} css @param {string} text */
  async type(css, text) {
    await this.#act(css, "", async (element) => {
      await this.#ask("POST", `/element/${element}/clear`, {});
      await this.#ask("POST", `/element/${element}/value`, { text });
    });
  }

  /** Puts text into a field as pasting does: also what no keyboard types. @param {string} css @param {string} text */
  async paste(css, text) {
    await this.see(css);
    await this.run((css, text) => {
      const field = /** @type {HTMLTextAreaElement} */ (document.querySelector(css));
      field.focus();
      field.select();
      document.execCommand("insertText", false, text);
    }, css, text);
  }

  /** Presses keys where the focus is; those before the last one are held. @param {...string} keys */
  async press(...keys) {
    const down = keys.map((value) => ({ type: "keyDown", value }));
    const up = keys.toReversed().map((value) => ({ type: "keyUp", value }));
    await this.#ask("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions: [...down, ...up] }] });
  }

  /** Moves the pointer to something. @param {string} css @param {string} [text] */
  async hover(css, text = "") {
    await this.#act(css, text, (element) =>
      this.#ask("POST", "/actions", { actions: [{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions: [{ type: "pointerMove", duration: 0, origin: { [ELEMENT]: element }, x: 0, y: 0 }] }] }),
    );
  }

  /** The texts of all that fit. @param {string} css @returns {Promise<string[]>} */
  texts(css) {
    return this.run((css) => [...document.querySelectorAll(css)].map((element) => (element.textContent ?? "").trim()), css);
  }

  /** What the page has logged as an error since it was asked last. @returns {Promise<string[]>} */
  async errors() {
    const entries = /** @type {{ level: string, message: string }[]} */ (await this.#ask("POST", "/se/log", { type: "browser" }));
    return entries.filter(({ level }) => level === "SEVERE").map(({ message }) => message);
  }

  /** @param {{ isOffline?: boolean, latency?: number, throughput?: number }} conditions bytes a second, milliseconds */
  async network({ isOffline = false, latency = 0, throughput = -1 }) {
    await this.cdp("Network.enable", {});
    await this.cdp("Network.emulateNetworkConditions", { offline: isOffline, latency, downloadThroughput: throughput, uploadThroughput: throughput });
  }

  /** @param {string} path */
  async screenshot(path) {
    const data = /** @type {string} */ (await this.#ask("GET", "/screenshot"));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, Buffer.from(data, "base64"));
  }

  /** Opens another tab of the same browser and goes on there. @param {string} path */
  async openTab(path) {
    const { handle } = await this.#ask("POST", "/window/new", { type: "tab" });
    await this.#ask("POST", "/window", { handle });
    await this.goto(path);
  }

  /** Closes this tab and goes on in the first. */
  async closeTab() {
    const [handle] = /** @type {string[]} */ (await this.#ask("DELETE", "/window"));
    await this.#ask("POST", "/window", { handle });
  }

  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#ask("DELETE", "").catch(() => {});
    this.foreign = await foreignRequests(join(this.profile, NETWORK_LOG), new URL(this.url).origin);
    await rm(this.profile, { recursive: true, force: true, maxRetries: 20 });
  }

  /**
   * Does something to an element once it is there; again, if it is replaced meanwhile.
   * @param {string} css
   * @param {string} text
   * @param {(element: string) => Promise<unknown>} act
   */
  async #act(css, text, act) {
    let last = "";
    await until(`${css} ${text} can be used`, async () => {
      const found = /** @type {any} */ (await this.run((css, text) => [...document.querySelectorAll(css)].find((element) => element.checkVisibility({ visibilityProperty: true }) && (element.textContent ?? "").includes(text)) ?? null, css, text));
      if (!found) return false;
      try {
        await act(found[ELEMENT]);
        return true;
      } catch (error) {
        last = String(error);
        if (!/stale|not interactable|intercepted/.test(last)) throw error;
        return false;
      }
    }).catch((error) => {
      throw new Error(`${error.message} ${last}`);
    });
  }

  /** @param {string} method @param {string} path @param {object} [body] */
  #ask(method, path, body) {
    return ask(this.session, method, path, body);
  }
}

/** @param {string} base @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
async function ask(base, method, path, body) {
  const response = await fetch(base + path, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE) });
  const { value } = /** @type {{ value: any }} */ (await response.json());
  if (!response.ok) throw new Error(`${value.error}: ${value.message?.split("\n")[0]}`);
  if (value?.failed) throw new Error(value.failed);
  return value;
}

/** @param {import("node:child_process").ChildProcess} child @returns {Promise<number>} */
async function portOf(child) {
  if (!child.stdout) throw new Error("no output");
  for await (const line of createInterface(child.stdout)) {
    const port = /successfully on port (\d+)/.exec(line)?.[1];
    if (port) {
      child.stdout.resume();
      return Number(port);
    }
  }
  throw new Error("chromedriver did not start");
}
