// The list of images. Only the rows that are seen are in the page: there may be ten thousand.

const ROW = 84, SPARE = 4;
const pane = byId("pane"), list = byId("list");
let listed = [];
let selected = -1; // A place in `listed`.
const rows = new Map();

function showList() {
  listed = chosen();
  for (const row of rows.values()) row.remove();
  rows.clear();
  list.style.height = `${listed.length * ROW}px`;
  const isAll = listed.length === entries.length;
  byId("found").textContent = isAll
    ? counted(entries.length, "image")
    : `${whole.format(listed.length)} of ${counted(entries.length, "image")}`;
  byId("clear").hidden = !(choice.terms.length || choice.code || choice.bar);
  showRows();
}

function showRows(isAll = false) {
  const above = list.getBoundingClientRect().top - pane.getBoundingClientRect().top;
  const first = isAll ? 0 : Math.max(Math.floor(-above / ROW) - SPARE, 0);
  const after = isAll ? listed.length : Math.min(Math.ceil((pane.clientHeight - above) / ROW) + SPARE, listed.length);
  for (const [place, row] of rows) {
    if (place < first || place >= after) {
      row.remove();
      rows.delete(place);
    }
  }
  for (let place = first; place < after; place += 1) {
    if (!rows.has(place)) {
      const row = makeRow(listed[place], place);
      rows.set(place, row);
      list.append(row);
    }
  }
}

// On paper, rows stand in the order in which they were made.
function showAllRows() {
  for (const row of rows.values()) row.remove();
  rows.clear();
  showRows(true);
}

function makeRow(entry, place) {
  const picture = pictureOf(entry);
  const [folder, name] = splitKey(entry.key);
  const row = make("div", {
    class: "row", role: "option", id: `row-${place}`, "aria-selected": String(place === selected),
    "aria-posinset": place + 1, "aria-setsize": listed.length,
  },
    picture ? make("img", { src: picture, alt: "", decoding: "async" }) : make("span", { class: "nothing" }, entry.ok ? "¶" : "!"),
    make("span", { class: "name", title: entry.key },
      make("bdi", {}, ...marked(name, choice.terms)), folder && make("small", {}, make("bdi", {}, ...marked(folder, choice.terms)))),
    make("span", { class: "excerpt", dir: "auto" }, ...excerpt(entry)),
    entry.ok
      ? make("span", { class: "sure", "data-band": entry.mean === null ? null : bandOf(entry.mean) },
          entry.mean === null ? sureness(entry) : percent(entry.mean))
      : make("span", { class: "sure", "data-band": "doubtful" }, "failed"));
  row.style.top = `${place * ROW}px`;
  row.addEventListener("click", () => {
    select(place);
    openDetail();
  });
  return row;
}

// In place of a mean confidence.
function sureness(entry) {
  if (!entry.words) return "no words";
  return entry.boxed ? counted(entry.words, "word") : "no boxes";
}

function splitKey(key) {
  const at = key.lastIndexOf("/") + 1;
  return at && at < key.length ? [key.slice(0, at), key.slice(at)] : [null, key];
}

// What is around the first occurrence, so that it is seen why the image was found.
function excerpt(entry) {
  const text = (entry.ok ? entry.text : `${entry.code}: ${entry.error}`).replace(/\s+/g, " ");
  const [first] = occurrences(text, choice.terms);
  const start = first && first[0] > 30 ? first[0] - 20 : 0;
  return marked((start ? "… " : "") + text.slice(start, start + 220), choice.terms);
}

function select(place) {
  if (place < 0 || place >= listed.length) return;
  rows.get(selected)?.setAttribute("aria-selected", "false");
  selected = place;
  scrollToRow(place);
  showRows();
  rows.get(place)?.setAttribute("aria-selected", "true");
  list.setAttribute("aria-activedescendant", `row-${place}`);
  showDetail(listed[place]);
}

function scrollToRow(place) {
  const covered = document.querySelector(".controls").offsetHeight;
  const top = list.offsetTop + place * ROW;
  if (top < pane.scrollTop + covered) pane.scrollTop = place === 0 ? 0 : top - covered;
  else if (top + ROW > pane.scrollTop + pane.clientHeight) pane.scrollTop = top + ROW - pane.clientHeight;
}

function choose(changes) {
  const entry = listed[selected];
  Object.assign(choice, changes);
  selected = -1;
  showPressed();
  showList();
  // What was open stays open where it is still listed.
  const place = entry === undefined ? 0 : Math.max(listed.indexOf(entry), 0);
  if (listed.length) {
    selected = place;
    scrollToRow(place);
    showRows();
    rows.get(place)?.setAttribute("aria-selected", "true");
    list.setAttribute("aria-activedescendant", `row-${place}`);
    if (listed[place] === entry) markTerms();
    else showDetail(listed[place]);
  } else {
    showNothing();
  }
}
