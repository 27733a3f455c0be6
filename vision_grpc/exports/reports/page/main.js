// What keys do, and the beginning.

const query = byId("query");

const keys = {
  "/": () => query.select(),
  j: () => select(selected + 1),
  k: () => select(selected - 1),
  ArrowDown: () => select(selected + 1),
  ArrowUp: () => select(selected - 1),
  Home: () => select(0),
  End: () => select(listed.length - 1),
  Enter: openDetail,
  ArrowRight: () => showWord(opened.word + 1),
  ArrowLeft: () => showWord(opened.word - 1),
  n: showNextUnsure,
  b: () => showLevel(LEVELS[(LEVELS.indexOf(opened.level) + 1) % LEVELS.length]),
  z: () => showLarge(!opened.isLarge),
  "?": () => byId("help").showModal(),
  Escape: () => (document.body.hasAttribute("data-open") ? closeDetail() : endSearch()),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  const isTyped = event.target === query;
  if (isTyped && event.key === "Escape") {
    endSearch();
    query.blur();
    list.focus({ preventScroll: true });
  } else if (isTyped && ["ArrowDown", "Enter"].includes(event.key)) {
    list.focus({ preventScroll: true });
    if (event.key === "Enter") openDetail();
  } else if (isTyped || event.target.matches("select") || (event.key === "Enter" && event.target.matches("button"))) {
    return;
  } else if (keys[event.key]) {
    keys[event.key]();
  } else {
    return;
  }
  event.preventDefault();
});

function endSearch() {
  query.value = "";
  if (choice.terms.length || choice.code || choice.bar) choose({ terms: [], code: null, bar: null });
}

query.addEventListener("input", () => choose({ terms: termsOf(query.value) }));
byId("order").addEventListener("change", (event) => {
  choose({ order: event.target.value });
  pane.scrollTop = 0;
  showRows();
  select(0);
});
byId("clear").addEventListener("click", endSearch);
pane.addEventListener("scroll", () => showRows(), { passive: true });
addEventListener("resize", () => showRows());
addEventListener("beforeprint", showAllRows);
addEventListener("afterprint", () => showRows());

showTotals();
showNote();
showCharts();
showCodes();
showList();
if (listed.length) {
  const wanted = Number(location.hash.slice(1));
  select(wanted >= 1 && wanted <= listed.length ? wanted - 1 : 0);
} else {
  showNothing();
}
