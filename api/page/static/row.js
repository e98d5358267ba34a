// One thing that a node measures, as a row of the list; of several bays or lamps, how many are taken or on.

import { words } from "./data.js";
import * as figures from "./figures.js";

const STILL = matchMedia("(prefers-reduced-motion: reduce)");
const GLOW = "color-mix(in srgb, var(--calm) 32%, transparent)";
const FLASH = [{ background: GLOW, boxShadow: `0 0 0 3px ${GLOW}` }, {}];

export class Row {
  constructor(element) {
    this.element = element;
    this.quantity = element.dataset.quantity;
    this.parts = new Map([...element.querySelectorAll("data")].map((part) => [part.dataset.stream, part]));
    this.text = element.querySelector("b");
    this.unit = element.querySelector(".value span")?.textContent ?? "";
    this.moment = element.querySelector("time");
    this.time = Date.parse(this.moment.dateTime);
    for (const part of this.parts.values()) {
      part.dataset.time ??= this.moment.dateTime;
    }
  }

  /** The stream that stands for the row in a chart. */
  get stream() {
    return this.parts.keys().next().value;
  }

  /** Show a newer reading; one that is no newer changes nothing. */
  apply(reading, now) {
    const part = this.parts.get(reading.stream);
    const time = Date.parse(reading.time);
    if (time <= Date.parse(part.dataset.time)) {
      return false;
    }
    part.value = reading.value;
    part.dataset.time = reading.time;
    if (time > this.time) {
      this.time = time;
      this.moment.dateTime = reading.time;
    }
    this.text.textContent = this.written();
    this.element.classList.add("fresh");
    if (!STILL.matches) {
      this.text.animate(FLASH, { duration: 3000, easing: "ease-out" });
    }
    this.grow(now);
    return true;
  }

  written() {
    const values = [...this.parts.values()].map((part) => Number(part.value));
    return values.length > 1
      ? words("of", { part: values.filter((value) => value === 1).length, whole: values.length })
      : figures.reading(this.quantity, values[0]);
  }

  /** Show how old it is by now. */
  grow(now) {
    const text = figures.age((now - this.time) / 1000);
    if (this.moment.textContent !== text) {
      this.moment.textContent = text;
    }
  }
}
