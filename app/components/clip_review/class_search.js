// `/` opens a list of all classes; parts of words find, answers to questions narrow, arrows choose, Enter takes.

const ROWS = 60; // more than a list shows at a time; typing narrows it further

class ClassSearch {
  constructor(choose) {
    this.choose = choose;
    this.classes = [];
    this.answers = [];
    this.input = element("input", {
      type: "text", class: "search-input", placeholder: "Parts of the class name", role: "combobox",
      "aria-expanded": "true", "aria-controls": "class-options", "aria-autocomplete": "list", "aria-label": "Search a class", autocomplete: "off",
      oninput: () => this.filter(), onkeydown: (event) => this.key(event),
    });
    this.given = element("p", { class: "given", "aria-label": "Answers" });
    this.asked = element("p", { class: "asked", role: "group" });
    this.count = element("p", { class: "quiet found-count", role: "status" });
    this.list = element("ul", { id: "class-options", role: "listbox", "aria-label": "Classes", class: "search-list" });
    this.panel = overlay("Choose a class", () => this.close(), element("div", { class: "sheet search", onkeydown: (event) => this.answerByKey(event) },
      element("p", { class: "sheet-title" }, "It is another class"), this.input, this.given, this.asked, this.count,
      this.list));
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  /** `classes`: [id, name, attributes]. `questions`: {ask, then: [[answer, the question after it or null]]}, or null. */
  open(classes, questions = null) {
    if (classes !== this.classes) {
      this.classes = classes;
      this.words = classes.map(([, name]) => name.toLowerCase());
    }
    this.questions = questions;
    this.answers = [];
    this.input.value = "";
    this.ask();
    openOverlay(this.panel);
  }

  close() {
    closeOverlay(this.panel);
  }

  /** The question that the answers so far lead to; null where nothing is left to ask. */
  get question() {
    const after = (question, given) => question?.then.find(([value]) => value === given)?.[1] ?? null;
    return this.answers.reduce((question, [, value]) => after(question, value), this.questions);
  }

  /** A class that lacks an attribute stays, whatever was answered. */
  fits(attributes) {
    return this.answers.every(([name, value]) => !Object.hasOwn(attributes ?? {}, name) || attributes[name] === value);
  }

  answer(value) {
    this.answers.push([this.question.ask, value]);
    this.ask();
    this.input.focus();
  }

  takeBack(place) {
    this.answers.length = place; // the questions after it followed from it
    this.ask();
    this.input.focus();
  }

  ask() {
    const { question } = this;
    this.given.hidden = !this.answers.length;
    this.given.replaceChildren(...this.answers.map(([name, value], place) => element("button", {
      type: "button", class: "answer given-answer", "aria-label": `Take back: ${name} ${value}`,
      onclick: () => this.takeBack(place),
    }, `${name}: ${value}`, element("span", { "aria-hidden": "true" }, "×"))));
    this.asked.hidden = !question;
    this.values = question ? question.then.map(([value]) => value) : [];
    this.asked.setAttribute("aria-label", question ? question.ask : "");
    this.asked.replaceChildren(element("span", { class: "question-name" }, question ? `${question.ask}?` : ""),
      ...this.values.map((value, place) => element("button", {
        type: "button", class: "answer", "data-answer": value, onclick: () => this.answer(value),
      }, place < 9 ? element("kbd", {}, `Alt ${place + 1}`) : null, value)));
    this.filter();
  }

  filter() {
    const parts = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.found = this.classes.filter(([, , attributes], place) =>
      parts.every((part) => this.words[place].includes(part)) && this.fits(attributes));
    this.place = 0;
    this.list.replaceChildren(...this.found.slice(0, ROWS).map(([id, name], index) => element("li", {
      id: `class-option-${index}`, role: "option", "data-class": id, "aria-selected": index === 0 ? "true" : "false",
      onmousedown: (event) => { event.preventDefault(); this.take(index); },
    }, name)));
    this.input.setAttribute("aria-activedescendant", this.found.length ? "class-option-0" : "");
    const narrowed = parts.length || this.answers.length;
    this.count.textContent = narrowed || this.found.length > ROWS ? `${this.found.length} of ${this.classes.length} classes` : "";
    if (!this.found.length) {
      this.count.textContent = this.answers.length
        ? "No class fits these answers and has these parts in its name." : "No class has these parts in its name.";
    }
  }

  answerByKey(event) {
    const place = event.altKey && /^Digit[1-9]$/.test(event.code) ? Number(event.code.slice(5)) - 1 : -1;
    const value = this.values[place];
    if (value === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.answer(value);
  }

  key(event) {
    if (event.altKey) return; // it answers a question
    event.stopPropagation();
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter") this.take(this.place);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Backspace" && !this.input.value && this.answers.length) this.takeBack(this.answers.length - 1);
    else return;
    event.preventDefault();
  }

  move(by) {
    const rows = [...this.list.querySelectorAll("[role=option]")];
    if (!rows.length) return;
    rows[this.place].setAttribute("aria-selected", "false");
    this.place = (this.place + by + rows.length) % rows.length;
    rows[this.place].setAttribute("aria-selected", "true");
    this.input.setAttribute("aria-activedescendant", rows[this.place].id);
    rows[this.place].scrollIntoView({ block: "nearest" });
  }

  take(place) {
    const entry = this.found[place];
    if (!entry) return;
    this.close();
    this.choose(entry[0]);
  }
}
