// Which images are listed, and in which order.

const choice = { terms: [], order: "given", code: null, bar: null };

const orders = {
  given: () => 0,
  confidence: (one, other) => (one.mean ?? 2) - (other.mean ?? 2),
  doubtful: (one, other) => other.doubtful - one.doubtful,
  error: (one, other) => Number(one.ok) - Number(other.ok) || compare(one.code ?? "", other.code ?? ""),
  key: (one, other) => compare(one.key, other.key),
  words: (one, other) => other.words - one.words,
};
const collator = new Intl.Collator(undefined, { numeric: true });
const compare = (one, other) => collator.compare(one, other);

// Made at the first search: most reports are looked at without one.
const searched = (entry) => (entry.searched ??= lowered(`${entry.key}\n${entry.error ?? ""}\n${entry.text}`));

// In small letters and as long as it was, which `toLowerCase` alone is not for all: it makes two of "İ".
function lowered(text) {
  const lower = text.toLowerCase();
  if (lower.length === text.length) return lower;
  return Array.from(text, (each) => (each.toLowerCase().length === each.length ? each.toLowerCase() : each)).join("");
}

function isChosen(entry) {
  const { terms, code, bar } = choice;
  return (
    (code === null || entry.code === code) && (bar === null || bar.holds(entry)) &&
    terms.every((term) => searched(entry).includes(term))
  );
}

function chosen() {
  return entries.filter(isChosen).sort((one, other) => orders[choice.order](one, other) || one.number - other.number);
}

const termsOf = (query) => lowered(query).split(/\s+/).filter(Boolean);

// Where the terms occur in a text, from the first to the last, without overlaps.
function occurrences(text, terms) {
  const lower = lowered(text);
  const found = [];
  for (const term of terms) {
    for (let at = lower.indexOf(term); at >= 0; at = lower.indexOf(term, at + term.length)) {
      found.push([at, at + term.length]);
    }
  }
  found.sort((one, other) => one[0] - other[0]);
  return found.filter(([start], index) => index === 0 || start >= found[index - 1][1]);
}

function marked(text, terms) {
  const parts = [];
  let end = 0;
  for (const [start, after] of occurrences(text, terms)) {
    parts.push(text.slice(end, start), make("mark", {}, text.slice(start, after)));
    end = after;
  }
  return [...parts, text.slice(end)];
}
