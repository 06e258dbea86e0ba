// SPDX-License-Identifier: Apache-2.0
// Controls, keys and print; and the start.
const MOST_PRINTED = 40;

function setUpControls() {
  for (const [i, [name]] of ORDERS.entries()) fields.order.append(make("option", { value: i }, name));
  const different = (key) =>
    [...new Set(articles.map(({ query }) => query[key]).filter((n) => n !== null))].sort((a, b) => a - b || (a < b ? -1 : a > b));
  if (fields.camera) for (const n of different("camera")) fields.camera.append(make("option", { value: n }, n));
  if (fields.person)
    document.getElementById("persons").append(...different("person").map((n) => make("option", { value: n })));
  const rankings = document.getElementById("rankings");
  data.rankings.forEach((name, i) => {
    const radio = make("input", { type: "radio", name: "ranking", value: i, checked: i === 0 });
    rankings?.append(make("label", {}, radio, make("span", {}, name)));
  });
  const scale = document.getElementById("scale");
  if (scale && cosines.length) {
    const [low, bar, high] = scale.children;
    low.textContent = `cosine ${(farthest / 1000).toFixed(2)}`;
    high.textContent = (nearest / 1000).toFixed(2);
    const stops = SCALE.map((colour) => `rgb(${colour.join(" ")})`).join(", ");
    bar.style.backgroundImage = `linear-gradient(to right, ${stops})`;
    scale.hidden = false;
  }
  form.hidden = articles.length === 0;
}

function showParts() {
  document.documentElement.classList.toggle("no-parts", fields.parts?.checked === false);
  if (look.open) showLook(looked.article, looked.place);
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", ({ target }) => {
  if (target.name === "ranking") return showRanking(+target.value);
  if (target.name === "parts") return showParts();
  if (target.name === "order") sort();
  filter();
  if (target.name === "text") markHits();
});
document.getElementById("help").addEventListener("click", () => document.getElementById("keys").showModal());
document.getElementById("clear").addEventListener("click", () => {
  for (const name of ["text", "person", "camera"]) if (fields[name]) fields[name].value = "";
  if (fields.failures) fields.failures.checked = false;
  filter();
  markHits();
  fields.text.focus();
});

function nextTile(step) {
  const tiles = [...document.activeElement.closest("article").querySelectorAll(".tile")];
  const at = tiles.indexOf(document.activeElement);
  tiles[Math.max(0, Math.min(tiles.length - 1, at + step))]?.focus();
}

const KEYS = {
  "/": () => fields.text.focus(),
  "?": () => document.getElementById("keys").showModal(),
  j: () => goTo(1),
  k: () => goTo(-1),
  r: () => data.rankings.length > 1 && showRanking((ranking + 1) % data.rankings.length),
  p: () => {
    if (!fields.parts) return;
    fields.parts.checked = !fields.parts.checked;
    showParts();
  },
};
const LIST_KEYS = {
  ArrowDown: () => goTo(1),
  ArrowUp: () => goTo(-1),
  ArrowLeft: () => nextTile(-1),
  ArrowRight: () => nextTile(1),
};
const LOOK_KEYS = { ArrowLeft: before, ArrowRight: after, p: KEYS.p };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || form.hidden) return;
  const typing = event.target.matches("input:not([type=checkbox], [type=radio]), select");
  if (typing && event.key === "Escape") event.target.blur();
  if (typing || document.getElementById("keys").open) return;
  const inList = event.target.closest?.("article") !== null;
  const act = look.open ? LOOK_KEYS[event.key] : (inList && LIST_KEYS[event.key]) || KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

addEventListener("beforeprint", () => {
  visible().forEach((article, i) => {
    if (i < MOST_PRINTED) fill(article);
    else article.element.classList.add("unprinted");
  });
  const more = visible().length - MOST_PRINTED;
  holder.dataset.more = more > 0 ? `${more} more lists are not printed; filter to choose.` : "";
});
addEventListener("afterprint", () => {
  for (const { element } of articles) element.classList.remove("unprinted");
});

// Who goes to a list sees its head below the controls, where those stay at the top.
new ResizeObserver(() => {
  const stays = getComputedStyle(form).position === "sticky";
  document.documentElement.style.scrollPaddingTop = stays ? `${form.offsetHeight + 10}px` : "";
}).observe(form);

setUpControls();
showParts();
showRanking(0);
document.documentElement.classList.add("ready");
