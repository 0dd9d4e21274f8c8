// Where one is, in the fragment of the address: `#/c/7/info`. The rule: every place has an address, so that back, reload and
// a link in a mail lead where one expects; the fragment never reaches a server.

/** @typedef {{ parts: string[], query: URLSearchParams }} Place */

/** @returns {Place} */
export function place() {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean), query: new URLSearchParams(query) };
}

/** The conversation that is shown, if any. */
export function conversationShown() {
  const [first, id] = place().parts;
  return first === "c" && id ? Number(id) : null;
}

/**
 * @param {string} path without `#/`
 * @param {{ replaces?: boolean }} [options] whether "back" should skip where one was
 */
export function go(path, { replaces = false } = {}) {
  if (location.hash === `#/${path}`) return;
  if (replaces) location.replace(`#/${path}`);
  else location.hash = `/${path}`;
}
