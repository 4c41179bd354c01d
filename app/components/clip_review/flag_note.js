// `F` opens a field: Enter flags the clip with what was typed, Escape leaves.

class FlagNote {
  constructor(flag) {
    this.flag = flag;
    this.input = element("input", { type: "text", class: "search-input", maxlength: 2000, autocomplete: "off",
      placeholder: "What is odd about it? (may stay empty)", "aria-label": "Note", onkeydown: (event) => this.key(event) });
    this.panel = overlay("Flag this clip", () => this.close(), element("div", { class: "sheet search" }, element("p", { class: "sheet-title" }, "Flag this clip"), this.input,
      element("p", { class: "quiet note-hint" }, "Enter saves, Escape leaves. Everybody finds it in the queue “Flagged”.")));
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  open() {
    this.input.value = "";
    openOverlay(this.panel);
  }

  close() {
    closeOverlay(this.panel);
  }

  key(event) {
    event.stopPropagation();
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault();
    const note = this.input.value.trim();
    this.close();
    if (event.key === "Enter") this.flag(note || null);
  }
}
