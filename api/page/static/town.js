// The town's nodes, read from the list that the server wrote, and kept up to date.

import { words } from "./data.js";
import { point } from "./element.js";
import { Row } from "./row.js";

const PLAIN = new Set(["calm", "notice", "warning", "alarm"].map((severity) => words(severity)));

/** A node, which is a group of rows in the list. */
class Node {
  constructor(element) {
    this.element = element;
    this.name = element.dataset.node;
    this.theme = element.closest("[data-theme]").dataset.theme;
    this.owner = element.dataset.owner;
    this.at = element.dataset.at?.split(" ").map(Number) ?? null;
    this.link = element.querySelector(".name a");
    this.place = this.link.textContent;
    this.rows = [...element.querySelectorAll("[data-quantity]")].map((row) => new Row(row));
    this.mark = element.querySelector(".mark");
    this.caption = element.querySelector(".state-of span");
  }

  get severity() {
    return this.element.dataset.severity;
  }

  get stream() {
    return this.element.dataset.stream;
  }

  get label() {
    return this.caption.textContent;
  }

  /** The row that the state rests on. */
  get headline() {
    return this.rows.find((row) => row.parts.has(this.element.dataset.stream)) ?? this.rows[0];
  }

  /** A few words for the map: the state where it has words of its own, else the value. */
  get brief() {
    const { text, unit } = this.headline;
    return PLAIN.has(this.label) ? `${text.textContent} ${unit}` : this.label;
  }

  become(severity, label, stream) {
    this.element.dataset.stream = stream;
    if (severity !== this.severity) {
      this.element.dataset.severity = severity;
      this.mark.setAttribute("class", `mark ${severity}`);
      point(this.mark, `mark-${severity}`);
    }
    if (label !== this.label) {
      this.caption.textContent = label;
    }
  }
}

/**
 * All nodes; tells "change" with the nodes that changed, "light" with those that are meant, and "unlisted" when the
 * summary knows more nodes than the page, which measured for the first time after it was made.
 */
export class Town extends EventTarget {
  constructor(list) {
    super();
    this.nodes = new Map();
    this.rows = new Map();
    for (const element of list.querySelectorAll("[data-node]")) {
      const node = new Node(element);
      this.nodes.set(node.name, node);
      for (const row of node.rows) {
        for (const stream of row.parts.keys()) {
          this.rows.set(stream, { row, node });
        }
      }
    }
  }

  /** Show readings; those of streams that the page doesn't list are left to its next load. */
  apply(readings) {
    const changed = new Set();
    const now = Date.now();
    for (const reading of readings) {
      const known = this.rows.get(reading.stream);
      if (known?.row.apply(reading, now)) {
        changed.add(known.node);
      }
    }
    if (changed.size) {
      this.tell("change", changed);
    }
  }

  /** Show what the summary says of the nodes: by name, [severity, label, stream]. */
  become(states) {
    if (Object.keys(states).some((name) => !this.nodes.has(name))) {
      this.tell("unlisted");
      return;
    }
    const changed = new Set();
    for (const [name, [severity, label, stream]] of Object.entries(states)) {
      const node = this.nodes.get(name);
      if (node.severity !== severity || node.label !== label || node.stream !== stream) {
        node.become(severity, label, stream);
        changed.add(node);
      }
    }
    if (changed.size) {
      this.tell("change", changed);
    }
  }

  /** Point at nodes, by name. */
  light(names) {
    this.tell("light", new Set(names));
  }

  /** Let everything that can be seen grow older. */
  grow() {
    const now = Date.now();
    for (const node of this.nodes.values()) {
      if (!node.element.closest("[hidden]")) {
        node.rows.forEach((row) => row.grow(now));
      }
    }
  }

  /** The time of the newest reading shown, in milliseconds since 1970; null where there is none. */
  get newest() {
    let newest = null;
    for (const { row } of this.rows.values()) {
      newest = Math.max(newest, row.time);
    }
    return newest;
  }

  tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
