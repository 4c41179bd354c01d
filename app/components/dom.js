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

/** A count as people read it: 87,920. */
const grouped = (count) => count.toLocaleString("en");

const percent = (share) => `${Math.round(share * 100)} %`;

/** Light or dark, from the background the theme gives the page. */
function toneOf(host) {
  const ground = getComputedStyle(host).getPropertyValue("--st-background-color").trim();
  const digits = ground.match(/^#(..)(..)(..)/);
  if (!digits) return "light";
  const [red, green, blue] = digits.slice(1).map((pair) => parseInt(pair, 16));
  return 0.3 * red + 0.59 * green + 0.11 * blue > 128 ? "light" : "dark";
}

/** Whether a key goes into a field, or presses a button by itself. A slider takes only the keys that move it. */
const isTyping = (event) => {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  if (target.tagName === "INPUT" && target.type === "range") return /^(Arrow|Page|Home|End)/.test(event.key);
  return /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;
};
const isOnButton = (event) => /^(BUTTON|A)$/.test(event.composedPath()[0]?.tagName ?? "");
