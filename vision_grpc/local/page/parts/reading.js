// An image of the call: the picture under the boxes of its words, and the text beside it. Each leads to the other.

const SURE = 0.85, UNSURE = 0.6;
const bandOf = (confidence) => (confidence === null || confidence >= SURE ? "sure" : confidence >= UNSURE ? "unsure" : "doubtful");
const word = { list: [], spans: [], shapes: [], at: -1, hasBoxes: true };

function showImages(panel, call) {
  Object.assign(word, { list: [], spans: [], shapes: [], at: -1 });
  const parts = Array.isArray(call.answer) ? streamParts(call.answer) : resultParts(call.answer?.results?.[shown.image]);
  if (!call.files.length) {
    panel.replaceChildren(make("p", { class: "plain" }, isRunning(call) ? "The call is under way." : "There are no images to show: the call is sent none."),
      ...(parts.text ? [wordBar()] : []), ...parts.errors, parts.text ?? "");
    return;
  }
  const strip = call.files.length > 1
    ? make("div", { class: "strip", role: "group", "aria-label": "Images" }, ...call.files.map((_, number) => thumbnail(call, number))) : null;
  panel.replaceChildren(...[strip, make("div", { class: "sheet" },
    make("div", { class: "picture" }, pictureOf(call, parts.page), imageLine(call)),
    make("div", { class: "reading" }, wordBar(), ...parts.errors, parts.text ?? nothingRead(call, parts)))].filter(Boolean));
}

function nothingRead(call, parts) {
  if (parts.errors.length || call.code !== "OK" || !call.answer) return "";
  if (call.operation && !Array.isArray(call.answer)) {
    return make("p", { class: "plain" }, "The text is the result of the operation ", make("bdi", {}, call.operation), ".");
  }
  return make("p", { class: "plain" }, "No text was found in this image.");
}

// The text and the errors of one image, with the page that its boxes lie on.
function resultParts(result) {
  const errors = [], pages = [];
  const add = (error, about) => errors.push(make("div", { class: "note failed" },
    make("strong", {}, codeName(error.code)), make("p", { dir: "auto" }, about, error.message ?? "")));
  if (result?.error) add(result.error, "");
  for (const [number, feature] of (result?.results ?? []).entries()) {
    if (feature.error) add(feature.error, result.results.length > 1 ? `Feature ${number + 1}: ` : "");
    pages.push(...(feature.textDetection?.pages ?? []));
  }
  return { errors, page: pages[0], text: pages.some((page) => page.blocks) ? textOf(pages) : null };
}

// The pages of a stream, which are those of one file, have their languages by blocks and no confidence.
function streamParts(lines) {
  const pages = lines.map((line) => line.result?.textAnnotation).filter(Boolean);
  return { errors: [], page: pages[0], text: pages.some((page) => page.blocks) ? textOf(pages) : null };
}

const CODES = ["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"];
const codeName = (code) => CODES[code] ?? `code ${code}`;

function thumbnail(call, number) {
  const image = make("img", { alt: "" });
  const isFailed = isRefused(call, number);
  if (!isFailed) loadImage(call, number, image);
  return make("button", {
    type: "button", class: "thumbnail", "aria-pressed": String(number === shown.image), "data-failed": isFailed,
    "aria-label": `Image ${number + 1}${isFailed ? ", failed" : ""}`, onclick: () => go({ image: number }),
  }, image, make("span", { "aria-hidden": "true" }, number + 1));
}

// A file that the service refuses may be one of thousands of megapixels.
const isRefused = (call, number) => call.code !== "OK" || call.files[number]?.kind === "application/pdf" || Boolean(call.answer?.results?.[number]?.error);

async function loadImage(call, number, image) {
  try {
    const response = await ask(`/_vision/requests/${encodeURIComponent(call.id)}/images/${number}`);
    const content = await response.blob();
    if (shown.call !== call) return;
    const url = URL.createObjectURL(content);
    shown.urls.push(url);
    image.src = url;
    await image.decode();
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof TypeError || error instanceof DOMException)) throw error;
    image.closest(".paper, .thumbnail")?.setAttribute("data-broken", "");
    image.closest(".paper")?.append(make("p", { class: "plain" }, "The browser cannot show this file."));
  }
}

function pictureOf(call, page) {
  const image = make("img", { alt: `Image ${shown.image + 1} of the request` });
  const paper = make("div", { class: "paper" }, image);
  if (isRefused(call, shown.image)) {
    const show = () => {
      paper.replaceChildren(image);
      loadImage(call, shown.image, image);
    };
    paper.replaceChildren(make("p", { class: "unshown" }, call.code === "OK" ? "This file is not shown by itself. " : "The service did not read this file. ", make("button", { type: "button", class: "quiet", onclick: show }, "show it here")));
    return make("div", { class: "frame" }, paper);
  }
  loadImage(call, shown.image, image);
  const wide = Number(page?.width), high = Number(page?.height);
  if (wide && high) {
    paper.style.aspectRatio = `${wide} / ${high}`;
    paper.style.setProperty("--ratio", wide / high);
    const svg = draw("svg", {
      viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: "none", role: "img", "aria-label": `The boxes of ${counted(word.list.length, "word")}`,
      onpointerover: (event) => pointAt(event), onclick: (event) => pointAt(event),
    }, ...word.list.map(({ box, confidence }, number) => {
      const shape = draw("polygon", { points: box, "data-band": bandOf(confidence), "data-word": number });
      word.shapes.push(shape);
      return shape;
    }));
    paper.append(svg);
  }
  paper.toggleAttribute("data-plain", !word.hasBoxes);
  return make("div", { class: "frame" }, paper);
}

function imageLine(call) {
  const file = call.files[shown.image];
  const kind = { "image/jpeg": "JPEG", "image/png": "PNG", "application/pdf": "PDF" }[file.kind] ?? "other file";
  return make("p", { class: "line faded under" },
    make("span", {}, `Image ${shown.image + 1} of ${call.files.length}: ${kind}, ${sized(file.bytes)}`),
    make("button", { type: "button", class: "quiet", title: file.sha256, onclick: () => copyText(file.sha256, "Copied the SHA-256") }, "copy SHA-256"),
    word.list.length ? make("button", { type: "button", class: "quiet", id: "boxes", "aria-pressed": String(word.hasBoxes), onclick: toggleBoxes }, "boxes") : null,
    make("button", { type: "button", class: "quiet", onclick: () => fetchAgain(call).then((file) => showTrying([file]), (error) => say(error.message, true)) }, "read again…"));
}

function toggleBoxes() {
  word.hasBoxes = !word.hasBoxes;
  byId("boxes").setAttribute("aria-pressed", String(word.hasBoxes));
  view.querySelector(".paper").toggleAttribute("data-plain", !word.hasBoxes);
}

function wordBar() {
  return make("p", { class: "word", id: "word" }, word.list.length ? make("span", { class: "faded" }, `${counted(word.list.length, "word")}; point at one, or use the arrow keys in the text`) : "");
}

function textOf(pages) {
  const languages = new Map();
  const lines = (block) => (block.lines ?? []).map((line) => make("span", { class: "row", dir: "auto" }, ...(line.words ?? []).flatMap((each) => {
    const number = word.list.length;
    const confidence = typeof each.confidence === "number" ? each.confidence : null;
    const codes = (each.languages ?? block.languages ?? []).map((language) => language.languageCode).filter(Boolean);
    for (const code of codes) languages.set(code, (languages.get(code) ?? 0) + 1);
    word.list.push({ text: each.text ?? "", confidence, codes, box: boxOf(each) });
    const span = make("span", { class: "w", "data-word": number, "data-band": bandOf(confidence), lang: codes[0] ?? null }, each.text ?? "");
    word.spans.push(span);
    return [span, " "];
  })));
  const blocks = pages.flatMap((page) => (page.blocks ?? []).map((block) => make("p", { dir: "auto" }, ...lines(block))));
  return make("div", {
    class: "text", id: "text", tabindex: "0", role: "group", "aria-label": "Text. Arrow keys go from word to word.",
    onpointerover: pointAt, onclick: pointAt, onkeydown: stepWord,
  }, ...blocks);
}

const boxOf = (each) => (each.boundingBox?.vertices ?? []).map(({ x, y }) => `${Number(x ?? 0)},${Number(y ?? 0)}`).join(" ");

function pointAt(event) {
  const number = event.target.dataset?.word;
  if (number !== undefined) showWord(Number(number), event.currentTarget.id === "text" ? word.shapes : event.type === "click" ? word.spans : []);
}

// Marks a word and its box; what is in `brought` is brought in sight.
function showWord(number, brought = []) {
  if (number < 0 || number >= word.list.length) return;
  for (const each of [word.spans[word.at], word.shapes[word.at]]) each?.removeAttribute("data-on");
  word.at = number;
  const { text, confidence, codes } = word.list[number];
  for (const each of [word.spans[number], word.shapes[number]]) each?.setAttribute("data-on", "");
  brought[number]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  byId("word").replaceChildren(make("bdi", {}, text), make("b", { "data-band": bandOf(confidence) }, percent(confidence)),
    make("span", { class: "faded" }, [codes.join(", "), `word ${number + 1} of ${word.list.length}`].filter(Boolean).join(" · ")));
}

function stepWord(event) {
  const next = { ArrowRight: word.at + 1, ArrowLeft: Math.max(word.at - 1, 0), Home: 0, End: word.list.length - 1 }[event.key];
  if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  // What keys have chosen is read out, what the pointer passes is not.
  byId("word").setAttribute("aria-live", "polite");
  showWord(next, word.spans);
  word.shapes[word.at]?.scrollIntoView({ block: "nearest", inline: "nearest" });
}
