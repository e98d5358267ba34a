// A line over a band, drawn by uPlot in the colours of the page.

import data from "./data.js";
import { element } from "./element.js";
import { clock, number } from "./figures.js";

const HEIGHT = 190;
const HALF_AN_HOUR = 1800;
export const STEPS = [...Array(12).keys()].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** (power - 3)));

let library = null;

/** Load what draws, once; the page needs it for its first card only. */
export function prepare() {
  library ??= new Promise((load, error) => {
    document.head.append(element("script", { src: data.charts, load, error }));
  });
  return library;
}

/** Draw hours {time, value, low, middle, high} into an element that is on the page. */
export function chart(container, hours, { digits, unit, direction }) {
  const colour = colours(container);
  const font = `12px ${getComputedStyle(container).fontFamily}`;
  const axis = { stroke: colour("muted"), font, grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
  const column = (name) => hours.map((hour) => hour[name]);
  const edge = { stroke: "transparent", points: { show: false }, pxAlign: 0 };
  const plot = new window.uPlot(
    {
      width: container.clientWidth,
      height: HEIGHT,
      padding: [10, 18, 0, 0],
      cursor: { points: { size: 7 }, drag: { x: false, y: false } },
      legend: { show: false },
      scales: { y: direction ? { range: [0, 360] } : {} },
      axes: [
        { ...axis, size: 30, space: 56, values: (_, times) => times.map((time) => clock(time * 1000)) },
        {
          ...axis,
          size: 46,
          space: 34,
          incrs: STEPS.filter((step) => step >= 10 ** -digits),
          values: (_, values, _axis, _space, step) => values.map((value) => number(value, places(step))),
        },
      ],
      series: [
        {},
        edge,
        edge,
        { stroke: colour("usual-line"), width: 1.5, dash: [3, 4], points: { show: false } },
        {
          stroke: colour("accent"),
          width: direction ? 0 : 2.25,
          points: { show: direction, size: 6, fill: colour("accent") },
        },
      ],
      bands: [{ series: [2, 1], fill: colour("usual") }],
      hooks: { setCursor: [(drawn) => tell(drawn, hours, digits, unit)] },
    },
    [
      hours.map((hour) => hour.time / 1000 + HALF_AN_HOUR),
      column("low"),
      column("high"),
      column("middle"),
      column("value"),
    ],
    container,
  );
  const bubble = document.createElement("div");
  bubble.className = "bubble";
  bubble.hidden = true;
  plot.over.append(bubble);
  new ResizeObserver(() => plot.setSize({ width: container.clientWidth, height: HEIGHT })).observe(container);
}

/** The page's colours as a canvas takes them, in the appearance of the moment. */
function colours(container) {
  const probe = document.createElement("i");
  container.append(probe);
  return (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
}

/** How many digits after the point tell the labels of an axis apart. */
export function places(step) {
  return Math.max(0, -Math.floor(Math.log10(step)));
}

function tell(plot, hours, digits, unit) {
  const bubble = plot.over.querySelector(".bubble");
  const { idx, left } = plot.cursor;
  const hour = hours[idx];
  if (!bubble || !hour || hour.value === null) {
    if (bubble) {
      bubble.hidden = true;
    }
    return;
  }
  bubble.hidden = false;
  bubble.textContent = `${clock(hour.time)}  ${number(hour.value, digits)} ${unit}`;
  bubble.classList.toggle("left", left > plot.over.clientWidth / 2);
}
