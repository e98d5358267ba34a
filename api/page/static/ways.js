// The ways to the data of a stream: a file, a call to copy, and under which licence.

import data, { words } from "./data.js";
import { element } from "./element.js";

/** Return what stands in the card below the chart. */
export function ways({ stream }, owner) {
  const path = `${data.root}/api/v1/readings?stream=${encodeURIComponent(stream)}`;
  const call = `curl '${location.origin}${path}'`;
  const said = element("span", { role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(call);
      said.textContent = words("copied");
    } catch {
      said.textContent = words("copy_failed");
    }
  };
  return [
    element("h3", {}, words("get_data")),
    element("p", {}, element("a", { class: "file", href: `${path}&format=csv`, download: "" }, words("csv"))),
    element("p", { class: "label" }, words("call")),
    element(
      "div",
      { class: "call" },
      element("code", { tabindex: 0 }, call),
      element("button", { type: "button", click: copy }, words("copy")),
    ),
    said,
    element(
      "dl",
      {},
      ...(owner ? [element("dt", {}, words("owner")), element("dd", {}, owner)] : []),
      element("dt", {}, words("licence")),
      element("dd", {}, element("a", { href: data.licence.url, rel: "license" }, data.licence.name)),
      element("dt", {}, words("series")),
      element("dd", {}, element("code", {}, stream)),
    ),
  ];
}
