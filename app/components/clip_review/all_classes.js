// Every class in its order, without any hint: for blind checks and for clips the round proposes nothing for.

class AllClasses {
  constructor(choose) {
    this.choose = choose;
    this.list = element("ol", { class: "all-classes", "aria-label": "All classes" });
    this.title = element("p", { class: "eyebrow" });
    this.node = element("section", { class: "panel bare-panel", "aria-label": "Which class is it?", hidden: true },
      this.title, element("h2", { class: "question" }, "What is it?"),
      element("p", { class: "quiet bare-hint" }, "Digits take the first nine, the search finds any class."), this.list);
  }

  show(item, classes) {
    this.node.hidden = false;
    this.title.textContent = item.blind ? "Blind check" : "No proposal";
    this.classes = classes;
    const drawn = JSON.stringify(classes.map(([id, name]) => [id, name]));
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.list.replaceChildren(...classes.map(([id, name], place) => element("li", {},
      element("button", { class: "bare-class", type: "button", "data-class": id,
        onmousedown: (event) => event.preventDefault(), onclick: () => this.choose(id) },
      element("kbd", {}, place < 9 ? String(place + 1) : ""), element("span", { class: "class-name" }, name)))));
  }

  hide() {
    this.node.hidden = true;
    this.drawn = null;
    this.list.replaceChildren();
  }

  byDigit(digit) {
    return this.classes?.[digit - 1]?.[0];
  }
}
