// SPDX-License-Identifier: Apache-2.0
// The page's data, and pictures made of it. Text goes into text nodes and attributes, never into
// markup: names are anybody's.
const data = JSON.parse(document.getElementById("data").textContent);
const thumbnailChunks = document.querySelectorAll("script.thumbnails");
const taken = [];
const SYMBOLS = { query: "", match: "✓", junk: "–", other: "✗", unknown: "" };
const WORDS = { query: "query", match: "match", junk: "junk", other: "non-match", unknown: "" };
const PART_NAMES = {
  fg_p1: "whole body", fg_p2: "whole body", fg_p3: "whole body",
  f0_p2: "upper half", f1_p2: "lower half",
  f0_p3: "upper third", f1_p3: "middle third", f2_p3: "lower third",
};
// From far to near; light grows steadily, so that the order is seen without the hue.
const SCALE = [[43, 29, 107], [122, 38, 133], [203, 66, 98], [247, 148, 58], [252, 238, 140]];

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function pictureOf(index) {
  const [name, person, camera, file, width, height] = data.pictures[index];
  if (file < 0) return { name, person, camera, file, reason: width };
  return { name, person, camera, file, width, height };
}

function address(file) {
  const chunk = Math.floor(file / data.chunk);
  taken[chunk] ??= thumbnailChunks[chunk].textContent.split("\n");
  return "data:image/jpeg;base64," + taken[chunk][file % data.chunk];
}

// Tiles are told apart from what is in them by position: see page_data.py.
function tileOf(row, rank) {
  const [index, verdict, distance, parts, note] = row;
  return {
    ...pictureOf(index), verdict: data.verdicts[verdict], distance, parts, note, rank,
  };
}

function tilesOf(list, ranking) {
  let rank = 0;
  return list.t[ranking].map((row) => {
    const counts = data.verdicts[row[1]] !== "junk";
    if (counts) rank += 1;
    return tileOf(row, counts ? rank : null);
  });
}

function queryOf(list) {
  const [index, note, parts] = list.q;
  return { ...pictureOf(index), verdict: "query", note, parts };
}

// ---- parts ----
const cosines = [];
for (const list of data.lists)
  for (const tiles of list.t) for (const row of tiles) if (row[3]) cosines.push(...row[3].slice(8));
cosines.sort((a, b) => a - b);
const nearest = cosines.at(-1) ?? 1000;
// The lowest hundredth would take the colours from all others.
const farthest = Math.min(cosines[Math.floor(cosines.length / 100)] ?? 0, nearest - 1);

function colourOf(cosine) {
  const place = Math.max(0, Math.min(1, (cosine - farthest) / (nearest - farthest)));
  const at = Math.min(SCALE.length - 2, Math.floor(place * (SCALE.length - 1)));
  const share = place * (SCALE.length - 1) - at;
  return SCALE[at].map((low, i) => Math.round(low + share * (SCALE[at + 1][i] - low)));
}

function isLight([r, g, b]) {
  return 0.299 * r + 0.587 * g + 0.114 * b > 140;
}

const thousandths = (n) => (n / 1000).toFixed(3);

function overlay(parts, { numbers = false } = {}) {
  const columns = { whole: make("span"), half: make("span"), third: make("span") };
  data.parts.forEach(([name, region, top, bottom], i) => {
    const colour = colourOf(parts[8 + i]);
    const band = make("i", { title: `${PART_NAMES[name]} (${name}): cosine ${thousandths(parts[8 + i])}` });
    band.style.backgroundColor = `rgb(${colour.join(" ")} / ${0.55})`;
    if (numbers) {
      band.append((parts[8 + i] / 1000).toFixed(2));
      band.style.color = isLight(colour) ? "#000" : "#fff";
      band.style.setProperty("--around", isLight(colour) ? "#fff" : "#000");
    }
    band.style.flexGrow = region === "whole" ? 1 : bottom - top;
    columns[region].append(band);
  });
  return make("span", { class: "overlay", "aria-hidden": "true" }, ...Object.values(columns));
}

function pictureElement(tile, { parts = null, numbers = false } = {}) {
  if (tile.file < 0) {
    return make("span", { class: "pic missing", title: tile.reason }, "cannot be shown");
  }
  const image = make("img", {
    src: address(tile.file), alt: "", width: tile.width, height: tile.height, decoding: "async",
  });
  const box = make("span", { class: "pic" }, image);
  box.style.aspectRatio = `${tile.width} / ${tile.height}`;
  if (tile.width > tile.height * (wide ? 1 : 0.5)) box.classList.add("broad");
  if (parts) box.append(overlay(parts, { numbers }));
  return box;
}

// Pictures of vehicles want another box than those of people.
const shapes = data.pictures.filter((row) => row[3] >= 0).map((row) => row[4] / row[5]);
shapes.sort((a, b) => a - b);
const wide = (shapes[Math.floor(shapes.length / 2)] ?? 0.5) > 0.75;
document.documentElement.classList.toggle("wide-pictures", wide);

function about(tile, ranking) {
  const said = [];
  if (tile.rank) said.push(`rank ${tile.rank}`);
  if (WORDS[tile.verdict]) said.push(WORDS[tile.verdict]);
  if (tile.person !== null) said.push(`person ${tile.person}`);
  if (tile.camera !== null) said.push(`camera ${tile.camera}`);
  if (tile.distance !== null && tile.distance !== undefined)
    said.push(`${ranking ?? ""} distance ${tile.distance}`.trim());
  return said;
}

function tileElement(tile) {
  const lines = make("span", { class: "caption" });
  const first = make("span", { class: "rank" });
  if (SYMBOLS[tile.verdict]) first.append(make("b", {}, SYMBOLS[tile.verdict]), " ");
  first.append(tile.verdict === "query" ? "query" : tile.rank === null ? "junk" : `${tile.rank}`);
  lines.append(first);
  if (tile.camera !== null) lines.append(make("span", {}, `cam ${tile.camera}`));
  if (tile.distance !== null && tile.distance !== undefined)
    lines.append(make("span", {}, tile.distance.toFixed(3)));
  if (tile.note) lines.append(make("span", { class: "note" }, tile.note));
  const label = [tile.name, ...about(tile)].join(", ");
  return make(
    "button",
    { type: "button", class: `tile ${tile.verdict}`, title: tile.name, "aria-label": label },
    make("span", { class: "frame" }, pictureElement(tile, { parts: tile.parts })),
    lines,
  );
}
