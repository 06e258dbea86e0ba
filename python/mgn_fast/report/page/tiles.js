// SPDX-License-Identifier: Apache-2.0
// The page's data, and pictures made of it. Text goes into text nodes and attributes, never into
// markup: names are anybody's.
const data = JSON.parse(document.getElementById("data").textContent);
const thumbnailChunks = document.querySelectorAll("script.thumbnails");
const taken = [];
const SYMBOLS = { query: "", match: "✓", junk: "–", other: "✗", unknown: "" };
const WORDS = { query: "query", match: "match", junk: "junk", other: "non-match", unknown: "" };
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

// Tiles are told apart from what is in them by position: see script_data.py.
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
// Contributions come first, then as many cosines.
function contributionsOf(parts) {
  return parts.slice(0, data.parts.length);
}

function cosinesOf(parts) {
  return parts.slice(data.parts.length);
}

// What a part sees, in words; nothing where nobody says it.
function seenBy([, region, top, bottom]) {
  if (region === "unknown") return "";
  if (region === "whole") return "whole body";
  return `${top === 0 ? "upper" : bottom === 1 ? "lower" : "middle"} ${region}`;
}

function told(part, cosine) {
  const seen = seenBy(part);
  return `${seen ? `${seen} (${part[0]})` : part[0]}: cosine ${thousandths(cosine)}`;
}

const cosines = [];
for (const list of data.lists)
  for (const tiles of list.t) for (const row of tiles) if (row[3]) cosines.push(...cosinesOf(row[3]));
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

// A column for each size of stripe, each stripe where it lies; null where nobody says of any.
function overlay(parts, { numbers = false } = {}) {
  const columns = new Map();
  for (const region of ["whole", "half", "third"])
    if (data.parts.some((part) => part[1] === region)) columns.set(region, make("span", { class: region }));
  data.parts.forEach((part, i) => {
    const [, region, top, bottom] = part;
    if (!columns.has(region)) return;
    const cosine = cosinesOf(parts)[i];
    const colour = colourOf(cosine);
    const band = make("i", { title: told(part, cosine) });
    band.style.backgroundColor = `rgb(${colour.join(" ")} / ${0.55})`;
    if (numbers) {
      band.append((cosine / 1000).toFixed(2));
      band.style.color = isLight(colour) ? "#000" : "#fff";
      band.style.setProperty("--around", isLight(colour) ? "#fff" : "#000");
    }
    if (region !== "whole") {
      band.style.top = `${100 * top}%`;
      band.style.bottom = `${100 * (1 - bottom)}%`;
    }
    columns.get(region).append(band);
  });
  if (!columns.size) return null;
  return make("span", { class: "overlay", "aria-hidden": "true" }, ...columns.values());
}

// Parts of which nobody says what they see: squares below the picture; null where there are none.
function squares(parts) {
  const drawn = [];
  data.parts.forEach((part, i) => {
    if (part[1] !== "unknown") return;
    const square = make("i", { title: told(part, cosinesOf(parts)[i]) });
    square.style.backgroundColor = `rgb(${colourOf(cosinesOf(parts)[i]).join(" ")})`;
    drawn.push(square);
  });
  return drawn.length ? make("span", { class: "squares", "aria-hidden": "true" }, ...drawn) : null;
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
  const over = parts && overlay(parts, { numbers });
  if (over) box.append(over);
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

// As kit/words.py has it: without folders, but for one where there is room.
function shortName(name) {
  const parts = name.split("/");
  const withFolder = parts.slice(-2).join("/");
  return withFolder.length <= 28 ? withFolder : parts.at(-1);
}

function tileElement(tile) {
  const lines = make("span", { class: "caption" }, tile.parts ? squares(tile.parts) : null);
  const first = make("span", { class: "rank" });
  if (SYMBOLS[tile.verdict]) first.append(make("b", {}, SYMBOLS[tile.verdict]), " ");
  first.append(tile.verdict === "query" ? "query" : tile.rank === null ? "junk" : `${tile.rank}`);
  lines.append(first);
  if (tile.camera !== null) lines.append(make("span", {}, `cam ${tile.camera}`));
  if (tile.distance !== null && tile.distance !== undefined)
    lines.append(make("span", {}, tile.distance.toFixed(3)));
  if (data.names && tile.verdict !== "query") {
    if (tile.person !== null) lines.append(make("span", { class: "person" }, `person ${tile.person}`));
    lines.append(make("span", { class: "name" }, shortName(tile.name)));
  }
  if (tile.note) lines.append(make("span", { class: "note" }, tile.note));
  const label = [tile.name, ...about(tile)].join(", ");
  return make(
    "button",
    { type: "button", class: `tile ${tile.verdict}`, title: tile.name, "aria-label": label },
    make("span", { class: "frame" }, pictureElement(tile, { parts: tile.parts })),
    lines,
  );
}
