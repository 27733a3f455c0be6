// Beside the log: the rules of faults, and how much of the quota is left.

const faults = { kinds: null };

async function openFaults() {
  if (shown.kind === "faults") return;
  leaveView();
  shown.kind = "faults";
  showView();
  try {
    faults.kinds ??= await askJson("/_vision/fault-kinds");
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof TypeError)) throw error;
    view.replaceChildren(make("header", { class: "head" }, backButton(), make("h2", {}, "Faults"), closeButton()),
      make("p", { class: "plain" }, error instanceof Refusal ? error.message : "The service does not answer."));
    return;
  }
  if (shown.kind !== "faults") return;
  view.replaceChildren(
    make("header", { class: "head" }, backButton(), make("h2", {}, "Faults"),
      make("div", { class: "tools" }, make("button", { type: "button", onclick: reset, title: "Remove all rules, and the log" }, "Reset all"), closeButton())),
    make("div", { class: "panel" },
      make("p", { class: "faded" }, "Calls that match a rule go wrong as it says, each time and never by chance. Rules without a test are for calls without one."),
      make("div", { id: "rules", class: "rules" }),
      ruleForm()));
  showRules();
}

function showRules() {
  const list = service?.faults ?? [];
  const many = service?.fault_count ?? list.length;
  byId("fault-count").hidden = !many;
  byId("fault-count").textContent = many;
  byId("open-faults").setAttribute("aria-label", many ? `Faults, ${counted(many, "rule")}` : "Faults");
  const place = byId("rules");
  if (!place) return;
  const focused = document.activeElement?.dataset?.rule;
  place.replaceChildren(list.length
    ? make("table", { class: "list" },
      make("thead", {}, make("tr", {}, ...["Rule", "What happens", "When", "Hits", ""].map((name) => make("th", { scope: "col", class: name === "Hits" ? "number" : null }, name || make("span", { class: "unseen" }, "Remove"))))),
      make("tbody", {}, ...list.map(ruleRow)))
    : make("p", { class: "plain" }, "There are no rules."));
  if (many > list.length) place.append(make("p", { class: "faded" }, `and ${whole.format(many - list.length)} more`));
  if (focused) [...place.querySelectorAll("button")].find((button) => button.dataset.rule === focused)?.focus();
}

const described = (tree) => Object.entries(tree).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");

function ruleRow(rule) {
  const { id, kind, after, every, times, match = {}, test_id: test, seen, hits, ordered_by_call: isOrdered, ...fields } = rule;
  const when = [
    test === "*" ? "every test" : test ? `test ${test}` : "calls without a test",
    described(Object.fromEntries(Object.entries(match).filter(([name]) => name !== "test_id"))),
    after ? `after ${after}` : "", every > 1 ? `one in ${every}` : "", times ? `at most ${times}` : "",
    isOrdered ? "ordered by a call" : "",
  ].filter(Boolean).join(", ");
  const remove = async () => {
    try {
      await ask(`/_vision/faults/${encodeURIComponent(id)}?test_id=${encodeURIComponent(test)}`, { method: "DELETE" });
      say("Removed the rule");
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof TypeError)) throw error;
      say(error.message, true);
    }
  };
  return make("tr", {},
    make("td", {}, make("bdi", {}, id)),
    make("td", {}, make("strong", {}, kind), " ", make("bdi", { class: "faded" }, described(fields))),
    make("td", {}, make("bdi", {}, when)),
    make("td", { class: "number" }, make("span", { class: "hits", title: `${counted(seen, "call")} matched` }, whole.format(hits))),
    make("td", {}, isOrdered ? null : make("button", { type: "button", class: "icon", "data-rule": `${test}\n${id}`, "aria-label": `Remove ${id}`, title: "Remove", onclick: remove }, "✕")));
}

function ruleForm() {
  const matches = (isTest) => faults.kinds.match.filter(({ name }) => (name === "test_id") === isTest).map((each) => field(each, "match."));
  const kind = make("select", { id: "kind", onchange: () => showFields() }, ...faults.kinds.kinds.map((each) => make("option", {}, each.kind)));
  const form = make("form", { class: "rule", onsubmit: addRule, "aria-label": "A new rule" },
    make("h3", {}, "A new rule"),
    make("div", { class: "fields" }, make("label", {}, "What happens ", kind)),
    make("p", { class: "faded", id: "kind-does" }),
    make("div", { class: "fields", id: "kind-fields" }),
    make("fieldset", {}, make("legend", {}, "When"),
      make("div", { class: "fields" }, ...faults.kinds.counts.map((each) => field(each)), ...matches(true)),
      make("details", {}, make("summary", {}, "Only for some of them"), make("div", { class: "fields" }, ...matches(false)))),
    make("p", { class: "problem", id: "rule-problem", role: "alert", hidden: true }),
    make("p", { class: "line end" }, make("button", { class: "main" }, "Add the rule")));
  const showFields = () => {
    const chosen = faults.kinds.kinds.find((each) => each.kind === kind.value);
    form.querySelector("#kind-does").textContent = (chosen.does ?? "").replaceAll("`", "");
    form.querySelector("#kind-fields").replaceChildren(...chosen.fields.map((each) => field(each)));
  };
  kind.value = faults.kinds.kinds.some((each) => each.kind === "code") ? "code" : kind.value;
  showFields();
  return form;
}

const HINTS = { after: "calls that pass first", every: "1 is each call", times: "calls at most", test_id: "* is every test" };

function field({ name, allowed, required, default: usual }, path = "") {
  const known = allowed.startsWith("one of ") ? allowed.slice(7).split(", ") : null;
  const shared = { name: path + name, required, title: allowed };
  const placeholder = usual === null || usual === undefined || typeof usual === "object" ? "" : String(usual);
  const entry = known
    ? make("select", shared, ...(required ? [] : [make("option", { value: "" }, placeholder || "any")]), ...known.map((each) => make("option", { selected: each === "UNAVAILABLE" }, each)))
    : make("input", { ...shared, autocomplete: "off", spellcheck: "false", placeholder });
  return make("label", {}, `${name} `, entry, known ? null : make("small", {}, HINTS[name] ?? allowed));
}

async function addRule(event) {
  event.preventDefault();
  const form = event.target;
  const rule = { kind: byId("kind").value };
  for (const { name, value } of form.querySelectorAll("input, select:not(#kind)")) {
    if (value === "") continue;
    const [owner, key] = name.startsWith("match.") ? [(rule.match ??= {}), name.slice(6)] : [rule, name];
    owner[key] = /^(-?\d+(\.\d+)?|true|false|[[{].*)$/s.test(value) && !["test_id", "digest", "message", "id"].includes(key) ? parsed(value) : value;
  }
  const problem = form.querySelector("#rule-problem");
  try {
    await ask("/_vision/faults", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(rule) });
    problem.hidden = true;
    say("Added the rule");
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof TypeError)) throw error;
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function reset() {
  try {
    await ask("/_vision/reset", { method: "POST" });
    say("There are no rules and no calls any more");
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof TypeError)) throw error;
    say(error.message, true);
  }
}

function showGauges() {
  const gauges = Object.entries(service?.quota ?? {});
  byId("gauges").hidden = !gauges.length;
  byId("gauges").replaceChildren(...gauges.map(([name, { per_s: limit, left, refused }]) => {
    const share = Math.min(Math.max(left / Math.max(limit, 1), 0), 1);
    const text = `${name}: ${whole.format(Math.max(Math.floor(left), 0))} of ${whole.format(limit)} a second left, ${counted(refused, "call")} refused`;
    const filled = make("i");
    filled.style.inlineSize = `${share * 100}%`;
    return make("span", { class: "gauge", role: "meter", "aria-label": name, "aria-valuemin": "0", "aria-valuemax": Math.max(limit, 1), "aria-valuenow": Math.max(left, 0), "aria-valuetext": text, title: text, "data-low": share < 0.2 },
      make("span", {}, name), make("span", { class: "bar" }, filled), make("span", { class: "figure" }, `${whole.format(limit)}/s${refused ? `, ${whole.format(refused)} refused` : ""}`));
  }));
}

function showMemory() {
  const { calls: kept, most_calls: mostCalls, bytes, most_bytes: mostBytes } = service.memory;
  byId("memory").textContent = `The service remembers ${whole.format(kept)} of at most ${counted(mostCalls, "call")}, with ${sized(bytes)} of at most ${sized(mostBytes)} of requests and answers. Secrets in metadata are not kept.`;
}
