// Elements are made here and only here; text goes in as text nodes, so nothing a user typed becomes markup.

/** element("button", {class: "key", "aria-label": "Accept"}, "A", child, …) */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const percent = (share) => `${Math.round(share * 100)} %`;

/** Light or dark, from the background the theme gives the page. */
function toneOf(host) {
  const ground = getComputedStyle(host).getPropertyValue("--st-background-color").trim();
  const digits = ground.match(/^#(..)(..)(..)/);
  if (!digits) return "light";
  const [red, green, blue] = digits.slice(1).map((pair) => parseInt(pair, 16));
  return 0.3 * red + 0.59 * green + 0.11 * blue > 128 ? "light" : "dark";
}

/** Whether a key goes into a field, or presses a button by itself. */
const isTyping = (event) => {
  const target = event.composedPath()[0];
  return target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable);
};
const isOnButton = (event) => /^(BUTTON|A)$/.test(event.composedPath()[0]?.tagName ?? "");

/** A list of keys and what they do, as a sheet over the screen; a click closes it. */
function keySheet(rows, note) {
  const panel = element("div", { class: "overlay", hidden: true, role: "dialog", "aria-label": "Keys",
    onclick: () => { panel.hidden = true; } },
  element("div", { class: "sheet" },
    element("p", { class: "sheet-title" }, "Keys"),
    element("dl", { class: "help" }, ...rows.flatMap(([key, meaning]) =>
      [element("dt", {}, element("kbd", {}, key)), element("dd", {}, meaning)])),
    element("p", { class: "quiet" }, note)));
  return panel;
}
