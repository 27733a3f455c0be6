// The log of calls, the latest first. It holds no more calls than the service does, and at most so many:

const MOST_ROWS = 1000;
const calls = new Map(); // By id, the oldest first.
const rows = byId("rows");
const filter = { query: "", transport: "", code: "", test: "" };
let opened = null; // The id of the call that is open.

function takeCalls(list) {
  for (const call of list) {
    const known = calls.get(call.id);
    const row = makeRow(call);
    calls.set(call.id, { call, row });
    if (known) {
      const hadFocus = known.row.contains(document.activeElement);
      known.row.replaceWith(row);
      if (hadFocus) linkOf(row).focus({ preventScroll: true });
    } else {
      rows.prepend(row);
    }
  }
  const most = Math.min(MOST_ROWS, service.memory.most_calls);
  for (const [id, { row }] of calls) {
    if (calls.size <= most) break;
    row.remove();
    calls.delete(id);
  }
  showChoices();
  showFound();
}

function takeLog(list) {
  calls.clear();
  rows.replaceChildren();
  takeCalls(list);
}

const linkOf = (row) => row.querySelector("a");
const isRunning = (call) => call.code === null;

function outcomeOf(call) {
  if (isRunning(call)) return { kind: "running", text: "running" };
  if (call.code !== "OK") return { kind: "failed", text: call.code };
  if (call.failed_images) {
    return { kind: call.failed_images < call.images ? "partial" : "failed", text: call.images === 1 ? "image failed" : `${call.failed_images} of ${call.images} images failed` };
  }
  return { kind: "ok", text: "OK" };
}

function badge(call) {
  const { kind, text } = outcomeOf(call);
  return make("span", { class: "badge", "data-kind": kind }, text);
}

function makeRow(call) {
  const cell = (name, ...children) => make("td", { role: "cell", class: name }, ...children);
  const link = make("a", { href: hashOf({ call: call.id }), title: moment.format(new Date(call.time)) }, clock.format(new Date(call.time)));
  const row = make("tr", { role: "row", "data-id": call.id },
    cell("time", link),
    cell("code", badge(call), call.faults ? make("span", { class: "mark", title: `Struck by ${call.faults}` }, "fault") : null,
      call.replay_of ? make("span", { class: "mark", title: `Repeats ${call.replay_of}` }, "replay") : null),
    cell("transport", TRANSPORTS[call.transport] ?? call.transport),
    cell("images number", isRunning(call) ? "" : make("span", {}, whole.format(call.images), make("span", { class: "unit" }, call.images === 1 ? " image" : " images"))),
    cell("ms number", isRunning(call) ? "" : make("span", {}, milliseconds(call.ms), make("span", { class: "unit" }, " ms"))),
    cell("test", make("bdi", { title: call.test_id }, call.test_id)),
    cell("id", make("bdi", { title: call.id }, call.id)));
  row.hidden = !isChosen(call);
  if (call.id === opened) link.setAttribute("aria-current", "true");
  return row;
}

function isChosen(call) {
  if (filter.transport && call.transport !== filter.transport) return false;
  if (filter.test && call.test_id !== filter.test) return false;
  if (filter.code === "running" ? !isRunning(call) : filter.code && call.code !== filter.code) return false;
  if (!filter.query) return true;
  const text = [call.id, call.trace_id, call.test_id, call.peer, call.message, call.faults, call.method, call.operation, call.code].join("\n").toLowerCase();
  return filter.query.toLowerCase().split(/\s+/).every((term) => text.includes(term));
}

function choose(change) {
  Object.assign(filter, change);
  for (const { call, row } of calls.values()) row.hidden = !isChosen(call);
  showFound();
  keepHash();
}

// The codes and tests that occur can be chosen, and what is chosen stays.
function showChoices() {
  const values = [...calls.values()].map(({ call }) => call);
  offer(byId("by-code"), values.map((call) => call.code ?? "running"), filter.code);
  offer(byId("by-test"), values.map((call) => call.test_id).filter(Boolean), filter.test);
}

function offer(select, values, chosen) {
  const wanted = [...new Set([...values, ...(chosen ? [chosen] : [])])].sort().slice(0, 500);
  const present = [...select.options].slice(1).map((option) => option.value);
  if (wanted.join("\n") === present.join("\n")) return;
  while (select.options.length > 1) select.remove(1);
  for (const value of wanted) select.add(make("option", { value }, value));
  select.value = chosen;
}

function showFound() {
  const shown = [...calls.values()].filter(({ row }) => !row.hidden).length;
  const isAll = !Object.values(filter).some(Boolean);
  byId("found").textContent = isAll ? counted(calls.size, "call") : `${whole.format(shown)} of ${counted(calls.size, "call")}`;
  byId("show-all").hidden = isAll;
  byId("table").hidden = shown === 0;
  byId("empty").hidden = shown !== 0;
  if (shown === 0) byId("empty").replaceChildren(...(calls.size ? [make("p", {}, "No call has this.")] : welcome()));
}

function welcome() {
  const { grpc, rest, isTls } = addresses();
  const command = `vision-grpc analyze --endpoint ${grpc} ${isTls ? "--root-certificates ca.pem" : "--insecure"} page.png`;
  const isKept = service?.memory.most_calls !== 0;
  return [
    make("h2", {}, isKept ? "No calls yet" : "Calls are not remembered"),
    make("p", {}, isKept ? "Calls appear here as they come, over gRPC and REST. Drop a JPEG or PNG on this page to make the first one, or send one:"
      : "This service was started with --keep 0. It answers calls all the same:"),
    make("pre", { tabindex: "0" }, command),
    make("dl", {}, make("dt", {}, "gRPC"), make("dd", {}, make("code", {}, grpc)),
      make("dt", {}, "REST"), make("dd", {}, make("code", {}, `${rest}${service?.rest_path ?? ""}`))),
  ];
}

function markOpened(id) {
  for (const each of [opened, id]) {
    const known = each && calls.get(each);
    if (known) linkOf(known.row).toggleAttribute("aria-current", false);
  }
  opened = id;
  const known = id && calls.get(id);
  if (known) linkOf(known.row).setAttribute("aria-current", "true");
}

// Moves from row to row. With a call open, the next one opens; else the focus moves.
function step(by) {
  const shown = [...rows.children].filter((row) => !row.hidden);
  if (!shown.length) return;
  const focused = shown.findIndex((row) => row.contains(document.activeElement));
  const at = focused >= 0 ? focused : shown.findIndex((row) => row.dataset.id === opened);
  const next = shown[at < 0 ? 0 : Math.min(Math.max(at + by, 0), shown.length - 1)];
  linkOf(next).focus();
  next.scrollIntoView({ block: "nearest" });
  if (opened && !isNarrow()) go({ call: next.dataset.id });
}

async function clearLog() {
  if (!calls.size) return;
  const { removed } = await askJson("/_vision/requests", { method: "DELETE" });
  say(`Removed ${counted(removed, "call")}`);
}
