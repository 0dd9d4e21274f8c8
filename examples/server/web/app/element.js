// What the page's elements have in common. The rule: `build` makes the nodes once, `draw` brings them up to date whenever
// something has changed; both leave alone what is right already.

import { onDraw } from "./context.js";

export class ChatElement extends HTMLElement {
  /** @type {(() => void)[]} */
  #endings = [];
  #isBuilt = false;

  connectedCallback() {
    if (!this.#isBuilt) this.build();
    this.#isBuilt = true;
    this.whileShown(onDraw(() => this.draw()));
    this.shown();
    this.draw();
  }

  disconnectedCallback() {
    for (const end of this.#endings.splice(0)) end();
  }

  /** @param {() => void} ending called once this element is not on the page any more */
  whileShown(ending) {
    this.#endings.push(ending);
  }

  /**
   * Listens to something outside for as long as this element is shown.
   * @param {EventTarget} target
   * @param {string} type
   * @param {(event: any) => void} listener
   */
  listen(target, type, listener) {
    target.addEventListener(type, listener);
    this.whileShown(() => target.removeEventListener(type, listener));
  }

  build() {}
  shown() {}
  draw() {}
}
