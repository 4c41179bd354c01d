// The compare screen: two clips, three clocks, one alignment. Joined after the other files of this component.

const compareScreens = new WeakMap(); // Streamlit calls the default export at every change of data

const COMPARE_ACTIONS = [
  ["overlay", "O", "Overlay"], ["anchor", "K", "Anchor"], ["mark", "M", "Mark a phase"], ["accept", "⏎", "Accept"],
];

class CompareScreen {
  constructor(host, data) {
    this.log = new VerdictLog(`marks|${data.scope}`, (state, waiting) => this.showStatus(state, waiting));
    this.clock = new PairClock();
    this.desk = new PhaseDesk(this, this.log);
    this.stage = new CompareStage({
      play: () => this.play(), speed: (value) => this.moved(() => { this.clock.speed = value; }),
      seek: (share) => this.moved(() => this.clock.seek(share * this.clock.clock.total)),
      jump: (across) => this.moved(() => this.clock.seek(this.clock.timeAcross(across))),
      drag: (flag, across) => this.desk.drag(flag, across), drop: (flag) => this.desk.drop(flag),
    });
    this.matrix = new CostMatrix((...moments) => this.hold(moments), (a, b) => this.anchor(this.pair.cellOf(a, b)));
    this.ribbons = new Ribbons();
    this.score = new ScoreStrip();
    this.help = keySheet(COMPARE_HELP, "Marks are saved at once. Clock, speed and anchors are yours alone: the path is laid "
      + "anew in this browser, and the sentence about the distance follows it.");
    this.build();
    host.append(this.node);
    this.stopKeys = listenForCompareKeys(this.keys());
    const tick = (now) => {
      const passed = this.last === undefined ? 0 : Math.min(now - this.last, 250) / 1000;
      this.last = now;
      if (this.pair) {
        this.clock.advance(passed);
        this.draw();
      }
      this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  keys() {
    const free = (act) => (argument) => this.pair && !this.desk.names.isOpen && !this.help.isOpen && act(argument);
    return {
      clock: free((kind) => this.useClock(kind)), play: free(() => this.play()),
      step: free((by) => this.moved(() => this.clock.step(by))), speed: free((by) => this.moved(() => this.clock.changeSpeed(by))),
      overlay: free(() => this.act("overlay")), anchor: free(() => this.act("anchor")), mark: free(() => this.act("mark")),
      place: free(() => this.desk.placeInB()), select: free((by) => this.desk.list.select(by)),
      accept: free((all) => this.desk.acceptSome(all)), remove: free(() => this.desk.removeSelected()),
      swap: free(() => this.go({ swap: true })), walk: free((by) => this.go({ by })),
      help: () => (this.help.isOpen ? this.help.close() : this.desk.names.isOpen || this.help.open()),
      escape: () => { this.help.close(); this.desk.names.close(); },
    };
  }

  build() {
    const still = (event) => event.preventDefault(); // a click leaves the focus, and with it the keys, where they are
    const button = (attributes, act, ...inside) => element("button", { type: "button", onmousedown: still, onclick: act,
      ...attributes }, ...inside);
    this.round = element("span", { class: "chip" });
    this.note = element("span", { class: "why" });
    this.dot = element("span", { class: "status", role: "status" });
    this.notice = element("p", { class: "notice", role: "alert", hidden: true });
    this.clocks = CLOCKS.map(([kind, key, label]) =>
      button({ class: "clock", "data-clock": kind }, () => this.useClock(kind), element("kbd", {}, key), label));
    this.buttons = COMPARE_ACTIONS.map(([name, key, label]) =>
      button({ class: "action", "data-action": name }, () => this.act(name), element("kbd", {}, key), label));
    this.exports = ["png", "csv", "mp4"].map((name) =>
      button({ class: "export", "data-export": name }, () => this.export(name), name.toUpperCase()));
    this.toClass = button({ class: "action wide", "data-action": "transfer" }, () => this.transfer());
    this.told = element("p", { class: "quiet told", role: "status" });
    this.clear = button({ class: "mini", hidden: true }, () => this.relay(() => this.pair.align([])), "Clear anchors");
    this.node = element("div", { class: "compare fps", onresized: () => this.redraw() },
      element("header", { class: "top" }, this.round, this.note, this.clear, this.dot), this.notice,
      element("div", { class: "body" },
        element("div", { class: "evidence" }, this.stage.pair, this.stage.captions, this.stage.controls, this.stage.film,
          this.ribbons.node,
          element("div", { class: "below" },
            element("figure", { class: "matrix-panel" }, this.matrix.canvas, element("figcaption", {}, "A ↓ B →")),
            this.score.node)),
        element("section", { class: "panel", "aria-label": "Phases" },
          element("p", { class: "eyebrow" }, "Phases and tempo"), this.desk.list.list, this.told, this.toClass)),
      element("footer", { class: "actions" },
        element("span", { class: "clocks", role: "group", "aria-label": "Clock" }, ...this.clocks), ...this.buttons,
        element("span", { class: "exports", role: "group", "aria-label": "Download" }, ...this.exports),
        button({ class: "action small", "aria-label": "Keys" }, () => this.help.open(), element("kbd", {}, "?"))),
      this.desk.names.panel, this.help.panel);
  }

  update(data, send, go, transfer) {
    [this.data, this.goTo, this.transferNow] = [data, go, transfer];
    this.log.connect(send);
    const refused = data.refused.find(([uuid]) => this.log.pending.has(uuid));
    this.log.acknowledge([...data.acknowledged, ...data.refused.map(([uuid]) => uuid)]);
    if (refused) this.say(`Not saved: ${refused[1]}`);
    this.desk.marks.update(data.marks);
    this.node.dataset.tone = toneOf(this.node);
    const shown = [data.a, data.b].flatMap((clip) => [clip.clip_id, clip.embedding]).join(" ");
    if (shown !== this.shown) this.open(shown);
    else this.marksChanged();
    this.log.tick();
    if (this.wantsTransfer && !this.log.pending.size) this.transfer();
  }

  async open(shown) {
    this.shown = shown;
    const { data } = this;
    const pair = new ComparedPair([data.a, data.b], data.features, data.usual);
    this.pair = pair;
    Object.assign(this.node.dataset, { pair: `${data.a.clip_id} ${data.b.clip_id}`, state: "waiting" });
    this.round.textContent = data.round_number ? `Round ${data.round_number}` : "No round";
    this.desk.selected = null;
    this.clock.open(pair);
    this.stage.show(pair);
    this.matrix.show(null);
    this.refresh("");
    const aligned = await pair.load(keptAnchors(data)).catch(() => false);
    if (this.pair !== pair) return;
    this.node.dataset.state = aligned ? "aligned" : "linear";
    this.refresh(aligned ? `aligned · distance ${pair.distance.toFixed(2)}` : data.unaligned_because
      || "The embeddings of this round can't be read, so the clips are stretched evenly. Run a new round to align them.");
  }

  /** Everything that follows from the path, drawn anew. */
  refresh(note) {
    const { pair } = this;
    this.note.textContent = note;
    this.note.title = note;
    this.matrix.show(pair.matrix ?? null, pair.path, pair.anchors);
    this.clear.hidden = !pair.aligned || !pair.anchors.length;
    this.drawnScore = false;
    this.clock.use(this.clock.kind);
    this.clockChanged();
  }

  draw() {
    const { clock } = this;
    const { moments, across } = clock;
    this.stage.draw(moments, across, clock.share);
    this.stage.drawStrips((place) => clock.momentsAcross(place));
    this.ribbons.cursor.style.left = `${across * 100}%`;
    this.matrix.draw(...moments);
    if (!this.drawnRibbons) this.drawnRibbons = this.ribbons.draw(this.pair, clock.shareOfA, this.desk.moments);
    if (!this.drawnScore) this.drawnScore = this.score.draw(this.pair);
  }

  /** Have all that stands still drawn again; the matrix is drawn at every frame. */
  redraw() {
    this.stage.redraw();
    [this.drawnRibbons, this.drawnScore] = [false, false];
  }

  useClock(kind) {
    if (kind === "path" && !this.pair.aligned) this.say(this.note.textContent);
    this.clock.change(kind);
    this.clockChanged();
  }

  clockChanged() {
    this.clocks.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.clock === this.clock.kind)));
    this.stage.showPlaying(this.clock.playing, this.clock.speed);
    this.stage.redraw();
    this.marksChanged();
  }

  play() {
    this.moved(() => this.clock.play());
  }

  hold(moments) {
    this.moved(() => this.clock.hold(moments));
  }

  /** Do something with the clock and show where it is then. */
  moved(act) {
    if (!this.pair) return;
    act();
    this.stage.showPlaying(this.clock.playing, this.clock.speed);
    this.draw();
  }

  act(name) {
    if (name === "overlay") {
      this.overlay = !this.overlay;
      this.stage.setOverlay(this.overlay);
      this.buttons[0].setAttribute("aria-pressed", String(this.overlay));
    } else if (name === "anchor") this.anchor(this.pair.aligned ? this.pair.cellOf(...this.clock.moments) : null);
    else if (name === "accept") this.desk.acceptSome(false);
    else if (name === "mark") {
      if (this.clock.playing) this.play();
      this.desk.ask();
    }
  }

  anchor(cell) {
    if (!cell) return this.say("Without an alignment there is no path to anchor.");
    return this.relay(() => this.pair.toggleAnchor(cell));
  }

  /** Lay the path anew; the clips stay where they are. */
  relay(act) {
    const before = performance.now();
    const { moments } = this.clock;
    if (!act()) return this.say("Time would run backwards there: remove the anchor that it crosses first.");
    const count = this.pair.anchors.length;
    this.refresh("");
    this.hold(moments);
    const took = performance.now() - before;
    this.node.dataset.relaid = took.toFixed(1);
    this.note.textContent = `aligned · distance ${this.pair.distance.toFixed(2)} · path laid anew through ${count} `
      + `anchor${count === 1 ? "" : "s"} in ${Math.max(1, Math.round(took))} ms`;
    return keepAnchors(this.data, this.pair.anchors);
  }

  marksChanged() {
    if (!this.pair) return;
    this.desk.show(this.stage);
    this.drawnRibbons = false;
    const { class_name: name, class_clips: others, told } = this.data;
    this.toClass.textContent = name ? `Carry A's marks over to ${others} other clip${others === 1 ? "" : "s"} of ${name}`
      : "A has no class yet, so its marks carry over to B only";
    this.toClass.title = this.toClass.textContent;
    this.toClass.disabled = !others || !this.desk.moments.length || !this.pair.aligned || Boolean(this.wantsTransfer);
    this.told.textContent = told;
    this.buttons[3].disabled = !this.desk.anyToAccept;
  }

  transfer() {
    this.wantsTransfer = Boolean(this.log.pending.size); // first what was just marked, then the class
    if (!this.wantsTransfer) this.transferNow({ clip_id: this.data.a.clip_id, at: Date.now() });
    this.marksChanged();
  }

  /** Ask the page for other clips. */
  go(where) {
    this.goTo({ ...where, at: Date.now() });
  }

  async export(name) {
    const { pair } = this;
    if (name === "csv" && !pair.aligned) return this.say("Without an alignment there is no path to save.");
    if (name === "csv") return download(new Blob([pathTable(pair)], { type: "text/csv" }), `${fileStem(pair)}.csv`);
    const button = this.exports.find((each) => each.dataset.export === name);
    button.disabled = true;
    try {
      const made = name === "png" ? await this.sheet() : await pairVideo(this.data.video, pair, this.clock.clock, this.clock.speed);
      download(made, `${fileStem(pair)}.${name}`);
    } catch (error) {
      this.say(`The ${name} could not be made: ${error.message}`);
    }
    button.disabled = false;
    return undefined;
  }

  sheet() {
    const [first, second] = this.pair.clips.map((clip, place) => `${"AB"[place]}: ${clip.name}`);
    const { canvases, blend, strips } = this.stage;
    const pictures = this.overlay ? [[blend, `${second} over ${first}`]] : [[canvases[0], first], [canvases[1], second]];
    const clock = CLOCKS.find(([kind]) => kind === this.clock.kind)[2].toLowerCase();
    return comparisonSheet(this.node, `Two clips, ${clock}`, [pictures, [[strips[0], "A"]], [[strips[1], "B"]],
      [[this.ribbons.pace, "Up: A is faster. Down: B is faster."]], [[this.ribbons.cost, "Local cost"]],
      [[this.matrix.canvas, "A down, B across"], [this.score.canvas, "Distances of pairs: same class above, different classes below"]]],
    [this.score.said.textContent, ...this.desk.list.sentences]);
  }

  showStatus(state, waiting) {
    const text = { saved: "✓ saved", saving: "… saving", offline: `↻ ${waiting} kept here, not saved yet` }[state];
    if (this.dot.textContent !== text) this.dot.textContent = text;
    this.dot.dataset.state = state;
    this.node.dataset.saved = state;
  }

  say(text) {
    this.notice.textContent = text;
    this.notice.hidden = false;
    clearTimeout(this.noticeTimer);
    this.noticeTimer = setTimeout(() => { this.notice.hidden = true; }, 8000);
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.stopKeys();
    this.log.close();
    this.node.remove();
  }
}

export default function (component) {
  const { parentElement, data, setStateValue, setTriggerValue } = component;
  let screen = compareScreens.get(parentElement);
  if (!screen) {
    screen = new CompareScreen(parentElement, data);
    compareScreens.set(parentElement, screen);
  }
  screen.update(data, (log) => setStateValue("log", log), (where) => setTriggerValue("go", where),
    (what) => setTriggerValue("transfer", what));
  return () => {
    compareScreens.delete(parentElement);
    screen.close();
  };
}
