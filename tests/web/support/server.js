// The real server, as a program with data of its own. The rule: it is on the same port again after it was killed, so that
// those who were connected come back by themselves.

import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PROGRAM = process.env.CHAT_SERVER ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug", "chat-server");

export class Server {
  /** @type {import("node:child_process").ChildProcess | null} */
  #child = null;
  #address = "127.0.0.1:0";

  /** @param {string} directory @param {string[]} flags */
  constructor(directory, flags) {
    this.directory = directory;
    this.flags = flags;
  }

  /** @param {string[]} [flags] */
  static async start(flags = []) {
    const server = new Server(await mkdtemp(join(tmpdir(), "chat-web-")), flags);
    await server.run();
    return server;
  }

  get base() {
    return `http://${this.#address}/`;
  }

  /** Starts the program, on the address that it had before. */
  async run() {
    const flags = ["--addr", this.#address, "--log-format", "json", ...this.flags];
    const env = { PATH: process.env.PATH ?? "", JWTSECRET: "only for tests", CHAT_RATE_LIMITS: "off" };
    const child = spawn(PROGRAM, flags, { cwd: this.directory, env, stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    for await (const line of createInterface(child.stderr)) {
      const address = parsed(line)?.fields?.address;
      if (!address) continue;
      this.#address = address.replace("http://", "");
      child.stderr.resume();
      return;
    }
    throw new Error(`${PROGRAM} did not start; build it with: cargo build -p chat-server`);
  }

  /** Kills the program without a warning. */
  async kill() {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  async stop() {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** The mails that were written so far. @returns {Promise<string[]>} */
  async mails() {
    const directory = join(this.directory, ".data", "mail");
    const files = await readdir(directory).catch(() => /** @type {string[]} */ ([]));
    return Promise.all(files.sort().map((file) => readFile(join(directory, file), "utf8")));
  }
}

/** @param {string} line */
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
