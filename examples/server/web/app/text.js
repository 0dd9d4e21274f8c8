// Messages as they are shown: links, code and large emoji, from plain text. The rule: the text is only cut into pieces, each
// of which becomes a text node; a link leads to http or https and to nothing else.

import { h } from "./dom.js";

const FENCE = /```(?:[\w+-]*\n)?([\s\S]*?)```/g;
const INLINE = /`([^`\n]+)`|(https?:\/\/[^\s<>"'`]+)/g;
/** Only emoji, and few of them. */
const EMOJI_ONLY = /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F|\u200D\p{Extended_Pictographic})*|\p{Regional_Indicator}{2}|\s){1,6}$/u;

/** @param {string} text @returns {DocumentFragment} */
export function rich(text) {
  const fragment = document.createDocumentFragment();
  const found = pieces(text, FENCE);
  for (const [index, [piece, code]] of found.entries()) {
    if (code !== undefined) fragment.append(h("pre", { dir: "ltr", tabindex: 0, "aria-label": "Code" }, h("code", {}, code.replace(/\n$/, ""))));
    else fragment.append(...inline(withoutBreaks(piece ?? "", index > 0, index < found.length - 1)));
  }
  return fragment;
}

/** @param {string} text */
export const isEmojiOnly = (text) => text.length < 40 && text.trim() !== "" && EMOJI_ONLY.test(text);

/** One line of a message, for lists and quotes. @param {string} text */
export const oneLine = (text) => text.replaceAll("```", "").replace(/\s+/g, " ").trim();

/** A block of code stands on lines of its own anyway. @param {string} text @param {boolean} isAfter @param {boolean} isBefore */
function withoutBreaks(text, isAfter, isBefore) {
  const begun = isAfter ? text.replace(/^\n/, "") : text;
  return isBefore ? begun.replace(/\n$/, "") : begun;
}

/** @param {string} text @returns {(Node | string)[]} */
function inline(text) {
  return pieces(text, INLINE).map(([piece, code, address]) => {
    if (code !== undefined) return h("code", {}, code);
    return address === undefined ? piece : link(piece);
  });
}

/** @param {string} text */
function link(text) {
  // What ends a sentence does not end an address; a closing bracket does if none was opened in it.
  const trailing = /[.,;:!?…]*(?:\)+[.,;:!?…]*)?$/.exec(text)?.[0] ?? "";
  const end = trailing.includes(")") && text.slice(0, -trailing.length).includes("(") ? trailing.replace(/^.*\)/, "") : trailing;
  const address = end ? text.slice(0, -end.length) : text;
  if (!URL.canParse(address)) return text;
  const anchor = h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, address);
  const fragment = document.createDocumentFragment();
  fragment.append(anchor, end);
  return fragment;
}

/**
 * Cuts a text at the matches of a pattern.
 * @param {string} text
 * @param {RegExp} pattern
 * @returns {string[][]} each piece, and what the pattern's groups held if it is a match
 */
function pieces(text, pattern) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) found.push([text.slice(end, match.index)]);
    found.push([...match]);
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push([text.slice(end)]);
  return found;
}
