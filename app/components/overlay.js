// A sheet over the screen: it takes the focus, keeps Tab inside, and gives the focus back where it was.

/** The sheet, closed; `close()` is called by a click beside it. */
function overlay(label, close, ...inside) {
  const panel = element("div", { class: "overlay", hidden: true, role: "dialog", "aria-modal": "true", "aria-label": label,
    onclick: (event) => event.target === panel && close(), onkeydown: (event) => keepInside(panel, event) }, ...inside);
  return panel;
}

/** Show it with the focus on its first control. */
function openOverlay(panel) {
  if (!panel.hidden) return;
  panel.cameFrom = panel.getRootNode().activeElement ?? document.activeElement;
  panel.hidden = false;
  controlsOf(panel)[0]?.focus();
}

/** Hide it; what had the focus before has it again, where that still is on screen. */
function closeOverlay(panel) {
  if (panel.hidden) return;
  panel.getRootNode().activeElement?.blur();
  panel.hidden = true;
  if (panel.cameFrom?.isConnected) panel.cameFrom.focus();
  panel.cameFrom = null;
}

const controlsOf = (panel) => [...panel.querySelectorAll("button, input, select, a[href]")]
  .filter((control) => !control.disabled && control.offsetParent !== null);

function keepInside(panel, event) {
  if (event.key !== "Tab") return;
  const controls = controlsOf(panel);
  const end = event.shiftKey ? controls[0] : controls.at(-1);
  if (event.composedPath()[0] !== end) return;
  event.preventDefault();
  (event.shiftKey ? controls.at(-1) : controls[0]).focus();
}

/** A list of keys and what they do: {panel, isOpen, open(), close()}. */
function keySheet(rows, note) {
  const close = () => closeOverlay(panel);
  const panel = overlay("Keys", close, element("div", { class: "sheet" },
    element("p", { class: "sheet-title" }, "Keys"),
    element("dl", { class: "help" }, ...rows.flatMap(([key, meaning]) =>
      [element("dt", {}, element("kbd", {}, key)), element("dd", {}, meaning)])),
    element("p", { class: "quiet" }, note),
    element("div", { class: "sheet-ends" }, element("button", { class: "action", type: "button", onclick: close }, "Close"))));
  return { panel, close, open: () => openOverlay(panel), get isOpen() { return !panel.hidden; } };
}
