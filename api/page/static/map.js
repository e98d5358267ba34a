// The map: outlines that come with the project, and a mark for each node, coloured and shaped by its state.

import data, { words } from "./data.js";
import { element, point, symbol } from "./element.js";
import { around, beside, free, over, within } from "./room.js";
import { spread } from "./spread.js";

const L = window.L;
const CAPTIONED = 40; // marks that may have their value beside them, if no more are shown
const MANY = 200; // marks from which they are smaller
const NARROW = 600; // pixels
const CLOSEST = 14; // the zoom of the first view, at most
const REGION = [
  [59.85, 10.85],
  [60.1, 11.4],
]; // where there is nothing to show yet
const ORDER = ["silent", "calm", "notice", "warning", "alarm"];
const MARK = 11; // pixels from the middle of a mark to its edge
const LINE = 16; // pixels that a line of words is high
const LINES = [0, -LINE, LINE]; // how far aside the words of a mark may stand
const REACH = [0, 1, 2, 3, 4, 5].map((lines) => MARK + lines * LINE); // from a place to its name

/** Write a name on the map, beneath the marks. */
function name(text, at, className) {
  return L.marker(at, {
    interactive: false,
    keyboard: false,
    pane: "overlayPane",
    icon: L.divIcon({ className, html: element("span", {}, text), iconSize: [0, 0] }),
  });
}

/** How high its mark lies over others. */
function height(node) {
  return 1000 * ORDER.indexOf(node.severity);
}

export class TownMap {
  constructor(container, town, open) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.town = town;
    this.marks = new Map();
    this.shown = [];
    this.taken = []; // the boxes of the marks that are shown
    this.places = []; // their names
    this.regions = []; // those of the municipalities around
    this.map = L.map(container, {
      zoomControl: false,
      scrollWheelZoom: false, // until the map is what one is at: the page scrolls by the wheel too
      zoomSnap: 0.5,
      minZoom: 8,
      maxZoom: 18,
      zoomAnimation: !still,
      fadeAnimation: !still,
      markerZoomAnimation: !still,
    });
    this.map.attributionControl.setPrefix("Leaflet");
    L.control.zoom({ zoomInTitle: words("zoom_in"), zoomOutTitle: words("zoom_out") }).addTo(this.map);
    L.control.scale({ imperial: false, position: "bottomleft" }).addTo(this.map);
    this.map.on("focus", () => this.map.scrollWheelZoom.enable());
    this.map.on("blur", () => this.map.scrollWheelZoom.disable());
    this.map.on("moveend", () => this.arrange());
    for (const node of town.nodes.values()) {
      if (node.at) {
        this.marks.set(node, this.mark(node, open));
      }
    }
    town.addEventListener("change", ({ detail }) => {
      detail.forEach((node) => this.draw(node));
      this.clear();
    });
    town.addEventListener("light", ({ detail }) => this.light(detail));
  }

  /** Draw what lies beneath the marks: the outlines of municipalities, and tiles where the settings name some. */
  async ground() {
    if (data.tiles.url) {
      L.tileLayer(data.tiles.url, { attribution: data.tiles.credit }).addTo(this.map);
    }
    const outlines = await (await fetch(data.outlines)).json();
    L.geoJSON(outlines, {
      attribution: "© Kartverket, CC BY 4.0",
      filter: (feature) => !data.tiles.url || feature.properties.kind === "municipality",
      style: (feature) => ({ className: feature.properties.home ? "outline home" : "outline" }),
      interactive: false,
      pointToLayer: (feature, at) => {
        const made = name(feature.properties.name, at, "place");
        this.places.push(made);
        return made;
      },
      onEachFeature: (feature, layer) => {
        if (feature.properties.kind === "municipality" && !feature.properties.home) {
          const made = name(feature.properties.name, layer.getBounds().getCenter(), "place municipality");
          this.regions.push(made.addTo(this.map));
        }
      },
    }).addTo(this.map);
    this.clear();
  }

  /** Show the nodes of a theme, or all, and move to where they are. */
  show(theme) {
    const meant = [...this.marks.keys()].filter((node) => theme === "all" || node.theme === theme);
    this.shown.forEach((node) => this.marks.get(node).remove());
    this.shown = [];
    if (meant.length) {
      const area = L.latLngBounds(meant.map((node) => node.at));
      this.map.fitBounds(area, { padding: [42, 42], maxZoom: CLOSEST, animate: false });
    } else {
      this.map.fitBounds(REGION);
    }
    this.captioned = theme !== "all" && meant.length <= CAPTIONED;
    this.map.getContainer().classList.toggle("captioned", this.captioned);
    for (const node of meant) {
      this.marks.get(node).addTo(this.map);
      this.draw(node);
    }
    this.shown = meant;
    this.arrange();
  }

  mark(node, open) {
    const picture = symbol(`mark-${node.severity}`, `mark ${node.severity}`);
    const html = element("div", {}, picture, element("span", { class: "caption" }));
    // By keyboard the list is the way: it has the same nodes in an order.
    return L.marker(node.at, {
      icon: L.divIcon({ className: "node", html, iconSize: [28, 28] }),
      keyboard: false,
      riseOnHover: true,
      zIndexOffset: height(node),
    })
      .on("click", () => open(node))
      .bindTooltip(() => this.hint(node), { direction: "top", offset: [0, -12] });
  }

  hint(node) {
    const row = node.headline;
    return element(
      "span",
      {},
      element("b", {}, node.place),
      element("br"),
      `${row.label}: ${row.text.textContent} ${row.unit}`,
      element("br"),
      node.label,
    );
  }

  draw(node) {
    const mark = this.marks.get(node);
    const icon = mark?.getElement();
    if (!icon) {
      return;
    }
    const picture = icon.querySelector(".mark");
    if (!picture.classList.contains(node.severity)) {
      picture.setAttribute("class", `mark ${node.severity}`);
      point(picture, `mark-${node.severity}`);
      mark.setZIndexOffset(height(node));
    }
    if (this.captioned) {
      icon.querySelector(".caption").textContent = node.brief;
    }
  }

  /** Move marks apart that would hide each other. */
  arrange() {
    const places = this.shown.map((node) => this.map.latLngToLayerPoint(node.at));
    const narrow = this.map.getSize().x < NARROW;
    const dense = this.shown.length > MANY;
    this.map.getContainer().classList.toggle("dense", dense);
    const moved = spread(places, this.captioned ? 26 : dense ? 9 : narrow ? 11 : 16);
    this.taken = moved.map(([x, y], index) => around(places[index].add([x, y]), MARK));
    moved.forEach(([x, y], index) => {
      const icon = this.marks.get(this.shown[index]).getElement();
      icon.firstElementChild.style.translate = `${x}px ${y}px`;
    });
    this.clear();
  }

  /** Find room for the words beside marks, the worst first, and for names of places; what has none is left out. */
  clear() {
    const corner = this.map.containerPointToLayerPoint([0, 0]);
    const whole = [corner.x, corner.y, corner.x + this.map.getSize().x, corner.y + this.map.getSize().y];
    const taken = [...this.taken, ...(this.captioned ? this.caption(whole) : [])];
    const reach = this.captioned ? REACH.slice(0, 2) : REACH; // a crowd of marks is wider than its place
    for (const made of [...this.places, ...this.regions]) {
      const at = this.map.latLngToLayerPoint(made.getLatLng());
      const span = made.getElement()?.querySelector("span");
      if (span) {
        span.hidden = false;
        const width = span.offsetWidth;
        const boxes = this.places.includes(made) ? beside(at, width, LINE, reach) : [over(at, width, LINE)];
        const box = boxes.find((each) => within(each, whole) && free(each, taken));
        span.hidden = !box;
        if (box) {
          span.style.translate = `${box[0] - at.x}px ${box[1] - at.y}px`;
          taken.push(box);
        }
      }
    }
  }

  /** Put the words beside marks where they lie on nothing: right or left of them, or a line aside. */
  caption(whole) {
    const words = [];
    const icons = this.shown.map((node) => this.marks.get(node).getElement());
    icons.forEach((icon) => icon.classList.remove("crowded"));
    const texts = icons.map((icon) => icon.querySelector(".caption"));
    const widths = texts.map((text) => text.offsetWidth);
    const rank = (index) => ORDER.indexOf(this.shown[index].severity);
    for (const index of [...icons.keys()].sort((a, b) => rank(b) - rank(a))) {
      const [left, top, right, bottom] = this.taken[index];
      const others = [...this.taken.filter((_, other) => other !== index), ...words];
      const box = (rank(index) > ORDER.indexOf("calm") ? LINES : [0])
        .flatMap((line) => [right, left - widths[index]].map((begin) => [begin, (top + bottom - LINE) / 2 + line]))
        .map(([x, y]) => [x, y, x + widths[index], y + LINE])
        .find((each) => within(each, whole) && free(each, others));
      icons[index].classList.toggle("crowded", !box);
      if (box) {
        icons[index].classList.toggle("leftward", box[0] < left);
        texts[index].style.translate = `0 ${box[1] - (top + bottom - LINE) / 2}px`;
        words.push(box);
      }
    }
    return words;
  }

  light(names) {
    for (const [node, mark] of this.marks) {
      mark.getElement()?.classList.toggle("lit", names.has(node.name));
    }
  }
}
