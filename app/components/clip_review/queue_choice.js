// Which queue the clips come from. Choosing leaves the focus, so that the next key is a verdict again. With the
// arrows nothing is chosen on the way: Enter or Tab takes the queue on show, Escape goes back to the one before.

class QueueChoice {
  /** `choose({name, class_id})` is called with what somebody picks. */
  constructor(choose) {
    this.choose = choose;
    const list = (label, hidden) => element("select", { class: "queue", "aria-label": label, hidden,
      onkeydown: (event) => this.key(event), onpointerdown: () => { this.byKey = false; },
      onchange: () => { if (this.byKey) this.waiting = true; else this.pick(); },
      onblur: () => this.waiting && this.pick() });
    this.select = list("Queue", false);
    this.classes = list("Class of the queue", true);
    this.badge = element("span", { class: "chip warning", role: "status", hidden: true });
    this.node = element("span", { class: "queues" }, this.select, this.classes, this.badge);
  }

  key(event) {
    this.byKey = true;
    if (event.key === "Escape") {
      this.waiting = false;
      this.show(this.shown);
      event.target.blur();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.pick();
    }
  }

  show(data) {
    this.shown = data;
    if (!this.waiting) this.draw(data);
  }

  draw({ queues, queue: [name, classId], classes, unavailable }) {
    const drawn = JSON.stringify([queues, classes.map(([id, title]) => [id, title])]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      const option = ([value, title]) => element("option", { value }, title);
      this.select.replaceChildren(...queues.map(option));
      this.classes.replaceChildren(element("option", { value: "" }, "Choose a class"), ...classes.map(option));
    }
    this.select.value = name;
    this.classes.value = classId ?? "";
    this.classes.hidden = name !== "class";
    this.badge.hidden = !unavailable;
    this.badge.textContent = unavailable ? "not available" : "";
    this.badge.title = unavailable ?? "";
  }

  pick() {
    this.waiting = false;
    const classId = this.select.value === "class" && this.classes.value ? Number(this.classes.value) : null;
    this.select.blur();
    this.classes.blur();
    this.choose({ name: this.select.value, class_id: classId });
  }
}
