#include "edge/control/dashboard_page.h"

namespace perigee::control {

const std::string_view dashboard_page = R"page(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Perigee</title>
<style>
:root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #1b2733; --soft: #64748b; --line: #d8dee6;
  --one: #1d6fd1; --two: #0f9d6b; --bad: #c62f3b; --warn: #b7791f; }
@media (prefers-color-scheme: dark) { :root { --back: #11161c; --card: #1a2129; --text: #dbe4ee; --soft: #8b9bb0;
  --line: #2e3946; --one: #5aa5f5; --two: #3fcf9c; --bad: #f2727c; --warn: #e0b050; } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.45 system-ui, sans-serif; background: var(--back); color: var(--text); }
header { display: flex; gap: 1rem; align-items: baseline; padding: 1rem 1.25rem; flex-wrap: wrap; }
h1 { font-size: 1.25rem; margin: 0; }
h2 { font-size: .85rem; margin: 0 0 .5rem; color: var(--soft); font-weight: 600; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(21rem, 1fr)); padding: 0 1.25rem 1.25rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem; min-width: 0; }
.wide { grid-column: 1 / -1; }
@media (min-width: 48rem) { .double { grid-column: span 2; } }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .75rem; }
.figures b { display: block; font-size: 1.4rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.soft { color: var(--soft); } .up { color: var(--two); } .bad { color: var(--bad); } .warn { color: var(--warn); }
svg { width: 100%; display: block; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; }
th, td { text-align: left; padding: .25rem .5rem .25rem 0; border-top: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; border: 0; }
td { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
</style>
</head>
<body>
<header><h1>Perigee</h1><span id="node" class="soft"></span><span id="state" role="status"></span></header>
<main>
<section class="wide"><h2>This node</h2><div class="figures" id="figures"></div></section>
<section><h2>Requests a second</h2><svg id="rate" viewBox="0 0 300 90" role="img" aria-label="Requests a second over time"></svg></section>
<section><h2>Hit ratio</h2><svg id="ratio" viewBox="0 0 300 90" role="img" aria-label="Hit ratio over time"></svg></section>
<section><h2>Regions</h2><svg id="map" viewBox="0 0 360 180" role="img" aria-label="Map of the regions"></svg></section>
<section><h2>Nodes</h2><table id="nodes"></table></section>
<section class="double"><h2>Upstreams</h2><table id="upstreams"></table></section>
<section class="wide"><h2>Top URLs</h2><table id="urls"></table></section>
<section class="wide"><h2>Events</h2><table id="events"></table></section>
</main>
<script>
"use strict";
const element = id => document.getElementById(id);
const history = { rate: [], ratio: [] };
let last = null, lastAt = 0;
const tag = (name, attributes, ...children) => {
  const svg = ["path", "circle", "line", "text"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children.map(child => child instanceof Node ? child : String(child ?? "-")));
  return node;
};
async function get(path) {
  const token = sessionStorage.getItem("token");
  const answer = await fetch(path, { headers: token ? { authorization: "Bearer " + token } : {}, cache: "no-store" });
  if (answer.status === 401) {
    const given = prompt("Admin token");
    if (given === null) throw new Error("a token is needed");
    sessionStorage.setItem("token", given);
    return get(path);
  }
  if (!answer.ok) throw new Error(path + ": " + answer.status);
  return answer.json();
}
const bytes = value => {
  const sign = value < 0 ? "-" : ""; let size = Math.abs(value), unit = 0;
  while (size >= 1024 && unit < 4) { size /= 1024; ++unit; }
  return sign + size.toFixed(unit ? 1 : 0) + " " + ["B", "KiB", "MiB", "GiB", "TiB"][unit];
};
function chart(id, values, most, colour) {
  const top = most || Math.max(1, ...values.filter(value => value !== null));
  const points = values.map((value, i) => value === null ? null : [300 - (values.length - 1 - i) * 2.5, 80 - 66 * value / top]);
  let path = "", pen = "M";
  for (const point of points) { if (point) { path += pen + point[0].toFixed(1) + " " + point[1].toFixed(1); pen = "L"; } else pen = "M"; }
  const now = values.at(-1);
  element(id).replaceChildren(
    tag("line", { x1: 0, x2: 300, y1: 80, y2: 80, stroke: "var(--line)" }),
    tag("path", { d: path, fill: "none", stroke: colour, "stroke-width": 1.6 }),
    tag("text", { x: 2, y: 9, "font-size": 9, fill: "var(--soft)" }, most ? most : top.toFixed(0)),
    tag("text", { x: 298, y: 9, "font-size": 9, "text-anchor": "end", fill: "var(--text)" },
      now === null ? "-" : most ? now.toFixed(3) : now.toFixed(0)));
}
function remember(list, value) { list.push(value); if (list.length > 120) list.shift(); }
function showStatus(status) {
  const at = performance.now();
  element("node").textContent = status.node + (status.region ? " in " + status.region : "") + ", " + status.version;
  element("state").textContent = status.draining ? "draining" : status.ready ? "ready" : "not ready";
  element("state").className = status.draining ? "warn" : status.ready ? "up" : "bad";
  if (last) {
    const requests = status.requests - last.requests, hits = status.hits - last.hits;
    remember(history.rate, 1000 * requests / (at - lastAt));
    remember(history.ratio, requests > 0 ? Math.min(1, hits / requests) : null);
    chart("rate", history.rate, 0, "var(--one)");
    chart("ratio", history.ratio, 1, "var(--two)");
  }
  last = status; lastAt = at;
  const figures = { "requests": status.requests, "hit ratio": status.hit_ratio === null ? "-" : status.hit_ratio.toFixed(3),
    "origin bytes saved": bytes(status.origin_bytes_saved), "store": bytes(status.store_bytes),
    "stored responses": status.store_responses, "connections": status.connections_open,
    "peers up": status.peers_up + " of " + status.peers, "configuration": status.config_id };
  element("figures").replaceChildren(...Object.entries(figures).map(([name, value]) =>
    tag("div", {}, tag("b", {}, value), tag("span", { class: "soft" }, name))));
}
const row = (cell, values) => tag("tr", {}, ...values.map(value => tag(cell, {}, value)));
const good = node => node.state === "up";
const states = { up: "up", recovering: "warn", trial: "warn", draining: "warn" };
const stateOf = node => tag("span", { class: states[node.state] || "bad" }, node.state);
const probe = one => (one.probe_us > 0 ? (one.probe_us / 1000).toFixed(1) + " ms" : "-") +
  (one.probes_failed ? ", " + one.probes_failed + " failed" : "");
function showTopology(topology) {
  element("nodes").replaceChildren(row("th", ["node", "region", "weight", "state", "client"]),
    ...topology.nodes.map(node => row("td", [node.name, node.region, node.weight,
      stateOf(node), node.client])));
  const marks = [];
  for (let x = 0; x <= 360; x += 60) marks.push(tag("line", { x1: x, x2: x, y1: 0, y2: 180, stroke: "var(--line)" }));
  for (let y = 0; y <= 180; y += 30) marks.push(tag("line", { x1: 0, x2: 360, y1: y, y2: y, stroke: "var(--line)" }));
  for (const region of topology.regions || []) {
    const [latitude, longitude] = region.location.split(",").map(Number);
    if (!region.location || Number.isNaN(longitude)) continue;
    const nodes = topology.nodes.filter(node => node.region === region.name), up = nodes.filter(good).length;
    const colour = up === nodes.length ? "var(--two)" : up ? "var(--warn)" : "var(--bad)";
    marks.push(tag("circle", { cx: longitude + 180, cy: 90 - latitude, r: 6, fill: colour }),
      tag("text", { x: longitude + 189, y: 94 - latitude, "font-size": 11, fill: "var(--text)" }, region.name + " " + up + "/" + nodes.length));
  }
  element("map").replaceChildren(...marks);
}
function showUpstreams(topology) {
  const origins = topology.origins.map(one => [one.server, "origin " + one.origin, stateOf(one), one.requests, one.failed,
    one.failed_recently + " of " + one.ended_recently, "opened " + one.opened + ", refused " + one.refused,
    probe(one)]);
  const peers = topology.nodes.filter(node => node.seen).map(node => [node.name, "node in " + node.region, stateOf(node),
    node.seen.requests, node.seen.failed, "-", "-", probe(node.seen)]);
  element("upstreams").replaceChildren(
    row("th", ["upstream", "what", "state", "requests", "failed", "of these in 10 s", "breaker", "probe"]),
    ...[...origins, ...peers].map(values => row("td", values)));
}
function showUrls(top) {
  const rate = history.rate.at(-1);
  const rows = top.urls.slice(0, 10).map(one => [one.url + (one.cut ? "..." : ""), (100 * one.share).toFixed(1) + " %",
    rate === undefined ? "-" : (rate * one.share).toFixed(1)]);
  element("urls").replaceChildren(row("th", ["URL", "share", "requests/s"]),
    ...(rows.length ? rows : [["nothing was asked for lately", "-", "-"]]).map(values => row("td", values)));
}
function showEvents(purges, reloads) {
  const events = [];
  for (const one of purges.purges) {
    const what = one.commands.map(command => [command.scope, command.subject, command.site && "of " + command.site,
      command.soft && "(soft)"].filter(Boolean).join(" ")).join(", ") +
      (one.commands_more ? ", and " + one.commands_more + " more" : "");
    const nodes = one.ok ? one.outcome.nodes.map(node => node.node + " " + node.state).join(", ") : one.outcome ? one.outcome.message : "under way";
    events.push([one.at, "purge", what, nodes, one.ok]);
  }
  for (const one of reloads.reloads) {
    events.push([one.at, "configuration " + one.id, one.changes.map(change => change.key).join(", ") || "-",
      one.applied ? "applied" : one.errors.map(error => error.message).join("; "), one.applied]);
  }
  events.sort((a, b) => a[0] < b[0] ? 1 : -1);
  element("events").replaceChildren(tag("tr", {}, ...["at", "event", "what", "outcome"].map(name => tag("th", {}, name))),
    ...events.slice(0, 50).map(event => tag("tr", {}, ...event.slice(0, 3).map(cell => tag("td", {}, cell)),
      tag("td", { class: event[4] ? "" : "bad" }, event[3]))));
}
async function look() {
  try {
    const pages = ["status", "topology", "urls", "purges", "reloads"];
    const [status, topology, urls, purges, reloads] = await Promise.all(pages.map(get));
    showStatus(status); showTopology(topology); showUpstreams(topology); showUrls(urls); showEvents(purges, reloads);
  } catch (error) {
    element("state").textContent = error.message;
    element("state").className = "bad";
  }
}
look();
setInterval(look, 2000);
</script>
</body>
</html>
)page";

}  // namespace perigee::control
