// The sentence: fetched anew as readings come in, and tied to the nodes that it tells of.

import data from "./data.js";

const SOON = 5000; // milliseconds between a reading and the sentence that may know it
const AT_LEAST = 60000;

/** Where a link leads, but for the times of its readings, which move on; empty for what is no link. */
function address(link) {
  return (link.getAttribute("href") ?? "").replace(/=\d{4}-[^&]*/g, "");
}

export class Sentence {
  constructor(element, town) {
    this.element = element;
    this.town = town;
    this.timer = null;
    for (const [begin, end] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
      element.addEventListener(begin, (event) => this.point(event.target.closest(".clause")));
      element.addEventListener(end, () => this.point(null));
    }
    element.addEventListener("click", (event) => {
      if (event.target.closest(".clause")) {
        element.querySelector("details").open = true;
      }
    });
    setInterval(() => this.refresh(), AT_LEAST);
    document.addEventListener("visibilitychange", () => this.refresh()); // nothing was fetched while hidden
  }

  /** Fetch it soon, once for all who ask meanwhile. */
  soon() {
    this.timer ??= setTimeout(() => this.refresh(), SOON);
  }

  async refresh() {
    clearTimeout(this.timer);
    this.timer = null;
    if (document.hidden) {
      return;
    }
    try {
      const answer = await fetch(`${data.root}/now?language=${data.language}`);
      if (answer.ok) {
        this.show(await answer.text());
      }
    } catch {
      // The connection's own notice tells it.
    }
  }

  show(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("now");
    const old = this.element.querySelector("#now");
    const focused = old.contains(document.activeElement) ? address(document.activeElement) : null;
    fresh.querySelector("details").open = old.querySelector("details").open;
    old.replaceWith(fresh);
    if (focused !== null) {
      const same = [...fresh.querySelectorAll("a")].find((link) => address(link) === focused);
      (same ?? fresh.querySelector("summary")).focus({ preventScroll: true });
    }
    this.town.become(JSON.parse(fresh.querySelector("#states").textContent));
  }

  point(clause) {
    this.town.light(clause?.dataset.nodes.split(" ").filter(Boolean) ?? []);
  }
}
