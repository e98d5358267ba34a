// The page: what the server wrote is brought to life.

import "./appearance.js";
import { Card } from "./card.js";
import { Connection } from "./connection.js";
import { Live } from "./live.js";
import { TownMap } from "./map.js";
import { Sentence } from "./sentence.js";
import { Themes } from "./themes.js";
import { Town } from "./town.js";

const GROW = 5000; // milliseconds between two looks at the ages

const find = (id) => document.getElementById(id);
const list = find("list");
const town = new Town(list);
const card = new Card(find("card"));
const map = new TownMap(find("map"), town, (node) => card.open(node));
const themes = new Themes(document.querySelector(".themes"), list, map);
const sentence = new Sentence(document.querySelector(".state"), town);
const connection = new Connection(find("connection"), town);

list.addEventListener("click", (event) => {
  const node = town.nodes.get(event.target.closest(".name a")?.closest("[data-node]").dataset.node);
  if (node) {
    event.preventDefault();
    card.open(node);
  }
});

const live = new Live();
live.addEventListener("readings", ({ detail }) => {
  town.apply(detail);
  card.apply(detail);
  if (town.nodes.size) {
    sentence.soon();
  } else {
    sentence.refresh(); // they may be the first readings of all
  }
});
town.addEventListener("unlisted", () => location.reload());
live.addEventListener("pulse", ({ detail }) => connection.hear(detail));
live.addEventListener("lost", () => connection.lose());
live.start();

setInterval(() => {
  town.grow();
  card.grow();
}, GROW);
themes.show(themes.named(location.hash));
map.ground();
const named = town.nodes.get(location.hash.replace(/^#node-/, ""));
if (named) {
  card.open(named);
}
document.documentElement.dataset.ready = "";
performance.mark("interactive");
setTimeout(() => town.grow());
