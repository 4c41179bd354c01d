// The review screen: one pseudo-label, one key. Joined after the other files of this component.

const screens = new WeakMap(); // Streamlit calls the default export at every change of data

const ACTIONS = [
  ["accept", "A", "Accept"], ["search", "/", "Other class"], ["reject", "X", "Reject"],
  ["novel", "N", "None of these"], ["skip", "S", "Skip"], ["undo", "U", "Undo"],
];

class ReviewScreen {
  constructor(host, scope) {
    this.queue = new ReviewQueue();
    this.query = new QueryClip();
    this.aligned = new AlignedClips(this.query);
    this.neighbours = new Neighbours((near) => this.compareWith(near));
    this.examples = {};
    this.search = new ClassSearch((classId) => this.choose(classId));
    this.help = helpPanel();
    this.build();
    host.append(this.node);
    this.log = new VerdictLog(scope, (state, waiting) => this.showStatus(state, waiting));
    this.stopKeys = listenForKeys({
      verdict: (kind) => this.act(kind),
      digit: (digit) => this.chooseByDigit(digit),
      search: () => this.act("search"),
      help: () => { this.help.hidden = !this.help.hidden; },
      escape: () => { this.help.hidden = true; this.search.close(); },
      step: (frames) => this.queue.current && this.query.step(frames),
      compare: (by) => this.compareClass(by),
      speed: (by) => this.query.changeSpeed(by),
      pause: () => this.queue.current && this.query.pause(),
    });
    const tick = (now) => {
      this.query.advance(now);
      this.aligned.advance();
      this.neighbours.advance(now);
      this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  build() {
    this.why = element("span", { class: "why" });
    this.round = element("span", { class: "chip" });
    this.clipName = element("span", { class: "clip-name" });
    this.progress = element("span", { class: "progress-text", "aria-live": "off" });
    this.level = element("span", { class: "fill combined" });
    this.dot = element("span", { class: "status", role: "status" });
    this.name = element("h2", { class: "predicted" });
    this.sure = element("p", { class: "sure" });
    this.verdict = element("span", { class: "chip" });
    this.bars = element("ol", { class: "class-list", "aria-label": "Classes that come into question" });
    this.legend = element("div");
    this.notice = element("p", { class: "notice", role: "alert", hidden: true });
    this.buttons = ACTIONS.map(([kind, key, label]) => element("button", {
      class: kind === "accept" ? "action main" : "action", type: "button", "data-action": kind,
      onmousedown: (event) => event.preventDefault(), onclick: () => this.act(kind),
    }, element("kbd", {}, key), label));
    this.empty = element("section", { class: "empty", hidden: true });
    this.body = element("div", { class: "body" },
      element("div", { class: "evidence" },
        element("div", { class: "pair" }, this.query.node, this.aligned.stage),
        this.aligned.film,
        element("div", { class: "below" },
          element("figure", { class: "matrix-panel" }, this.aligned.matrix.canvas,
            element("figcaption", {}, "clip ↓ example →")),
          element("section", { class: "near-panel", "aria-label": "Most alignable labelled clips" },
            element("p", { class: "eyebrow" }, "Labelled clips that align best"), this.neighbours.list))),
      element("section", { class: "panel classes", "aria-label": "Proposal" },
        element("p", { class: "eyebrow" }, "Proposed"), this.name,
        element("div", { class: "sure-line" }, this.sure, this.verdict), this.bars, this.legend));
    this.actions = element("footer", { class: "actions" }, this.buttons[0],
        element("span", { class: "hint" }, element("kbd", {}, "1"), "–", element("kbd", {}, "9"), "it is this one"),
        ...this.buttons.slice(1),
        element("button", { class: "action small", type: "button", "aria-label": "Keys", onclick: () => { this.help.hidden = false; },
          onmousedown: (event) => event.preventDefault() }, element("kbd", {}, "?")));
    this.node = element("div", { class: "review fps" },
      element("header", { class: "top" }, this.round, this.clipName, this.why,
        element("span", { class: "progress" }, this.progress, element("span", { class: "track" }, this.level)), this.dot),
      this.notice, this.body, this.empty,
      this.actions, this.search.panel, this.help);
  }

  update(data, send) {
    this.data = data;
    Object.assign(this.examples, data.examples);
    this.log.connect(send);
    const refused = data.refused.find(([uuid]) => this.log.pending.has(uuid));
    this.log.acknowledge([...data.acknowledged, ...data.refused.map(([uuid]) => uuid)]);
    if (refused) this.say(`Not saved: ${refused[1]}`);
    const before = this.queue.current;
    this.queue.update(data.items, this.log.pending.values(), data.last);
    if (this.queue.current !== before || !this.queue.current) this.show();
    else this.showProgress();
    this.queue.preload((item) => this.exampleOf(item, item.predicted_class_id));
    this.log.tick();
  }

  show() {
    const item = this.queue.current;
    this.node.dataset.tone = toneOf(this.node);
    this.node.dataset.clip = item ? item.clip_id : "";
    this.body.hidden = !item;
    this.actions.hidden = !item && !this.queue.judged.length; // undo stays
    this.empty.hidden = Boolean(item);
    this.showProgress();
    if (!item) return this.showEmpty();
    this.query.show(item);
    this.name.textContent = item.predicted_class_name;
    this.sure.textContent = `${item.sureness} · ${percent(item.confidence)}`;
    this.verdict.textContent = item.accepted ? "✓ accepted by the round" : "○ below the line";
    this.verdict.className = item.accepted ? "chip good" : "chip";
    this.why.textContent = item.reason;
    this.why.title = item.reason;
    this.round.textContent = `Round ${item.round_number}`;
    this.clipName.textContent = item.name;
    drawClassBars(this.bars, item, this.data.threshold, (classId) => this.choose(classId));
    this.legend.replaceChildren(barsLegend(this.data.threshold));
    this.neighbours.show(item.nearest);
    this.compareWithClass(item.predicted_class_id);
    this.shownAt = performance.now();
    return undefined;
  }

  /** The labelled clip that shows a class to compare an item with; undefined where there is none. */
  exampleOf(item, classId) {
    return this.examples[item.classes.find((entry) => entry.class_id === classId)?.example_id];
  }

  compareWithClass(classId) {
    const item = this.queue.current;
    const entry = item.classes.find((each) => each.class_id === classId);
    const example = this.exampleOf(item, classId);
    this.compared = classId;
    markCompared(this.bars, classId);
    this.aligned.show(item, example && { ...example, name: entry.name }, item.features);
  }

  compareWith(near) {
    if (!this.queue.current) return;
    this.compared = null;
    markCompared(this.bars, null);
    this.aligned.show(this.queue.current, { ...near, name: near.label }, this.queue.current.features);
  }

  compareClass(by) {
    const item = this.queue.current;
    if (!item || this.search.isOpen) return;
    const place = item.classes.findIndex((entry) => entry.class_id === this.compared);
    const next = Math.max(0, Math.min(item.classes.length - 1, place + by));
    this.compareWithClass(item.classes[next].class_id);
  }

  showProgress() {
    let done = 0;
    for (const event of this.log?.pending.values() ?? []) {
      if (event.kind !== "skip") done += event.kind === "undo" ? -1 : 1;
    }
    const reviewed = Math.max(0, this.data.reviewed + done);
    const waiting = Math.max(0, this.data.waiting - done);
    this.progress.textContent = `${reviewed} reviewed · ${waiting} waiting`;
    this.level.style.width = `${(100 * reviewed) / Math.max(1, reviewed + waiting)}%`;
    const last = this.queue.judged.length > 0;
    this.buttons.forEach((button) => {
      button.disabled = button.dataset.action === "undo" ? !last : !this.queue.current;
    });
  }

  showEmpty() {
    this.why.textContent = "";
    this.round.textContent = "Review";
    this.clipName.textContent = "";
    this.empty.replaceChildren(
      element("p", { class: "predicted" }, this.log?.pending.size ? "Saving the last verdicts …" : "Nothing waits for you here"),
      element("p", { class: "quiet" }, this.data.empty_because ?? "The next clips are being fetched."));
  }

  showStatus(state, waiting) {
    const text = { saved: "✓ saved", saving: "… saving", offline: `↻ ${waiting} kept here, not saved yet` }[state];
    if (this.dot.textContent !== text) this.dot.textContent = text;
    this.dot.dataset.state = state;
    this.node.dataset.saved = state;
    if (!this.log?.kept && waiting) this.say("This browser keeps nothing: stay on the page until the dot says saved.");
  }

  say(text) {
    this.notice.textContent = text;
    this.notice.hidden = false;
    clearTimeout(this.noticeTimer);
    this.noticeTimer = setTimeout(() => { this.notice.hidden = true; }, 8000);
  }

  act(kind) {
    if (this.search.isOpen) return;
    if (kind === "undo") this.undo();
    else if (!this.queue.current) return;
    else if (kind === "search") this.search.open(this.data.classes);
    else this.decide(kind, kind === "accept" ? this.queue.current.predicted_class_id : null);
  }

  chooseByDigit(digit) {
    const entry = this.queue.current?.classes[digit - 1];
    if (entry && !this.search.isOpen) this.choose(entry.class_id);
  }

  choose(classId) {
    const proposed = this.queue.current?.predicted_class_id;
    if (this.queue.current) this.decide(classId === proposed ? "accept" : "correct", classId);
  }

  decide(kind, classId) {
    const item = this.queue.current;
    const event = this.log.append({
      kind, clip_id: item.clip_id, class_id: classId, predicted_class_id: item.predicted_class_id,
      round_id: item.round_id, seconds: Math.round(performance.now() - this.shownAt) / 1000,
    });
    this.queue.judge(event.uuid);
    this.show();
    this.queue.preload((item) => this.exampleOf(item, item.predicted_class_id));
  }

  undo() {
    const last = this.queue.takeBack();
    if (!last) return this.say("There is no verdict of yours to undo.");
    this.log.append({ kind: "undo", clip_id: last.item.clip_id, undoes_uuid: last.uuid, round_id: last.item.round_id });
    return this.show();
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.stopKeys();
    this.log.close();
    this.node.remove();
  }
}

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  let screen = screens.get(parentElement);
  if (!screen) {
    screen = new ReviewScreen(parentElement, data.scope);
    screens.set(parentElement, screen);
  }
  screen.update(data, (log) => setStateValue("log", log));
  return () => {
    screens.delete(parentElement);
    screen.close();
  };
}
