// SPDX-License-Identifier: Apache-2.0
// One picture large, beside its query, with what is known of it.
const look = document.getElementById("look");
let looked = null; // the article and which of its tiles

function partsTable(parts) {
  const contributions = contributionsOf(parts);
  const widest = Math.max(...contributions.map(Math.abs), 1);
  const body = make("tbody");
  data.parts.forEach((part, i) => {
    const bar = make("i", { class: contributions[i] < 0 ? "bar negative" : "bar" });
    bar.style.width = `${(100 * Math.abs(contributions[i])) / widest}%`;
    const cosine = cosinesOf(parts)[i];
    const swatch = make("i", { class: "swatch" });
    swatch.style.backgroundColor = `rgb(${colourOf(cosine).join(" ")})`;
    const seen = seenBy(part);
    const name = seen ? [seen, " ", make("span", { class: "none" }, part[0])] : [part[0]];
    body.append(
      make(
        "tr", {},
        make("th", { scope: "row" }, ...name),
        make("td", { class: "bars" }, bar),
        make("td", {}, thousandths(contributions[i])),
        make("td", {}, swatch, thousandths(cosine)),
      ),
    );
  });
  const sum = contributions.reduce((a, b) => a + b, 0);
  const foot = make("tr", {}, make("th", { scope: "row" }, "similarity"), make("td"), make("td", {}, thousandths(sum)), make("td"));
  const heads = ["part", "contribution", "", "cosine"].map((text, i) =>
    make("th", { scope: "col", class: i === 1 ? "text" : null }, text),
  );
  return make(
    "table", { class: "parts" },
    make("thead", {}, make("tr", {}, ...heads)), body, make("tfoot", {}, foot),
  );
}

function largeFigure(tile, parts) {
  const caption = make("figcaption", {}, make("b", {}, tile.name));
  const said = about(tile, tile.verdict === "query" ? "" : rankingName());
  for (const text of said) caption.append(make("span", {}, text));
  if (tile.note) caption.append(make("span", {}, tile.note));
  if (tile.file < 0) caption.append(make("span", {}, tile.reason));
  const picture = pictureElement(tile, { parts, numbers: true });
  return make("figure", { class: `large ${tile.verdict}` }, make("span", { class: "frame" }, picture), caption);
}

function rankingName() {
  return data.rankings[ranking] === "plain" ? "Euclidean" : data.rankings[ranking];
}

function showLook(article, place) {
  const tiles = tilesOf(article.list, ranking);
  looked = { article, place };
  const tile = place < 0 ? null : tiles[place];
  const parts = tile?.parts && fields.parts?.checked ? tile.parts : null;
  const move = (step, text, word) => {
    const button = make("button", { type: "button", "aria-label": word, disabled: !has(step) }, text);
    button.addEventListener("click", () => step(), false);
    return button;
  };
  const has = (step) => (step === before ? place > -1 : place < tiles.length - 1);
  const close = make("button", { type: "button", class: "close" }, "Close");
  close.addEventListener("click", () => look.close());
  const bar = make(
    "div", { class: "bar-of-look" },
    move(before, "←", "Previous picture"), move(after, "→", "Next picture"),
    make("span", {}, tile ? `${place + 1} of ${tiles.length}` : "query"), close,
  );
  const figures = make("div", { class: "large-figures" }, largeFigure(article.query, parts));
  if (tile) figures.append(largeFigure(tile, parts));
  // Who goes on by button keeps it, as long as there is something to go on to.
  const pressed = look.open ? document.activeElement.getAttribute("aria-label") : null;
  look.replaceChildren(bar, figures);
  if (tile?.parts) look.append(partsTable(tile.parts));
  if (!look.open) look.showModal();
  const again = [...bar.querySelectorAll("button:enabled")].find((b) => b.getAttribute("aria-label") === pressed);
  (pressed && again ? again : close).focus();
}

function before() {
  if (looked.place > -1) showLook(looked.article, looked.place - 1);
}

function after() {
  if (looked.place < looked.article.list.t[ranking].length - 1) showLook(looked.article, looked.place + 1);
}

look.addEventListener("click", (event) => {
  if (event.target === look) look.close();
});
look.addEventListener("close", () => {
  const { article, place } = looked;
  const tiles = article.element.querySelectorAll(".tile");
  tiles[place + 1]?.focus();
});
holder.addEventListener("click", (event) => {
  const button = event.target.closest(".tile");
  if (!button) return;
  const article = byElement.get(button.closest("article"));
  showLook(article, [...article.element.querySelectorAll("li > .tile")].indexOf(button));
});
