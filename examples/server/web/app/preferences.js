// What one has chosen for this browser. Kept in its local storage and told to every tab.

import { redraw } from "./context.js";

/**
 * @typedef {object} Preferences
 * @property {"system" | "light" | "dark"} theme
 * @property {boolean} notifies whether the desktop shows what arrives while the page is hidden
 * @property {boolean} loadsPictures whether profile pictures are fetched from other hosts, where the server allows it
 */

const KEY = "chat-preferences";
/** @type {Preferences} */
const USUAL = { theme: "system", notifies: false, loadsPictures: false };

/** @returns {Preferences} */
export function preferences() {
  try {
    return { ...USUAL, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return USUAL;
  }
}

/** Whether this server lets the page show pictures from other hosts. */
export const offersPictures = () => document.documentElement.dataset.pictures === "remote";

/** @param {Partial<Preferences>} chosen */
export function prefer(chosen) {
  localStorage.setItem(KEY, JSON.stringify({ ...preferences(), ...chosen }));
  apply();
}

function apply() {
  document.documentElement.dataset.theme = preferences().theme;
  redraw();
}

addEventListener("storage", ({ key }) => key === KEY && apply());
