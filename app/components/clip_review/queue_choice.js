// Which queue the clips come from. Choosing leaves the focus, so that the next key is a verdict again.

class QueueChoice {
  /** `choose({name, class_id})` is called with what somebody picks. */
  constructor(choose) {
    this.choose = choose;
    this.select = element("select", { class: "queue", "aria-label": "Queue", onchange: () => this.pick() });
    this.classes = element("select", { class: "queue", "aria-label": "Class of the queue", hidden: true, onchange: () => this.pick() });
    this.badge = element("span", { class: "chip warning", role: "status", hidden: true });
    this.node = element("span", { class: "queues" }, this.select, this.classes, this.badge);
  }

  show({ queues, queue: [name, classId], classes, unavailable }) {
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
    const classId = this.select.value === "class" && this.classes.value ? Number(this.classes.value) : null;
    this.select.blur();
    this.classes.blur();
    this.choose({ name: this.select.value, class_id: classId });
  }
}
