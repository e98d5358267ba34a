// Elements made by hand: text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element; `attributes` that are functions listen, those that are null are left out. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      made.addEventListener(name, value);
    } else if (value !== null) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Make a picture of one of the page's symbols. */
export function symbol(name, className) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", className);
  made.setAttribute("aria-hidden", "true");
  made.append(document.createElementNS(SVG, "use"));
  point(made, name);
  return made;
}

/** Let a picture show another symbol. */
export function point(picture, name) {
  picture.firstElementChild.setAttribute("href", `#${name}`);
}
