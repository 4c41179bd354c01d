// The list of keys, where each can be changed or switched off.

class KeySheet {
  /** `changed()` is called after each change. */
  constructor(map, changed) {
    this.map = map;
    this.changed = changed;
    this.waiting = null; // the action whose next key is being waited for
    this.message = element("p", { class: "key-message", role: "alert" });
    this.rows = element("div", { class: "key-rows" });
    const button = (label, act) => element("button", { class: "action", type: "button", onclick: act }, label);
    this.panel = overlay("Keys", () => this.close(), element("div", { class: "sheet keys" }, element("p", { class: "sheet-title" }, "Keys"), this.message, this.rows,
      element("p", { class: "quiet" }, "1 – 9 take a class of the list, Escape closes. E, A, E+A: what the action encoder, "
        + "the alignment and both together say. A proposal whose combined share reaches the line is trained on in the "
        + "next round unless you decide otherwise."),
      element("div", { class: "sheet-ends" }, button("Reset all keys", () => this.reset()), button("Close", () => this.close()))));
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  open() {
    this.say("");
    this.draw();
    openOverlay(this.panel);
  }

  close() {
    this.waiting = null;
    closeOverlay(this.panel);
  }

  draw() {
    const focused = this.focused();
    this.rows.replaceChildren(...KEYS.map(([action, , meaning]) => {
      const key = this.map.of(action);
      const small = (label, name, act, off) => element("button", { class: "key-act", type: "button", "aria-label": name,
        disabled: off, onmousedown: (event) => event.preventDefault(), onclick: act }, label);
      return element("div", { class: "key-row", "data-action": action },
        element("kbd", {}, this.waiting === action ? "press a key" : keyName(key)), element("span", {}, meaning),
        small("Change", `Change the key for: ${meaning}`, () => this.wait(action)),
        small("Off", `Switch off the key for: ${meaning}`, () => this.set(action, null), key === null));
    }));
    if (focused) this.rows.querySelector(`[data-action="${focused}"] .key-act`).focus();
  }

  /** The action whose buttons have the focus. */
  focused() {
    return this.panel.getRootNode().activeElement?.closest(".key-row")?.dataset.action;
  }

  wait(action) {
    this.waiting = action;
    this.say("Press the new key; Escape leaves it as it is.");
    this.draw();
  }

  /** Take a key that was waited for; returns whether one was. */
  take(event) {
    if (!this.waiting) return false;
    if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return true;
    const action = this.waiting;
    this.waiting = null;
    const key = keyOf(event);
    if (event.key === "Escape") this.say("");
    else if (key === null || event.ctrlKey || event.metaKey || event.altKey) this.say("That key belongs to the browser; choose another one.");
    else return this.set(action, key) || true;
    this.draw();
    return true;
  }

  set(action, key) {
    this.waiting = null;
    this.say(this.map.set(action, key) ?? "");
    this.draw();
    this.changed();
  }

  reset() {
    this.map.reset();
    this.say("Every key is as it was at first.");
    this.draw();
    this.changed();
  }

  say(text) {
    this.message.textContent = text;
  }
}
