// The last 24 hours of a stream by the hour, against what is usual: in a chart, in a sentence and as a table.

import data, { ask, words } from "./data.js";
import { element } from "./element.js";
import * as figures from "./figures.js";
import { chart, prepare } from "./chart.js";

const HOUR = 3600000;
const STATISTICS = {
  linear: "mean",
  energetic: "mean",
  circular: "mean",
  total: "sum",
  counter: "increase",
  state: "share",
};
const OF_WHOLE_HOURS = new Set(["sum", "increase"]); // what an hour that still runs says too little of

/** Fill a section with the day of a stream, an entry of /latest. */
export async function drawDay(section, entry, signal) {
  const title = element("h3", {}, words("chart"));
  try {
    const [day] = await Promise.all([load(entry, signal), prepare()]);
    section.replaceChildren(title, ...pictured(entry, day));
  } catch (error) {
    if (error.name !== "AbortError") {
      section.replaceChildren(title, element("p", { class: "hint" }, words("chart_failed")));
    }
  }
}

async function load({ stream, quantity }, signal) {
  const kind = data.quantities[quantity]?.kind ?? "linear";
  const statistic = STATISTICS[kind];
  const start = new Date(Math.floor(Date.now() / HOUR) * HOUR - 24 * HOUR).toISOString();
  const [series, usual] = await Promise.all([
    ask("series", { stream, start, every: "1h", agg: `${statistic},coverage` }, signal),
    ask("usual", { stream }, signal).catch((error) => {
      if (error.status === 422) {
        return null;
      }
      throw error;
    }),
  ]);
  const [{ values }] = series.streams;
  const partial = new Set(series.partial);
  const scale = statistic === "share" ? 100 : 1;
  const usualHours = new Map((usual?.hours ?? []).map((hour) => [Date.parse(hour.start), hour]));
  const hours = series.time.map((time, index) => {
    const value = values[statistic][index];
    const hidden = value === null || (partial.has(index) && OF_WHOLE_HOURS.has(statistic));
    const hour = usualHours.get(Date.parse(time));
    const usually = (name) => (hour?.[name] == null ? null : hour[name] * scale);
    return {
      time: Date.parse(time),
      value: hidden ? null : value * scale,
      low: usually("p10"),
      middle: usually("p50"),
      high: usually("p90"),
      coverage: partial.has(index) ? null : values.coverage[index],
    };
  });
  const bases = new Set((usual?.hours ?? []).map((hour) => hour.basis).filter(Boolean));
  return { hours, statistic, bases, hasUsual: usual !== null };
}

function pictured(entry, day) {
  const { hours } = day;
  const values = hours.map((hour) => hour.value).filter((value) => value !== null);
  if (!values.length) {
    return [element("p", { class: "hint" }, words("chart_empty")), coverage(hours)];
  }
  const share = day.statistic === "share";
  const unit = share ? "%" : figures.unit(entry.unit);
  const digits = share ? 0 : figures.decimals(entry.quantity);
  const write = (value) => [figures.number(value, digits), unit].filter(Boolean).join(" ");
  const label = `${figures.label(entry.channel, entry.quantity, "")}, ${words(`by_hour_${day.statistic}`)}`;
  const last = hours.at(-1);
  const says = [
    words("chart_summary", {
      low: write(Math.min(...values)),
      high: write(Math.max(...values)),
      last: write(values.at(-1)),
    }),
  ];
  if (last.low !== null) {
    says.push(words("chart_usual_now", { low: write(last.low), high: write(last.high) }));
  }
  const picture = element("div", { class: "plot", role: "img", "aria-label": `${label}. ${says.join(" ")}` });
  const legend = element("p", { class: "key" }, element("span", { class: "line" }), words("this_day"));
  if (day.bases.size) {
    legend.append(element("span", { class: "band" }), words("usual"));
  }
  requestAnimationFrame(() => chart(picture, hours, { digits, unit, direction: entry.quantity === "wind_direction" }));
  return [
    element("p", { class: "label" }, unit ? `${label} (${unit})` : label),
    picture,
    legend,
    element("p", {}, says.join(" ")),
    element("p", { class: "note" }, words(basis(day))),
    coverage(hours),
    table(hours, write),
  ];
}

function basis({ bases, hasUsual }) {
  if (!hasUsual) {
    return "usual_direction";
  }
  return bases.has("weekday") ? "usual_range" : bases.has("day") ? "usual_day" : "usual_none";
}

function coverage(hours) {
  const known = hours.map((hour) => hour.coverage).filter((value) => value !== null);
  const mean = known.reduce((sum, value) => sum + Math.min(value, 1), 0) / known.length;
  const text = known.length
    ? words("coverage_text", { percent: figures.number(100 * mean, 0) })
    : words("coverage_unknown");
  return element("p", { class: "coverage" }, element("b", {}, words("coverage")), `: ${text}.`);
}

function table(hours, write) {
  const cell = (value) => element("td", {}, value === null ? "–" : write(value));
  const rows = hours.map((hour) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, figures.clock(hour.time)),
      cell(hour.value),
      element("td", {}, hour.low === null ? "–" : `${write(hour.low)} – ${write(hour.high)}`),
    ),
  );
  const head = ["hour", "value", "usual"].map((key) => element("th", { scope: "col" }, words(key)));
  return element(
    "details",
    {},
    element("summary", {}, words("chart_table")),
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)),
  );
}
