// What a browser has asked the network for, from the log that its network stack keeps: requests of pages, workers and sockets
// alike, whether or not a page can see them.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** @typedef {{ type: number, params?: { url?: string, initiator?: string } }} Entry */

/**
 * The requests that pages of an origin have made to any other.
 * @param {string} path of the log of a browser that has ended
 * @param {string} origin
 */
export async function foreignRequests(path, origin) {
  /** @type {Set<string>} */
  const foreign = new Set();
  let pages = 0;
  // The log has an event in each line; a browser that was killed leaves the last one unfinished.
  for await (const line of createInterface(createReadStream(path))) {
    if (!line.includes('"initiator":"http')) continue;
    const { url = "", initiator } = /** @type {Entry} */ (JSON.parse(line.replace(/,$/, ""))).params ?? {};
    if (initiator !== origin) continue;
    pages += 1;
    if (URL.canParse(url) && /^(http|ws)s?:/.test(url) && new URL(url).host !== new URL(origin).host) foreign.add(url);
  }
  if (pages === 0) throw new Error(`${path} tells of no request, so it shows nothing`);
  return [...foreign];
}
