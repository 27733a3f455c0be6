// The totals, the histograms and the failures by code: what is pressed there chooses images.

const read = entries.filter((entry) => entry.ok);
const failedCount = entries.length - read.length;
const unboxed = read.filter((entry) => !entry.answered);

function showTotals() {
  const words = read.reduce((sum, entry) => sum + entry.words, 0);
  const sums = read.filter((entry) => entry.mean !== null);
  const mean = sums.reduce((sum, entry) => sum + entry.mean * entry.words, 0) / sums.reduce((sum, entry) => sum + entry.words, 0);
  const total = (name, value, band = null) =>
    make("div", { "data-band": band }, make("dd", {}, value), make("dt", {}, name));
  byId("title").textContent = report.title;
  byId("totals").append(
    total("images", whole.format(entries.length)),
    total("failed", whole.format(failedCount), failedCount ? "doubtful" : null),
    total("words", whole.format(words)),
    total("mean confidence", percent(sums.length ? mean : null), sums.length ? bandOf(mean) : null),
  );
}

// A journal may keep texts without the answers that they were in.
function showNote() {
  if (!unboxed.length) return;
  const isAll = unboxed.length === read.length;
  byId("note").textContent =
    `The results keep ${isAll ? "the texts" : `the texts of ${counted(unboxed.length, "image")}`} without answers, as of a run with ` +
    "--answers none: there are no boxes and no confidences, and the words are counted in the texts.";
}

const confidenceBars = Array.from({ length: 20 }, (_, number) => ({
  label: `${number * 5} to ${number * 5 + 5} %`,
  band: bandOf(number / 20),
  holds: (entry) => entry.mean !== null && Math.min(Math.floor(entry.mean * 20), 19) === number,
}));

const edges = [0, 1, 10, 30, 100, 300, 1000, 3000, Infinity];
const wordBars = edges.slice(1).map((edge, number) => ({
  label: edge === 1 ? "no words" : edge === Infinity ? "3,000 words or more" : `${edges[number]} to ${edge - 1} words`,
  band: null,
  holds: (entry) => entry.ok && entry.words >= edges[number] && entry.words < edge,
}));

const WIDE = 200, HIGH = 44;

function histogram(name, bars, ends) {
  const counts = bars.map((bar) => entries.filter(bar.holds).length);
  const most = Math.max(...counts, 1);
  const step = WIDE / bars.length;
  const columns = bars.map((bar, number) => {
    const high = counts[number] ? Math.max((counts[number] / most) * HIGH, 2) : 0;
    const left = number * step;
    const column = draw("g", {
      role: "button", tabindex: counts[number] ? 0 : null, "aria-pressed": "false",
      "aria-label": `${bar.label}: ${counted(counts[number], "image")}`, "data-band": bar.band,
      "aria-disabled": counts[number] ? null : "true",
    },
      draw("title", {}, `${bar.label}: ${counted(counts[number], "image")}`),
      draw("rect", { class: "reach", x: left, y: 0, width: step, height: HIGH }),
      draw("rect", { class: "bar", x: left + 0.75, y: HIGH - high, width: step - 1.5, height: high, rx: 1 }),
    );
    if (counts[number]) press(column, () => choose({ bar: choice.bar === bar ? null : bar }));
    bar.column = column;
    return column;
  });
  const base = draw("line", { class: "base", x1: 0, x2: WIDE, y1: HIGH + 0.5, y2: HIGH + 0.5 });
  const plot = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH + 1}`, role: "group", "aria-label": name }, ...columns, base);
  return make("figure", {},
    make("figcaption", {}, name), plot,
    make("p", { class: "ends", "aria-hidden": "true" }, ...ends.map((end) => make("span", {}, end))));
}

function press(element, action) {
  element.addEventListener("click", action);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.stopPropagation();
      action();
    }
  });
}

function showCharts() {
  const isSaid = read.some((entry) => entry.mean !== null);
  const isSilent = read.some((entry) => entry.mean === null && entry.words); // As of ocr/v1, or without answers.
  byId("charts").append(
    ...(isSaid || !isSilent ? [histogram("Confidence", confidenceBars, ["0 %", "50 %", "100 %"])] : []),
    histogram("Words an image", wordBars, ["0", "100", "3,000+"]),
  );
}

function showCodes() {
  const counts = new Map();
  for (const { code } of entries) if (code !== null) counts.set(code, (counts.get(code) ?? 0) + 1);
  const sorted = [...counts].sort((one, other) => other[1] - one[1] || compare(one[0], other[0]));
  byId("codes").append(...sorted.map(([code, count]) =>
    make("button", {
      type: "button", "data-code": code, "aria-pressed": "false",
      onclick: () => choose({ code: choice.code === code ? null : code }),
    }, code, " ", make("b", {}, whole.format(count)))));
}

function showPressed() {
  for (const bar of [...confidenceBars, ...wordBars]) bar.column?.setAttribute("aria-pressed", String(choice.bar === bar));
  for (const button of byId("codes").children) {
    button.setAttribute("aria-pressed", String(choice.code === button.dataset.code));
  }
}
