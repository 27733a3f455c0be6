// The image that is open: its picture under its boxes, and its text. A word and its box lead to each other.

const detail = byId("detail");
// On blank paper; each takes a browser ten times as long as a box.
const MOST_WRITTEN = 3000;
const LEVELS = ["words", "lines", "blocks", "none"];
const opened = { entry: null, words: [], spans: [], shapes: [], word: -1, level: "words", isLarge: false };

function showDetail(entry) {
  const layout = layoutOf(entry);
  Object.assign(opened, { entry, words: [], spans: [], shapes: [], word: -1 });
  const text = entry.ok || entry.text ? makeText(entry, layout) : null;
  detail.replaceChildren(
    makeHead(entry),
    make("div", { class: "sheet" }, makePicture(entry, layout),
      make("section", { class: "reading", "aria-label": "Text", tabindex: 0 }, entry.error === null ? null : makeError(entry), text)));
  detail.scrollTop = 0;
  showLevel(opened.level);
  showLarge(opened.isLarge);
  markTerms();
  history.replaceState(null, "", `#${entry.number + 1}`);
}

function showNothing() {
  Object.assign(opened, { entry: null, words: [], spans: [], shapes: [], word: -1 });
  detail.replaceChildren(make("p", { class: "plain" }, entries.length ? "No image has this." : "This report has no images."));
}

function makeHead(entry) {
  const [folder, name] = splitKey(entry.key);
  const step = (label, sign, by) =>
    make("button", { type: "button", "aria-label": label, title: label, onclick: () => select(selected + by) }, sign);
  const level = (name) => make("button", { type: "button", "data-level": name, onclick: () => showLevel(name) }, name);
  return make("header", { class: "head" },
    make("button", { type: "button", class: "back", onclick: closeDetail }, "← All images"),
    make("h2", {}, folder && make("small", {}, make("bdi", {}, folder)), make("bdi", {}, name)),
    make("p", { class: "facts" }, ...entry.facts.map((fact) => make("span", {}, make("bdi", {}, fact)))),
    make("div", { class: "tools" },
      make("div", { class: "levels", role: "group", "aria-label": "Boxes" }, ...LEVELS.map(level)),
      make("button", { type: "button", id: "larger", "aria-pressed": "false", onclick: () => showLarge(!opened.isLarge) }, "larger"),
      make("span", { class: "steps" }, step("Previous image", "↑", -1), step("Next image", "↓", 1),
        make("button", { type: "button", "aria-label": "Keys", title: "Keys", onclick: () => byId("help").showModal() }, "?"))));
}

function makeError(entry) {
  return make("div", { class: "error", role: "note" },
    make("strong", {}, entry.code), make("p", { dir: "auto" }, entry.error));
}

function makePicture(entry, [wide, high, areas]) {
  const picture = pictureOf(entry);
  if (!picture && !wide) return make("figure", { class: "picture empty" }, make("figcaption", {}, whyMissing(entry)));
  const size = picture && !wide ? [1000, 1000] : [wide, high];
  const groups = { words: draw("g", { class: "words" }), lines: draw("g", { class: "lines" }), blocks: draw("g", { class: "blocks" }) };
  let number = 0;
  for (const [box, confidence, lines] of areas) {
    groups.blocks.append(shape(box, confidence));
    for (const [lineBox, lineConfidence, , words] of lines) {
      groups.lines.append(shape(lineBox, lineConfidence));
      for (const [text, wordConfidence, wordBox] of words) {
        const drawn = shape(wordBox, wordConfidence, number);
        opened.shapes.push(drawn);
        groups.words.append(drawn);
        if (!picture && number < MOST_WRITTEN) groups.words.append(writeWord(text, wordBox));
        number += 1;
      }
    }
  }
  const svg = draw("svg", {
    viewBox: `0 0 ${size[0]} ${size[1]}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `The boxes of ${counted(number, "word")} over the picture`,
  }, groups.blocks, groups.lines, groups.words);
  svg.addEventListener("click", (event) => pick(event.target));
  const paper = make("div", { class: picture ? "paper" : "paper blank" },
    picture ? make("img", { src: picture, alt: `The picture ${entry.key}` }) : null, svg);
  const view = make("div", { class: "view", tabindex: 0 }, paper);
  if (wide) paper.style.aspectRatio = `${wide} / ${high}`;
  if (wide) view.style.setProperty("--ratio", wide / high);
  return make("figure", { class: "picture" }, view,
    opened.shapes.length ? make("p", { class: "word", id: "word", "aria-live": "polite" }) : null,
    entry.why === null ? null : make("figcaption", {}, whyMissing(entry)));
}

const whyMissing = (entry) => (entry.why === null ? "" : `The picture is not here: ${entry.why}.`);

function shape(box, confidence, number = null) {
  const properties = { "data-band": bandOf(confidence), "data-word": number };
  if (box.length === 4) {
    const [left, top, right, bottom] = box;
    return draw("rect", { ...properties, x: left, y: top, width: Math.max(right - left, 0), height: Math.max(bottom - top, 0) });
  }
  return draw("polygon", { ...properties, points: box.join(" ") });
}

// Without a picture, the words themselves are drawn at their places.
function writeWord(text, box) {
  const xs = box.filter((_, index) => index % 2 === 0), ys = box.filter((_, index) => index % 2 === 1);
  const left = Math.min(...xs), wide = Math.max(...xs) - left, bottom = Math.max(...ys), high = bottom - Math.min(...ys);
  return draw("text", {
    x: left, y: bottom - high * 0.18, "font-size": Math.max(high * 0.85, 1), textLength: Math.max(wide, 1),
    lengthAdjust: "spacingAndGlyphs", "aria-hidden": "true",
  }, text);
}

function makeText(entry, [, , areas]) {
  if (!areas.length) {
    const paragraphs = entry.text ? entry.text.split("\n\n").map((text) =>
      make("p", { dir: "auto" }, ...text.split("\n").map((line) => make("span", { class: "line", dir: "auto" }, line))))
      : [make("p", { class: "plain" }, "No text was found in this image.")];
    return make("div", { class: "text" },
      entry.ok && !entry.answered ? make("p", { class: "note" }, "The results keep no answer for this image, so there are no boxes.") : null,
      ...paragraphs);
  }
  const paragraphs = areas.map(([, , lines]) => make("p", { dir: "auto" }, ...lines.map(makeLine)));
  const text = make("div", { class: "text" }, ...paragraphs);
  text.addEventListener("click", (event) => pick(event.target));
  return text;
}

function makeLine([, , language, words]) {
  const line = make("span", { class: "line", dir: "auto", lang: language || null });
  for (const [text, confidence] of words) {
    const number = opened.words.length;
    opened.words.push({ text, confidence });
    const span = make("span", { class: "w", "data-word": number, "data-band": bandOf(confidence) }, text);
    opened.spans.push(span);
    line.append(span, " ");
  }
  return line;
}

function pick(target) {
  const number = target.dataset?.word;
  if (number !== undefined) showWord(Number(number));
}

function showWord(number) {
  if (number < 0 || number >= opened.words.length) return;
  for (const each of [opened.spans[opened.word], opened.shapes[opened.word]]) each?.removeAttribute("data-on");
  opened.word = number;
  const { text, confidence } = opened.words[number];
  const span = opened.spans[number], drawn = opened.shapes[number];
  if (opened.level !== "words") showLevel("words");
  for (const each of [span, drawn]) each.setAttribute("data-on", "");
  drawn.parentNode.append(drawn); // Above its neighbours.
  span.scrollIntoView({ block: "nearest", inline: "nearest" });
  drawn.scrollIntoView({ block: "nearest", inline: "nearest" });
  byId("word").replaceChildren(make("bdi", {}, text), make("b", { "data-band": bandOf(confidence) }, percent(confidence)),
    make("small", {}, `word ${whole.format(number + 1)} of ${whole.format(opened.words.length)}`));
}

function showNextUnsure() {
  const after = [...opened.words.keys()].filter((number) => !["unknown", report.bands[0].name].includes(bandOf(opened.words[number].confidence)));
  const next = after.find((number) => number > opened.word) ?? after[0];
  if (next !== undefined) showWord(next);
}

function showLevel(level) {
  opened.level = level;
  detail.dataset.level = level;
  for (const button of detail.querySelectorAll("[data-level]")) {
    if (button !== detail) button.setAttribute("aria-pressed", String(button.dataset.level === level));
  }
}

function showLarge(isLarge) {
  opened.isLarge = isLarge;
  detail.toggleAttribute("data-large", isLarge);
  byId("larger")?.setAttribute("aria-pressed", String(isLarge));
}

// Marks words, in the text and on the picture, in which a term of the search occurs.
function markTerms() {
  opened.words.forEach(({ text }, number) => {
    const lower = lowered(text);
    const isHit = choice.terms.some((term) => lower.includes(term));
    for (const each of [opened.spans[number], opened.shapes[number]]) each.toggleAttribute("data-hit", isHit);
  });
}

function openDetail() {
  document.body.toggleAttribute("data-open", true);
}

function closeDetail() {
  document.body.toggleAttribute("data-open", false);
  list.focus({ preventScroll: true });
}
