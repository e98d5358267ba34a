// How figures are written; api/page/figures.py does the same.

import data, { words } from "./data.js";

const ZONE = "Europe/Oslo";
const clocks = new Intl.DateTimeFormat("nb-NO", { hour: "2-digit", minute: "2-digit", timeZone: ZONE });
const grouping = data.language === "nb" ? ["\u00a0", ","] : [",", "."];

/** A number with so many digits after the point. */
export function number(value, digits) {
  const [whole, part] = Math.abs(value).toFixed(digits).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, grouping[0]) + (part ? grouping[1] + part : "");
  return value < 0 && /[1-9]/.test(grouped) ? `\u2212${grouped}` : grouped;
}

export function decimals(quantity) {
  return quantity ? (data.decimals[quantity] ?? 0) : data.otherDecimals;
}

/** The value of a reading: a number, a word for a state, a direction with its name. */
export function reading(quantity, value) {
  const word = data.words[`${quantity}_${value}`];
  if (word !== undefined) {
    return word;
  }
  const text = number(value, decimals(quantity));
  return quantity === "wind_direction" ? `${text}° ${compass(value)}` : text;
}

export function unit(ucum) {
  return data.units[ucum] ?? ucum;
}

/** The unit that stands beside the value of a reading. */
export function shownUnit(quantity, ucum) {
  return quantity === "wind_direction" ? "" : unit(ucum);
}

function compass(degrees) {
  return words("compass").split(" ")[Math.round(degrees / 45) % 8];
}

/** How long ago something was. */
export function age(seconds) {
  if (seconds < 1) {
    return words("now");
  }
  for (const [key, size, upTo] of [["seconds", 1, 100], ["minutes", 60, 6000], ["hours", 3600, 172800]]) {
    if (seconds < upTo) {
      return words(key, { n: Math.floor(seconds / size) });
    }
  }
  return words("days", { n: Math.floor(seconds / 86400) });
}

/** A time of day as clocks in Norway show it. */
export function clock(time) {
  return clocks.format(time);
}

/** What a channel measures, such as "Antall kjøretøy, inn". */
export function label(channel, quantity, statistic) {
  const [, prefix, last] = /^(?:(.*)\/)?([^/]*)$/.exec(channel);
  const parts = [data.quantities[quantity]?.label ?? last];
  if (prefix) {
    parts.push(data.words[prefix] ?? prefix);
  }
  if (statistic) {
    parts.push(data.words[`statistic_${statistic}`] ?? statistic);
  }
  return parts.join(", ");
}
