// Building nodes. The rule: what a user typed becomes text nodes and attribute values, never markup; there is no way to make
// markup from a string here, and the page's policy allows none elsewhere.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes */

/**
 * Makes an element. An attribute whose name begins with `on` is a listener; `false`, `null` and `undefined` leave one out.
 * @template {string} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...(Child | Child[])} children
 * @returns {K extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[K] : HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else set(element, name, value);
  }
  element.append(...nodes(children));
  return /** @type {any} */ (element);
}

/**
 * Sets or removes an attribute, if that changes anything.
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function set(element, name, value) {
  if (value === false || value === null || value === undefined) return element.removeAttribute(name);
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * Shows this text and nothing else, if it is not shown already.
 * @param {Element} element
 * @param {string | number} text
 */
export function say(element, text) {
  const wanted = String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

/**
 * Shows these children and nothing else.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * Makes the children of an element those of a list, and keeps the ones that stay: their focus, their place, their state.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => Element} create
 * @param {(element: any, item: T) => void} update
 */
export function reconcile(parent, items, key, create, update) {
  /** @type {Map<string, Element>} */
  const there = new Map();
  for (const child of parent.children) there.set(child.getAttribute("data-key") ?? "", child);
  let next = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let element = there.get(name);
    if (element) {
      there.delete(name);
    } else {
      element = create(item);
      element.setAttribute("data-key", name);
    }
    update(element, item);
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
  for (const gone of there.values()) gone.remove();
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function nodes(children) {
  return children.flat().flatMap((child) => {
    if (child === null || child === undefined || child === false) return [];
    return [child instanceof Node ? child : String(child)];
  });
}
