// What the address says, what keys do, and the beginning. The address after `#` holds what is open and chosen, so that it can be sent to others.

const isNarrow = () => matchMedia("(max-width: 900px)").matches;

function hashOf({ call = null, view: name = null, image = 0, tab = "images" }) {
  const values = { ...filter, view: name ?? "", call: call ?? "", image: call && image ? String(image + 1) : "", tab: call && tab !== "images" ? tab : "" };
  const chosen = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
  return `#${chosen}`;
}

const here = () => (shown.kind === "faults" ? { view: "faults" } : { call: opened, image: shown.image, tab: shown.tab });

// Goes somewhere; what is not said stays as it is.
function go(change) {
  const next = "call" in change || "view" in change ? { image: 0, tab: change.call ? shown.tab : "images", ...change } : { ...here(), ...change };
  const hash = hashOf(next);
  if (hash === (location.hash || "#")) return;
  // Steps within a call are no places to come back to.
  if (next.call && next.call === opened) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  readHash();
}

// The filter has changed: the address follows, and so do the links of rows.
function keepHash() {
  history.replaceState(null, "", hashOf(here()));
  for (const { call, row } of calls.values()) linkOf(row).setAttribute("href", hashOf({ call: call.id }));
}

function readHash() {
  const values = new URLSearchParams(location.hash.slice(1));
  const wanted = { query: values.get("query") ?? "", transport: values.get("transport") ?? "", code: values.get("code") ?? "", test: values.get("test") ?? "" };
  if (Object.entries(wanted).some(([name, value]) => filter[name] !== value)) {
    Object.assign(filter, wanted);
    showChoices();
    for (const { call, row } of calls.values()) row.hidden = !isChosen(call);
    showFound();
  }
  byId("query").value = filter.query;
  byId("by-transport").value = filter.transport;
  byId("by-code").value = filter.code;
  byId("by-test").value = filter.test;
  const id = values.get("call");
  if (id) {
    const tab = values.get("tab");
    openCall(id, Math.max(Number.parseInt(values.get("image") ?? "1", 10) - 1 || 0, 0), Object.hasOwn(TABS, tab) ? tab : "images");
  } else if (values.get("view") === "faults") {
    openFaults();
  } else if (shown.kind) {
    leaveView();
    showView();
  }
}

function showView() {
  view.hidden = !shown.kind;
  document.body.toggleAttribute("data-open", Boolean(shown.kind));
  view.setAttribute("aria-label", shown.kind === "faults" ? "Faults" : "The call");
  byId("open-faults").setAttribute("aria-expanded", String(shown.kind === "faults"));
  if (shown.kind && isNarrow()) view.focus({ preventScroll: true });
}

function closeView() {
  const row = opened && calls.get(opened)?.row;
  go({ call: null });
  (row ? linkOf(row) : byId("log")).focus({ preventScroll: true });
}

function stepImage(by) {
  const next = shown.image + by;
  if (shown.kind === "call" && next >= 0 && next < (shown.call?.files.length ?? 0)) go({ image: next, tab: "images" });
}

const keys = {
  "/": () => byId("query").select(),
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  "[": () => stepImage(-1),
  "]": () => stepImage(1),
  r: replay,
  c: () => shown.call && copyAs("curl", shown.call),
  t: () => showTrying(),
  f: () => go(shown.kind === "faults" ? { call: null } : { view: "faults" }),
  "?": () => byId("help").showModal(),
  Escape: () => (shown.kind ? closeView() : showAll()),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const isTyped = event.target.matches("input, textarea, select");
  if (event.target === byId("query") && event.key === "Escape") {
    choose({ query: "" });
    byId("query").value = "";
    byId("log").focus({ preventScroll: true });
  } else if (event.target === byId("query") && ["ArrowDown", "Enter"].includes(event.key)) {
    step(1);
  } else if (isTyped && event.key !== "Escape") {
    return;
  } else if (["ArrowDown", "ArrowUp"].includes(event.key) && event.target.closest(".panel, pre, .reading")) {
    return; // It scrolls.
  } else if (Object.hasOwn(keys, event.key)) {
    keys[event.key]();
  } else {
    return;
  }
  event.preventDefault();
});

function showAll() {
  choose({ query: "", transport: "", code: "", test: "" });
  readHash();
}

function take(name, data) {
  const { calls: list, ...state } = data;
  const before = service;
  if (name !== "calls") service = state;
  if (name === "log") {
    if (before && before.instance !== service.instance) say("The service has started anew; its log is empty");
    takeLog(list);
    // What is open may be forgotten by now, and stays in sight.
    if (shown.kind === "call" && !shown.call) loadCall(opened);
  } else if (name === "calls") {
    takeCalls(list);
    const changed = list.find((call) => call.id === opened);
    if (changed && shown.kind === "call" && shown.call?.code === null) loadCall(opened);
  }
  if (name !== "calls") {
    showRules();
    showGauges();
    showMemory();
  }
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("log").focus();
});
byId("controls").addEventListener("submit", (event) => event.preventDefault());
byId("query").addEventListener("input", () => choose({ query: byId("query").value.trim() }));
for (const name of ["transport", "code", "test"]) byId(`by-${name}`).addEventListener("change", (event) => choose({ [name]: event.target.value }));
byId("show-all").addEventListener("click", showAll);
byId("open-trying").addEventListener("click", () => showTrying());
byId("open-faults").addEventListener("click", keys.f);
byId("open-help").addEventListener("click", keys["?"]);
byId("clear").addEventListener("click", () => clearLog().catch((error) => say(error.message, true)));
byId("file").addEventListener("change", (event) => chooseFiles(event.target.files));
byId("trying-form").addEventListener("submit", (event) => {
  event.preventDefault();
  read();
});
byId("key-form").addEventListener("submit", takeKey);
byId("key").addEventListener("cancel", (event) => event.preventDefault());
for (const button of document.querySelectorAll("dialog .close")) button.addEventListener("click", () => button.closest("dialog").close());
rows.addEventListener("click", (event) => {
  const row = event.target.closest("tr");
  if (!row || event.ctrlKey || event.metaKey || event.shiftKey || getSelection().toString()) return;
  event.preventDefault();
  linkOf(row).focus({ preventScroll: true });
  go({ call: row.dataset.id });
});
addEventListener("popstate", readHash);

readHash();
connect.follow(take);
