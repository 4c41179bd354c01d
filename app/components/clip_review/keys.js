// Keys are caught before Streamlit sees them (it would take R and C), unless somebody is typing.

const VERDICT_KEYS = { a: "accept", x: "reject", n: "novel", s: "skip", u: "undo" };

const isTyping = (event) => {
  const target = event.composedPath()[0];
  return target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable);
};
const isOnButton = (event) => /^(BUTTON|A)$/.test(event.composedPath()[0]?.tagName ?? "");

/** Call `actions[name](argument)` for each key; returns the function that stops listening. */
function listenForKeys(actions) {
  const heard = (event) => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const held = event.repeat;
    let act = null;
    if (key in VERDICT_KEYS) act = () => actions.verdict(VERDICT_KEYS[key]);
    else if (/^[1-9]$/.test(key)) act = () => actions.digit(Number(key));
    else if (key === "/") act = actions.search;
    else if (key === "?") act = actions.help;
    else if (key === "Escape") act = actions.escape;
    else if (key === "ArrowLeft") return swallow(event, () => actions.step(-1));
    else if (key === "ArrowRight") return swallow(event, () => actions.step(1));
    else if (key === "ArrowUp" || key === "ArrowDown") act = () => actions.compare(key === "ArrowUp" ? -1 : 1);
    else if (key === "[" || key === "]") act = () => actions.speed(key === "[" ? -1 : 1);
    else if (key === " " && !isOnButton(event)) act = actions.pause;
    if (act) swallow(event, held ? () => {} : act); // a key held down is one press
  };
  const swallow = (event, act) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  };
  window.addEventListener("keydown", heard, true);
  return () => window.removeEventListener("keydown", heard, true);
}

const HELP = [
  ["A", "Accept what is proposed"], ["1 – 9", "It is this class of the list"], ["/", "It is another class: search"],
  ["X", "Reject: the proposal is wrong, no class given"], ["N", "None of the known classes"],
  ["S", "Skip for now"], ["U", "Undo my last verdict and show the clip again"],
  ["Space", "Pause and play"], ["← →", "One frame back or on"],
  ["↑ ↓", "Compare with an example of the class above or below"], ["[ ]", "Slower, faster"], ["?", "This list"],
];

function helpPanel() {
  const panel = element("div", { class: "overlay", hidden: true, role: "dialog", "aria-label": "Keys",
    onclick: () => { panel.hidden = true; } },
  element("div", { class: "sheet" },
    element("p", { class: "sheet-title" }, "Keys"),
    element("dl", { class: "help" }, ...HELP.flatMap(([key, meaning]) =>
      [element("dt", {}, element("kbd", {}, key)), element("dd", {}, meaning)])),
    element("p", { class: "quiet" }, "E, A, E+A: what the action encoder, the alignment and both together say. "
      + "A proposal whose combined share reaches the line is trained on in the next round unless you decide otherwise.")));
  return panel;
}
