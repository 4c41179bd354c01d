// The review screen: one pseudo-label, one key. Joined after the other files of this component.

const screens = new WeakMap(); // Streamlit calls the default export at every change of data

class ReviewScreen {
  constructor(host, scope) {
    this.queue = new ReviewQueue();
    this.query = new QueryClip();
    this.aligned = new AlignedClips(this.query);
    this.neighbours = new Neighbours((near) => this.compareWith(near));
    this.examples = {};
    this.search = new ClassSearch((classId) => this.choose(classId));
    this.flag = new FlagNote((note) => this.decide("flag", null, note));
    this.all = new AllClasses((classId) => this.choose(classId));
    this.queues = new QueueChoice((chosen) => this.chooseQueue(chosen));
    this.keyMap = new KeyMap(scope);
    this.help = new KeySheet(this.keyMap, () => this.showKeys());
    layOut(this);
    host.append(this.node);
    this.log = new VerdictLog(scope, (state, waiting) => this.showStatus(state, waiting));
    this.stopKeys = listenForKeys(this.keyMap, {
      ...Object.fromEntries(ACTIONS.map(([kind]) => [kind, () => this.act(kind)])),
      capture: (event) => this.help.take(event),
      digit: (digit) => this.chooseByDigit(digit),
      help: () => this.help.toggle(),
      escape: () => { this.help.close(); this.search.close(); this.flag.close(); },
      back: () => this.queue.current && this.query.step(-1),
      on: () => this.queue.current && this.query.step(1),
      above: () => this.compareClass(-1),
      below: () => this.compareClass(1),
      slower: () => this.query.changeSpeed(-1),
      faster: () => this.query.changeSpeed(1),
      open: () => this.queue.current && !this.queue.current.bare && !this.isBusy && this.open.click(),
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

  /** The hints on the buttons follow the keys. */
  showKeys() {
    for (const [action, hint] of this.keyHints) {
      const key = this.keyMap.of(action);
      hint.textContent = key === null ? "" : keyName(key);
      hint.hidden = key === null;
    }
    if (this.keyHints.get("help").hidden) this.keyHints.get("help").replaceChildren("?");
    this.keyHints.get("help").hidden = false; // its button is the way back
  }

  get isBusy() {
    return this.search.isOpen || this.flag.isOpen || this.help.isOpen;
  }

  chooseQueue(chosen) {
    this.sendQueue({ ...chosen, asked: Date.now() });
  }

  update(data, send, sendQueue) {
    if (this.data && String(this.data.queue) !== String(data.queue)) this.queue.items = []; // another queue: its own clips
    this.data = data;
    this.sendQueue = sendQueue;
    this.queues.show(data);
    Object.assign(this.examples, data.examples);
    this.log.connect(send);
    const refused = data.refused.find(([uuid]) => this.log.pending.has(uuid));
    this.log.acknowledge([...data.acknowledged, ...data.refused.map(([uuid]) => uuid)]);
    if (refused) this.say(`Not saved: ${refused[1]}`);
    const before = this.queue.current;
    this.queue.update(data.items, this.log.pending.values(), data.last);
    if (this.queue.current !== before || !this.queue.current) this.show();
    else this.showProgress();
    this.preload();
    this.log.tick();
  }

  preload() {
    this.queue.preload((item) => this.exampleOf(item, item.predicted_class_id));
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
    this.why.textContent = item.reason;
    this.why.title = item.reason;
    this.round.textContent = item.blind ? "Blind check" : `Round ${item.round_number}`;
    this.clipName.textContent = item.name;
    this.shownAt = performance.now();
    this.body.classList.toggle("bare", Boolean(item.bare));
    return item.bare ? this.showBare(item) : this.showProposal(item);
  }

  /** The clip and the list of classes; what was on screen of another clip's proposal goes. */
  showBare(item) {
    for (const node of [this.name, this.sure, this.verdict]) node.textContent = "";
    for (const node of [this.bars, this.legend]) node.replaceChildren();
    this.neighbours.show([]);
    this.aligned.show(item, null, 0);
    this.compared = null;
    this.open.hidden = true;
    this.open.removeAttribute("href");
    this.all.show(item, this.data.classes);
  }

  showProposal(item) {
    this.all.hide();
    this.name.textContent = item.predicted_class_name;
    this.sure.textContent = `${item.sureness} · ${percent(item.confidence)}`;
    this.verdict.textContent = item.accepted ? "✓ accepted by the round" : "○ below the line";
    this.verdict.className = item.accepted ? "chip good" : "chip";
    drawClassBars(this.bars, item, this.data.threshold, (classId) => this.choose(classId));
    this.legend.replaceChildren(barsLegend(this.data.threshold));
    this.neighbours.show(item.nearest);
    this.compareWithClass(item.predicted_class_id);
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
    this.showOpen(example);
    this.aligned.show(item, example && { ...example, name: entry.name }, item.features);
  }

  /** The link to the Compare page, in a tab of its own, so that this one keeps its place. */
  showOpen(other) {
    this.open.href = `/compare?a=${this.queue.current.clip_id}${other ? `&b=${other.clip_id}` : ""}`;
  }

  compareWith(near) {
    if (!this.queue.current) return;
    this.compared = null;
    markCompared(this.bars, null);
    this.showOpen(near);
    this.aligned.show(this.queue.current, { ...near, name: near.label }, this.queue.current.features);
  }

  compareClass(by) {
    const item = this.queue.current;
    if (!item || item.bare || this.isBusy) return;
    const place = item.classes.findIndex((entry) => entry.class_id === this.compared);
    const next = Math.max(0, Math.min(item.classes.length - 1, place + by));
    this.compareWithClass(item.classes[next].class_id);
  }

  showProgress() {
    let done = 0;
    for (const event of this.log?.pending.values() ?? []) {
      if (event.kind !== "skip" && event.kind !== "flag") done += event.kind === "undo" ? -1 : 1;
    }
    const reviewed = Math.max(0, this.data.reviewed + done);
    const waiting = Math.max(0, this.data.waiting - done);
    this.progress.textContent = `${grouped(reviewed)} reviewed · ${grouped(waiting)} waiting`;
    this.level.style.width = `${(100 * reviewed) / Math.max(1, reviewed + waiting)}%`;
    const last = this.queue.judged.length > 0;
    this.buttons.forEach((button) => {
      const kind = button.dataset.action;
      const useless = this.queue.current?.bare && OF_A_PROPOSAL.includes(kind);
      button.disabled = kind === "undo" ? !last : !this.queue.current || useless;
    });
    this.open.hidden = !this.queue.current || this.queue.current.bare;
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
    if (this.isBusy) return undefined;
    if (kind === "undo") this.undo();
    else if (!this.queue.current) return undefined;
    else if (this.queue.current.bare && OF_A_PROPOSAL.includes(kind)) {
      return this.say("Nothing is proposed here: say yourself which class it is.");
    } else if (kind === "flag") this.flag.open();
    else if (kind === "search") this.search.open(this.data.classes, this.data.questions);
    else this.decide(kind, kind === "accept" ? this.queue.current.predicted_class_id : null);
    return undefined;
  }

  chooseByDigit(digit) {
    const item = this.queue.current;
    const classId = item?.bare ? this.all.byDigit(digit) : item?.classes[digit - 1]?.class_id;
    if (item && classId !== undefined && !this.isBusy) this.choose(classId);
  }

  choose(classId) {
    const proposed = this.queue.current?.predicted_class_id;
    if (this.queue.current) this.decide(classId === proposed ? "accept" : "correct", classId);
  }

  decide(kind, classId, note = null) {
    const item = this.queue.current;
    const event = this.log.append({
      kind, clip_id: item.clip_id, class_id: classId, predicted_class_id: item.predicted_class_id,
      round_id: item.round_id, note, blind: Boolean(item.blind), seconds: Math.round(performance.now() - this.shownAt) / 1000,
    });
    this.queue.judge(event.uuid);
    this.show();
    this.preload();
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
  screen.update(data, (log) => setStateValue("log", log), (queue) => setStateValue("queue", queue));
  return () => {
    screens.delete(parentElement);
    screen.close();
  };
}
