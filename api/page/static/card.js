// The card of a node: all that it measures, a day of one of them against the usual, and ways to the data.

import data, { ask, words } from "./data.js";
import { element, symbol } from "./element.js";
import * as figures from "./figures.js";
import { drawDay } from "./day.js";
import { ways } from "./ways.js";

const MANY = 7; // rows that may stand above the chart
const ORDER = new Intl.Collator(data.language, { numeric: true });
const WIDE = matchMedia("(min-width: 60rem)");

export class Card {
  constructor(dialog) {
    this.dialog = dialog;
    dialog.addEventListener("close", () => this.left());
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !dialog.matches(":modal")) {
        this.close();
      }
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog && dialog.matches(":modal")) {
        this.close(); // outside, on what is behind
      }
    });
    document.addEventListener("appearance", () => this.node && this.choose(this.stream));
  }

  /** Show a node, with its first quantity in the chart. */
  async open(node) {
    this.abandon();
    this.node = node;
    this.dialog.replaceChildren(this.head(node));
    if (!this.dialog.open) {
      if (WIDE.matches) {
        this.dialog.show();
      } else {
        this.dialog.showModal();
      }
    }
    this.dialog.scrollTop = 0;
    this.dialog.querySelector("h2").focus();
    history.replaceState(null, "", `#node-${node.name}`);
    const { signal } = this.loading;
    try {
      const { latest } = await ask("latest", { open: true, node: node.name, limit: 1000 }, signal);
      this.latest = latest.sort((a, b) => this.rank(a) - this.rank(b) || ORDER.compare(a.channel, b.channel));
      this.dialog.append(this.box(), element("section", { class: "day" }), element("section", { class: "ways" }));
      this.choose(node.headline.stream);
    } catch (error) {
      if (error.name !== "AbortError") {
        this.dialog.append(element("p", { class: "hint" }, words("chart_failed")));
      }
    }
  }

  close() {
    this.dialog.close();
  }

  /** Show readings that have just come. */
  apply(readings) {
    for (const { stream, value, time } of readings) {
      const row = this.dialog.querySelector(`tr[data-stream="${CSS.escape(stream)}"]`);
      const moment = row?.querySelector("time");
      if (moment && Date.parse(time) > Date.parse(moment.dateTime)) {
        row.querySelector("b").textContent = figures.reading(row.dataset.quantity, value);
        moment.dateTime = time;
      }
    }
    this.grow();
  }

  grow() {
    for (const moment of this.dialog.querySelectorAll("time[datetime]")) {
      moment.textContent = figures.age((Date.now() - Date.parse(moment.dateTime)) / 1000);
    }
  }

  /** Let the chart and the ways to the data be those of a stream. */
  choose(stream) {
    this.stream = stream;
    for (const button of this.dialog.querySelectorAll("button[aria-pressed]")) {
      button.setAttribute("aria-pressed", button.closest("tr").dataset.stream === stream);
    }
    const entry = this.latest.find((each) => each.stream === stream);
    this.charting?.abort();
    this.charting = new AbortController();
    drawDay(this.dialog.querySelector(".day"), entry, this.charting.signal);
    this.dialog.querySelector(".ways").replaceChildren(...ways(entry, this.node.owner));
  }

  rank({ stream }) {
    const place = this.node.rows.findIndex((row) => row.parts.has(stream));
    return place < 0 ? this.node.rows.length : place;
  }

  head(node) {
    return element(
      "header",
      {},
      element("h2", { id: "card-title", tabindex: -1 }, symbol(`icon-${node.theme}`, "icon"), node.place),
      element("p", { class: "state-of" }, symbol(`mark-${node.severity}`, `mark ${node.severity}`), node.label),
      element("button", { class: "close", type: "button", click: () => this.close() }, words("close")),
    );
  }

  /** The readings; many of them, such as those of a car park, scroll by themselves. */
  box() {
    const many = this.latest.length > MANY;
    const label = many ? { class: "box", role: "region", "aria-label": words("list"), tabindex: 0 } : {};
    return element("div", label, this.readings());
  }

  readings() {
    return element(
      "table",
      { class: "readings" },
      element("caption", { class: "unseen" }, words("choose")),
      element(
        "thead",
        { class: "unseen" },
        element("tr", {}, ...["measured", "value", "age"].map((key) => element("th", { scope: "col" }, words(key)))),
      ),
      element("tbody", {}, ...this.latest.map((each) => this.reading(each))),
    );
  }

  reading({ stream, channel, quantity, statistic, unit, value, time }) {
    const what = figures.label(statistic ? channel.replace(/\.[^.]*$/, "") : channel, quantity, statistic);
    const age = figures.age((Date.now() - Date.parse(time)) / 1000);
    return element(
      "tr",
      { "data-stream": stream, "data-quantity": quantity ?? "" },
      element(
        "th",
        { scope: "row" },
        element("button", { type: "button", "aria-pressed": "false", click: () => this.choose(stream) }, what),
      ),
      element(
        "td",
        { class: "value" },
        element("b", {}, figures.reading(quantity, value)),
        " ",
        figures.shownUnit(quantity, unit),
      ),
      element("td", { class: "age" }, element("time", { datetime: time }, age)),
    );
  }

  abandon() {
    this.loading?.abort();
    this.charting?.abort();
    this.loading = new AbortController();
  }

  left() {
    this.abandon();
    const { node } = this;
    this.node = null;
    history.replaceState(null, "", location.pathname + location.search);
    node?.link.focus();
  }
}
