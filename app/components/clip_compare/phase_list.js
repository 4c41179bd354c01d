// The phases of the two clips as a list: where each begins in A and in B, and what that says about tempo.

class PhaseList {
  /** `actions` are select(phase), accept(row), remove(mark), rename is not offered: a mark is set anew. */
  constructor(actions) {
    this.actions = actions;
    this.list = element("ol", { class: "phase-list", "aria-label": "Phases" });
    this.selected = null;
  }

  /** The row that keys act on; the first one when nothing is selected. */
  get current() {
    return this.rows?.find((row) => row.phase === this.selected) ?? this.rows?.[0] ?? null;
  }

  select(by) {
    const place = this.rows.indexOf(this.current);
    const next = this.rows[Math.max(0, Math.min(this.rows.length - 1, place + by))];
    if (next) this.actions.select(next.phase);
  }

  show(rows, pair, selected) {
    [this.rows, this.selected] = [rows, selected];
    const both = rows.filter((row) => row.a !== null && row.b !== null);
    const said = tempoReport(both, pair.clips.map((clip) => clip.fps));
    this.list.replaceChildren(...rows.map((row) => this.row(row, pair, said.get(row.phase))));
    if (!rows.length) {
      this.list.append(element("li", { class: "nothing" },
        "No phase is marked yet. Stop where one begins in A and press ", element("kbd", {}, "M"), "."));
    }
    this.sentences = both.flatMap((row) => (said.has(row.phase) ? [`${row.phase} ${said.get(row.phase)}`] : []));
  }

  row(row, pair, said) {
    const time = (frame, clip) => `${(frame / pair.clips[clip].fps).toFixed(2)} s`;
    return element("li", { class: "phase", "data-phase": row.phase,
      "aria-current": row === this.current ? "true" : null, onclick: () => this.actions.select(row.phase) },
    element("span", { class: "phase-name", title: row.phase }, row.phase),
    row.markA ? this.begin("A", row.markA, time(row.a, 0)) : element("span", { class: "begin" }, "A –"),
    row.markB ? this.begin("B", row.markB, time(row.b, 1)) : this.suggestion(row, time(row.b, 1)),
    said ? element("span", { class: "phase-said" }, said) : null);
  }

  begin(letter, mark, time) {
    const carried = mark.source === "transferred";
    return element("span", { class: "begin", "data-source": mark.source },
      `${letter} ${time}`,
      carried ? element("span", { class: "chip", title: "Carried over from another clip; nobody has looked at it yet" },
        percent(mark.confidence)) : null,
      carried ? this.button("✓", `${mark.phase} begins here in ${letter}: it is right`, () => this.actions.confirm(mark)) : null,
      this.button("×", `Remove ${mark.phase} from ${letter}`, () => this.actions.remove(mark)));
  }

  suggestion(row, time) {
    const sure = row.suggested < 0 ? "same share" : `${percent(row.suggested)} sure`;
    return element("span", { class: "begin suggested" }, `B ${time}`, element("span", { class: "chip" }, sure),
      this.button("✓", `Accept: ${row.phase} begins here in B`, () => this.actions.accept(row)));
  }

  button(text, label, act) {
    return element("button", { class: "mini", type: "button", "aria-label": label, title: label,
      onmousedown: (event) => event.preventDefault(),
      onclick: (event) => { event.stopPropagation(); act(); } }, text);
  }
}

/** Asks for the name of a phase; names used before are offered. */
class PhaseNames {
  constructor(choose) {
    this.choose = choose;
    this.input = element("input", { type: "text", class: "search-input", maxlength: 80, autocomplete: "off",
      role: "combobox", "aria-expanded": "true", "aria-controls": "phase-names", "aria-autocomplete": "list",
      placeholder: "Name of the phase, e.g. entry", "aria-label": "Name of the phase", oninput: () => this.filter(),
      onkeydown: (event) => this.key(event) });
    this.list = element("ul", { id: "phase-names", class: "search-list", role: "listbox",
      "aria-label": "Names used before" });
    this.panel = overlay("Name the phase", () => this.close(), element("div", { class: "sheet search" },
      element("p", { class: "sheet-title" }, "Which phase begins here in A?"), this.input, this.list));
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  /** `names` were used before; those not set in this clip come first. */
  open(names) {
    this.names = names;
    this.input.value = "";
    this.filter();
    openOverlay(this.panel);
  }

  close() {
    closeOverlay(this.panel);
  }

  filter() {
    const typed = this.input.value.trim().toLowerCase();
    this.found = this.names.filter((name) => name.toLowerCase().includes(typed)).slice(0, 12);
    this.place = typed ? -1 : 0; // what is typed wins until somebody moves down
    this.list.replaceChildren(...this.found.map((name, place) => element("li", { id: `phase-name-${place}`, role: "option",
      onmousedown: (event) => { event.preventDefault(); this.take(name); } }, name)));
    this.move(0);
  }

  key(event) {
    event.stopPropagation();
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter") this.take(this.found[this.place] ?? this.input.value.trim());
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.move(event.key === "ArrowDown" ? 1 : -1);
    else return;
    event.preventDefault();
  }

  move(by) {
    this.place = Math.max(-1, Math.min(this.found.length - 1, this.place + by));
    [...this.list.children].forEach((row, place) => row.setAttribute("aria-selected", String(place === this.place)));
    this.input.setAttribute("aria-activedescendant", this.place < 0 ? "" : `phase-name-${this.place}`);
  }

  take(name) {
    if (!name) return;
    this.close();
    this.choose(name);
  }
}
