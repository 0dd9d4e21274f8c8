// Where a login and unsent messages are kept if nobody says where else.

/** @import { Store } from "./types.js" */

/** @returns {Store} that lives as long as the process */
export function memoryStore() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
    keys: () => [...kept.keys()],
  };
}
