// Which theme is shown, in the list and on the map; the address remembers it.

export class Themes {
  constructor(nav, list, map) {
    this.links = [...nav.querySelectorAll("a")];
    this.sections = [...list.querySelectorAll("section.theme")];
    this.map = map;
    for (const link of this.links) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        // Not the link's own hash, to which the browser would scroll at the next load.
        history.replaceState(null, "", `#/${link.dataset.theme}`);
        this.show(link.dataset.theme);
      });
    }
  }

  /** Show a theme, or "all". */
  show(theme) {
    this.shown = theme;
    for (const link of this.links) {
      if (link.dataset.theme === theme) {
        link.setAttribute("aria-current", "true");
        link.scrollIntoView({ block: "nearest", inline: "center" });
      } else {
        link.removeAttribute("aria-current");
      }
    }
    for (const section of this.sections) {
      section.hidden = theme !== "all" && section.dataset.theme !== theme;
    }
    this.map.show(theme);
  }

  /** The theme that an address names, "all" where it names none. */
  named(hash) {
    const named = (link) => hash === link.hash || hash === `#/${link.dataset.theme}`;
    return this.links.find(named)?.dataset.theme ?? "all";
  }
}
