// The call that is open: what it was, its images with their texts, and all of it as JSON.

const TABS = { images: "Images", request: "Request", answer: "Answer", metadata: "Metadata" };
// More would keep the browser busy; the rest can be had as a file.
const MOST_SHOWN = 200_000, MOST_COLOURED = 60_000;
const view = byId("view");
const shown = { kind: "", call: null, image: 0, tab: "images", asking: null, urls: [], drawn: "" };

async function openCall(id, image, tab) {
  const isNew = shown.kind !== "call" || shown.call?.id !== id;
  Object.assign(shown, { image, tab });
  if (!isNew) return showTab();
  leaveView();
  shown.kind = "call";
  markOpened(id);
  showView();
  await loadCall(id);
}

async function loadCall(id) {
  shown.asking?.abort();
  shown.asking = new AbortController();
  try {
    const call = await askJson(`/_vision/requests/${encodeURIComponent(id)}`, { signal: shown.asking.signal });
    if (opened !== id || shown.kind !== "call") return;
    dropUrls();
    shown.call = call;
    shown.image = Math.min(shown.image, Math.max(call.files.length - 1, 0));
    showCall();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Refusal || error instanceof TypeError)) throw error;
    view.replaceChildren(make("header", { class: "head" }, backButton(), make("h2", {}, "No such call"), closeButton()),
      make("p", { class: "plain" }, error instanceof Refusal ? error.message : "The service does not answer."));
  }
}

// What was open takes memory no more.
function leaveView() {
  shown.asking?.abort();
  dropUrls();
  Object.assign(shown, { kind: "", call: null });
  markOpened(null);
  view.replaceChildren();
}

function dropUrls() {
  for (const url of shown.urls) URL.revokeObjectURL(url);
  shown.urls = [];
}

const backButton = () => make("button", { type: "button", class: "back", onclick: () => closeView() }, "← All calls");
const closeButton = () => make("button", { type: "button", class: "icon", "aria-label": "Close", title: "Close (Esc)", onclick: () => closeView() }, "✕");

function showCall() {
  const { call } = shown;
  const tab = (name) => make("button", {
    type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => go({ tab: name }), onkeydown: stepTab,
  }, TABS[name], name === "images" && call.files.length > 1 ? make("span", { class: "count" }, call.files.length) : null);
  view.replaceChildren(
    make("header", { class: "head" },
      backButton(),
      make("h2", {}, badge(call), " ", make("bdi", { title: call.method }, call.method.split("/").pop())),
      make("div", { class: "tools" },
        make("button", { type: "button", id: "replay", onclick: replay, disabled: !call.kept, title: call.kept ? "Send it again (r)" : "The request is not remembered" }, "Replay"),
        make("div", { class: "group", role: "group", "aria-label": "Copy as" }, make("span", { class: "label", "aria-hidden": "true" }, "Copy as"),
          ...commandsOf(call).map((kind) => make("button", { type: "button", disabled: !call.kept, onclick: () => copyAs(kind, call) }, kind))),
        closeButton()),
      facts(call)),
    problems(call),
    make("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the call" }, ...Object.keys(TABS).map(tab)),
    make("section", { class: "panel", id: "panel", role: "tabpanel", tabindex: "0" }));
  shown.drawn = "";
  showTab();
}

function facts(call) {
  const fact = (name, ...values) => make("div", {}, make("dt", {}, name), make("dd", {}, ...values));
  const sizes = [call.request_bytes ? `${sized(call.request_bytes)} in` : null, call.answer_bytes ? `${sized(call.answer_bytes)} out` : null];
  return make("dl", { class: "facts" },
    fact("Came", make("time", { datetime: call.time, title: moment.format(new Date(call.time)) }, clock.format(new Date(call.time)))),
    fact("Took", isRunning(call) ? "still running" : `${milliseconds(call.ms)} ms`),
    fact("By", `${TRANSPORTS[call.transport] ?? call.transport} from `, make("bdi", {}, call.peer || "unknown")),
    sizes.some(Boolean) ? fact("Bytes", sizes.filter(Boolean).join(", ")) : null,
    call.operation ? fact("Operation", make("button", { type: "button", class: "copied", title: "Copy the id", onclick: () => copyText(call.operation, "Copied the id") }, call.operation)) : null,
    call.test_id ? fact("Test", make("bdi", {}, call.test_id)) : null,
    call.replay_of ? fact("Repeats", make("a", { href: hashOf({ call: call.replay_of }) }, make("bdi", {}, call.replay_of.slice(0, 8)))) : null,
    make("div", { class: "break" }),
    fact("Request id", make("button", { type: "button", class: "copied", title: "Copy the id", onclick: () => copyText(call.id, "Copied the id") }, call.id)),
    fact("Trace id", make("button", { type: "button", class: "copied", title: "Copy the id", onclick: () => copyText(call.trace_id, "Copied the id") }, call.trace_id)));
}

function problems(call) {
  const notes = [];
  if (call.code !== null && call.code !== "OK") {
    notes.push(make("div", { class: "note failed" }, make("strong", {}, call.code), make("p", { dir: "auto" }, call.message || "no message")));
  }
  if (call.faults) {
    notes.push(make("div", { class: "note struck" }, make("strong", {}, "Fault"), make("p", {}, "Struck by ", make("bdi", {}, call.faults), ". ",
      make("a", { href: hashOf({ view: "faults" }) }, "The rules")),
      call.sent_instead ? make("p", {}, `In place of the answer that is shown here it sent ${sized(call.sent_instead.bytes)}, which begin with `,
        make("code", { dir: "auto" }, call.sent_instead.beginning.trimEnd() || "nothing to see")) : null));
  }
  if (!call.kept && !isRunning(call)) {
    notes.push(make("div", { class: "note" }, make("p", {}, call.request_bytes
      ? "The request is not remembered: later calls took its place, or it is not one to keep."
      : "The call ended before its request was read.")));
  }
  return make("div", { class: "notes" }, ...notes);
}

function showTab() {
  const { call, tab, image } = shown;
  if (!call || !byId("panel")) return;
  for (const name of Object.keys(TABS)) {
    const button = byId(`tab-${name}`), isOn = name === tab;
    button.setAttribute("aria-selected", String(isOn));
    button.tabIndex = isOn ? 0 : -1;
  }
  const panel = byId("panel");
  panel.setAttribute("aria-labelledby", `tab-${tab}`);
  const wanted = `${tab} ${image}`;
  if (shown.drawn === wanted) return;
  shown.drawn = wanted;
  panel.dataset.tab = tab;
  if (tab === "images") showImages(panel, call);
  else if (tab === "metadata") panel.replaceChildren(metadataTable(call));
  else panel.replaceChildren(jsonView(call[tab], `${call.id}-${tab}.json`));
  panel.scrollTop = 0;
}

function stepTab(event) {
  const names = Object.keys(TABS), at = names.indexOf(shown.tab);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  go({ tab: names[(next + names.length) % names.length] });
  byId(`tab-${shown.tab}`).focus();
}

function metadataTable(call) {
  const entries = Object.entries(call.metadata);
  if (!entries.length) return make("p", { class: "plain" }, "The call brought no metadata.");
  return make("dl", { class: "metadata" }, ...entries.flatMap(([name, value]) => [
    make("dt", {}, make("bdi", {}, name)),
    make("dd", {}, value.includes("••••") ? make("span", { class: "masked", title: "Secrets are not kept" }, value) : make("bdi", {}, value)),
  ]));
}

function jsonView(value, name) {
  if (value === null) return make("p", { class: "plain" }, "There is nothing that could be shown.");
  const text = JSON.stringify(value, null, 2);
  const pre = make("pre", { class: "json", tabindex: "0" });
  if (text.length <= MOST_COLOURED) pre.append(...coloured(text));
  else pre.textContent = text.slice(0, MOST_SHOWN);
  const save = () => {
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return make("div", { class: "document" },
    make("div", { class: "line" },
      make("button", { type: "button", onclick: () => copyText(text, "Copied") }, "Copy"),
      make("button", { type: "button", onclick: save }, "Save"),
      text.length > MOST_SHOWN ? make("span", { class: "faded" }, `The first ${sized(MOST_SHOWN)} of ${sized(text.length)}`) : null),
    pre);
}

function* coloured(text) {
  let from = 0;
  for (const found of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null|-?\d[\d.eE+-]*)\b/g)) {
    if (found.index > from) yield text.slice(from, found.index);
    const kind = found[1] === undefined ? "value" : found[2] === undefined ? "string" : "name";
    yield make("span", { class: kind }, found[1] ?? found[0]);
    from = found.index + (found[1] ?? found[0]).length;
  }
  yield text.slice(from);
}

async function replay() {
  const { call } = shown;
  if (!call?.kept) return;
  const button = byId("replay");
  button.disabled = true;
  say("Sent again");
  try {
    const answer = await askJson(`/_vision/requests/${encodeURIComponent(call.id)}/replay`, { method: "POST" });
    say(answer.code === null ? answer.message : `The replay ended with ${answer.code}`, answer.code !== "OK");
    if (shown.call?.id === call.id) go({ call: answer.id });
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof TypeError)) throw error;
    say(error.message, true);
  } finally {
    button.disabled = false;
  }
}
