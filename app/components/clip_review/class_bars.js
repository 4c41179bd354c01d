// The classes that come into question, three bars each: action encoder, alignability, both combined.

// value of a class, letter, name, CSS class
const BAR_KINDS = [
  ["action", "E", "Action encoder", "encoder"],
  ["alignability", "A", "Alignability", "alignment"],
  ["combined", "E+A", "Combined", "combined"],
];

function bar(look, letter, name, share) {
  const fill = element("span", { class: `fill ${look}` });
  fill.style.width = `${Math.max(share * 100, 0.6)}%`;
  return element("span", { class: `bar ${look}`, role: "img", "aria-label": `${name} ${percent(share)}` },
    element("span", { class: "letter", "aria-hidden": "true" }, letter),
    element("span", { class: "track" }, fill),
    element("span", { class: "share", "aria-hidden": "true" }, percent(share)));
}

function classRow(place, entry, predicted, threshold, choose) {
  const bars = element("span", { class: "bars" },
    ...BAR_KINDS.map(([value, letter, name, look]) => bar(look, letter, name, entry[value])));
  bars.style.setProperty("--threshold", threshold);
  const proposed = entry.class_id === predicted;
  return element("li", {},
    element("button", {
      class: proposed ? "class-row proposed" : "class-row",
      type: "button",
      "data-class": entry.class_id,
      "aria-label": `${place}: it is ${entry.name}, combined ${percent(entry.combined)}`,
      onmousedown: (event) => event.preventDefault(), // a click leaves the focus, so Space still pauses
      onclick: () => choose(entry.class_id),
    },
    element("kbd", {}, String(place)),
    element("span", { class: "class-name", title: entry.name }, entry.name,
      proposed ? element("span", { class: "mark" }, "proposed") : null),
    bars));
}

/** Mark the class whose example is shown beside the clip. */
function markCompared(list, classId) {
  list.querySelectorAll(".class-row").forEach((row) => {
    row.classList.toggle("compared", Number(row.dataset.class) === classId);
  });
}

function drawClassBars(list, item, threshold, choose) {
  list.replaceChildren(...item.classes.map((entry, index) =>
    classRow(index + 1, entry, item.predicted_class_id, threshold, choose)));
}

function barsLegend(threshold) {
  return element("p", { class: "legend" },
    ...BAR_KINDS.map(([, letter, name, look]) => element("span", {},
      element("i", { class: `swatch ${look}`, "aria-hidden": "true" }), `${letter} ${name.toLowerCase()}`)),
    element("span", {}, element("i", { class: "swatch line", "aria-hidden": "true" }),
      `accepted from ${percent(threshold)}`));
}
