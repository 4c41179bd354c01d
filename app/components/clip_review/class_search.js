// `/` opens a list of all classes; parts of words find, arrows choose, Enter takes.

class ClassSearch {
  constructor(choose) {
    this.choose = choose;
    this.classes = [];
    this.input = element("input", {
      type: "text", class: "search-input", placeholder: "Parts of the class name", role: "combobox",
      "aria-expanded": "true", "aria-controls": "class-options", "aria-label": "Search a class", autocomplete: "off",
      oninput: () => this.filter(), onkeydown: (event) => this.key(event),
    });
    this.list = element("ul", { id: "class-options", role: "listbox", class: "search-list" });
    this.panel = element("div", { class: "overlay", hidden: true, role: "dialog", "aria-label": "Choose a class",
      onclick: (event) => event.target === this.panel && this.close() },
    element("div", { class: "sheet search" },
      element("p", { class: "sheet-title" }, "It is another class"), this.input, this.list));
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  open(classes) {
    this.classes = classes;
    this.panel.hidden = false;
    this.input.value = "";
    this.filter();
    this.input.focus();
  }

  close() {
    this.panel.hidden = true;
    this.input.blur();
  }

  filter() {
    const parts = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.found = this.classes.filter(([, name]) => parts.every((part) => name.toLowerCase().includes(part)));
    this.place = 0;
    this.list.replaceChildren(...this.found.slice(0, 60).map(([id, name], index) => element("li", {
      role: "option", "data-class": id, "aria-selected": index === 0 ? "true" : "false",
      onmousedown: (event) => { event.preventDefault(); this.take(index); },
    }, name)));
    if (!this.found.length) this.list.append(element("li", { class: "nothing" }, "No class has these parts in its name."));
  }

  key(event) {
    event.stopPropagation();
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter") this.take(this.place);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.move(event.key === "ArrowDown" ? 1 : -1);
    else return;
    event.preventDefault();
  }

  move(by) {
    const rows = [...this.list.querySelectorAll("[role=option]")];
    if (!rows.length) return;
    rows[this.place].setAttribute("aria-selected", "false");
    this.place = (this.place + by + rows.length) % rows.length;
    rows[this.place].setAttribute("aria-selected", "true");
    rows[this.place].scrollIntoView({ block: "nearest" });
  }

  take(place) {
    const entry = this.found[place];
    if (!entry) return;
    this.close();
    this.choose(entry[0]);
  }
}
