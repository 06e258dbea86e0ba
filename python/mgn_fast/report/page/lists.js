// SPDX-License-Identifier: Apache-2.0
// The lists: which are shown, in which order, and their pictures, made when they come near.
const form = document.getElementById("controls");
const holder = document.getElementById("lists");
const fields = form.elements;
let ranking = 0;

const articles = data.lists.map((list, place) => {
  const query = queryOf(list);
  const heading = make("h3", { id: `list-${place}` }, query.name);
  const facts = make("p", { class: "facts-of-list" });
  const body = make("div", { class: "tiles" });
  const element = make(
    "article", { tabindex: "-1", "aria-labelledby": heading.id, class: "list card" }, heading, facts, body,
  );
  return { list, place, query, element, facts, body, filled: false };
});
const byElement = new Map(articles.map((article) => [article.element, article]));

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) fill(byElement.get(target));
  },
  { rootMargin: "800px 0px" },
);

function fill(article) {
  if (article.filled) return;
  article.filled = true;
  watcher.unobserve(article.element);
  article.element.classList.add("filled");
  const gallery = make("ol");
  for (const tile of tilesOf(article.list, ranking)) {
    const button = tileElement(tile);
    if (isHit(tile.name)) button.classList.add("hit");
    gallery.append(make("li", {}, button));
  }
  if (!gallery.childElementCount) gallery.append(make("li", { class: "small" }, "no pictures"));
  article.body.replaceChildren(tileElement(article.query), gallery);
}

function describe(article) {
  const { list, query } = article;
  const said = [];
  if (query.person !== null) said.push(`person ${query.person}`);
  if (query.camera !== null) said.push(`camera ${query.camera}`);
  const precision = list.ap[ranking];
  const strong = precision === null || precision === undefined ? null : `average precision ${precision.toFixed(3)}`;
  const first = list.first[ranking];
  if (first) said.push(first === 1 ? "match at rank 1" : `first match at rank ${first.toLocaleString("en")}`);
  else if (data.rated) said.push("no match in the gallery: counted nowhere");
  else if (hasVerdicts && query.person !== null) said.push("no match among these");
  article.facts.replaceChildren(...(strong ? [make("b", {}, strong), " · "] : []), said.join(" · "));
}

// What is on the screen is drawn again, the rest when it comes near.
function redraw() {
  for (const article of articles) {
    describe(article);
    if (article.filled) {
      article.filled = false;
      article.element.classList.remove("filled");
      article.body.style.minHeight = `${article.body.offsetHeight}px`;
      article.body.replaceChildren();
      article.body.style.minHeight = "";
    }
    watcher.unobserve(article.element);
    watcher.observe(article.element);
  }
}

// Without average precisions nobody knows what is in the gallery beyond what is shown.
const hasVerdicts = fields.failures !== undefined;
const ORDERS = [
  ["as given", (a, b) => a.place - b.place],
  ["query's name", (a, b) => (a.query.name < b.query.name ? -1 : a.query.name > b.query.name ? 1 : 0)],
];
if (data.rated) {
  const key = (article) => article.list.ap[ranking] ?? null;
  // Without a match there is nothing to compare: last, whichever way.
  const compared = (value, sign) => (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (x - y);
  };
  ORDERS.splice(0, 1, ["hardest first", compared(key, 1)], ["easiest first", compared(key, -1)]);
  if (data.rankings.length > 1) {
    const gain = ({ list }) => (list.ap[0] === null || list.ap[1] === null ? null : list.ap[1] - list.ap[0]);
    ORDERS.push([`${data.rankings[1]} lost most`, compared(gain, 1)]);
    ORDERS.push([`${data.rankings[1]} gained most`, compared(gain, -1)]);
  }
}

function isHit(name) {
  const text = fields.text.value.trim().toLowerCase();
  return text !== "" && name.toLowerCase().includes(text);
}

function isFailure(list, query) {
  const first = list.first[ranking];
  return first === null ? !data.rated && query.person !== null : first > 1;
}

function fits({ list, query }) {
  const person = fields.person?.value.trim();
  if (person && `${query.person}` !== person) return false;
  if (fields.camera?.value && `${query.camera}` !== fields.camera.value) return false;
  if (fields.failures?.checked && !isFailure(list, query)) return false;
  if (!fields.text.value.trim()) return true;
  return isHit(query.name) || list.t[ranking].some((row) => isHit(data.pictures[row[0]][0]));
}

function sort() {
  const order = ORDERS[fields.order.value][1];
  articles.sort((a, b) => order(a, b) || a.place - b.place);
  holder.append(...articles.map((article) => article.element));
}

function filter() {
  let shown = 0;
  for (const article of articles) {
    const there = fits(article);
    article.element.hidden = !there;
    shown += there;
  }
  const total = articles.length.toLocaleString("en");
  const what = articles.length === 1 ? "list" : "lists";
  document.getElementById("count").textContent =
    shown === articles.length ? `${total} ${what}` : `${shown.toLocaleString("en")} of ${total} ${what}`;
  document.getElementById("nothing").hidden = shown > 0 || articles.length === 0;
}

function markHits() {
  for (const button of holder.querySelectorAll("li > .tile"))
    button.classList.toggle("hit", isHit(button.title));
}

// The first ones are there before anybody goes to them: in a picture of the whole page, too.
const FIRST = 10;
function fillFirst() {
  visible().slice(0, FIRST).forEach(fill);
}

function showRanking(index) {
  ranking = index;
  for (const radio of document.querySelectorAll("#rankings input")) radio.checked = +radio.value === index;
  sort();
  filter();
  redraw();
  setTimeout(fillFirst);
}

function visible() {
  return articles.filter((article) => !article.element.hidden);
}

function goTo(step) {
  const there = visible();
  const at = there.findIndex((article) => article.element.contains(document.activeElement));
  const next = there[at < 0 ? (step > 0 ? 0 : -1) : Math.max(0, Math.min(there.length - 1, at + step))];
  if (!next) return;
  fill(next);
  next.element.focus({ preventScroll: true });
  next.element.scrollIntoView({ block: "start" });
}
