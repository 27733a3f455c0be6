// Elements. What comes in calls reaches the page as text nodes and attributes that run nothing, never as markup.

const byId = (id) => document.getElementById(id);

function make(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

function draw(name, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const whole = new Intl.NumberFormat("en");
const counted = (number, noun) => `${whole.format(number)} ${noun}${number === 1 ? "" : "s"}`;
const percent = (value) => (value === null ? "–" : `${Math.round(value * 100)} %`);
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const TRANSPORTS = { grpc: "gRPC", rest: "REST" };

function sized(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function milliseconds(ms) {
  return ms === null ? "" : ms < 10 ? ms.toFixed(1) : whole.format(Math.round(ms));
}

// Browsers may be told to let pages store nothing.
function stored(place, name) {
  try {
    return window[place].getItem(name);
  } catch {
    return null;
  }
}

function store(place, name, value) {
  try {
    window[place].setItem(name, value);
  } catch {
    // It is known until the page is left.
  }
}

// Says what an action of the user's has done; calls that come are not said.
let silence = 0;
function say(text, isProblem = false) {
  const said = byId("said");
  said.replaceChildren(text);
  said.toggleAttribute("data-problem", isProblem);
  clearTimeout(silence);
  silence = setTimeout(() => said.replaceChildren(), isProblem ? 9000 : 4000);
}
