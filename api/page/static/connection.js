// What the page says of its own freshness.

import data, { words } from "./data.js";
import { clock } from "./figures.js";

export class Connection {
  constructor(element, town) {
    this.element = element;
    this.text = element.querySelector("span");
    this.town = town;
    this.committed = null;
    this.show("connecting", words("connecting"));
  }

  /** The stream broke off. */
  lose() {
    this.show("lost", this.since("lost", "lost_never"));
  }

  /** The stream lives; say whether what it brings is fresh. */
  hear({ time, committed, database }) {
    const quiet = committed ? (Date.parse(time) - Date.parse(committed)) / 1000 : 0;
    if (!database) {
      this.show("stale", this.since("database_away", "paused"));
    } else if (quiet > data.quietAfter) {
      this.show("stale", this.since("stale", "paused"));
    } else {
      this.show("live", words("live"));
    }
  }

  since(key, never) {
    const newest = this.town.newest;
    return newest ? words(key, { time: clock(newest) }) : words(never);
  }

  show(state, text) {
    document.documentElement.dataset.connection = state;
    this.element.dataset.state = state;
    if (this.text.textContent !== text) {
      this.text.textContent = text;
    }
  }
}
