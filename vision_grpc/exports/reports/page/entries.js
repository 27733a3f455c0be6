// The images: what is shown of each in the list is read at once, words and pictures when an image is opened.

const blocks = (kind) => [...document.querySelectorAll(`script[data-kind="${kind}"]`)];
const report = JSON.parse(blocks("report")[0].textContent);
const entries = blocks("entry").map((block, number) => ({ number, ...JSON.parse(block.textContent) }));
const wordBlocks = blocks("words");
const pictureBlocks = blocks("picture");

const layoutOf = (entry) => JSON.parse(wordBlocks[entry.number].textContent);
const pictureOf = (entry) => pictureBlocks[entry.number].textContent;

const whole = new Intl.NumberFormat("en");
const percent = (value) => (value === null ? "–" : `${Math.round(value * 100)} %`);
const counted = (number, noun) => `${whole.format(number)} ${noun}${number === 1 ? "" : "s"}`;

function bandOf(confidence) {
  if (confidence === null) return "unknown";
  const band = report.bands.find((each) => confidence >= each.least);
  return (band ?? report.bands[report.bands.length - 1]).name;
}

// Texts of images reach the page as text nodes and never as markup.
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  fill(element, properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function draw(name, properties = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  fill(element, properties);
  element.append(...children);
  return element;
}

function fill(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
}

const byId = (id) => document.getElementById(id);
