// What moves: both pictures, side by side or one over the other, and their strips with the phase marks.

const COMPARE_SPEEDS = [0.25, 0.5, 1, 2];

class CompareStage {
  /** `actions` are play, seek(share), speed(value), jump(share of the strips), drag(flag, share) and drop(flag). */
  constructor(actions) {
    this.actions = actions;
    this.canvases = ["Clip A", "Clip B"].map((label) => element("canvas", { class: "compare-clip", role: "img", "aria-label": label }));
    this.players = this.canvases.map((canvas) => {
      const player = new SpritePlayer(canvas);
      player.paused = true;
      return player;
    });
    this.blend = element("canvas", { class: "compare-clip", role: "img", "aria-label": "Clip B over clip A" });
    this.titles = ["A", "B"].map((letter) => ({ letter: element("b", { class: "letter" }, letter),
      name: element("span", { class: "example-title" }), note: element("span", { class: "quiet example-note" }) }));
    this.both = element("div", { class: "stage both", hidden: true }, this.blend);
    this.pictures = this.canvases.map((canvas) => element("div", { class: "stage" }, canvas));
    this.pair = element("div", { class: "pair pictures" }, ...this.pictures, this.both);
    this.captions = element("div", { class: "pair captions" }, ...this.titles.map(({ letter, name, note }) =>
      element("div", { class: "caption" }, letter, name, note)));
    this.buildControls();
    this.buildStrips();
  }

  buildControls() {
    const still = (event) => event.preventDefault();
    this.play = element("button", { class: "tool", type: "button", onclick: () => this.actions.play(), onmousedown: still });
    this.scrub = element("input", { type: "range", class: "scrub", min: 0, max: 1000, value: 0, "aria-label": "Place",
      oninput: () => this.actions.seek(Number(this.scrub.value) / 1000) });
    this.speeds = COMPARE_SPEEDS.map((speed) => element("button", { class: "speed", type: "button", onmousedown: still,
      onclick: () => this.actions.speed(speed) }, `${speed}×`));
    this.share = element("input", { type: "range", class: "share", min: 0, max: 100, value: 50, "aria-label": "How much of B",
      oninput: () => { this.drawn = ""; } });
    this.shareNode = element("label", { class: "overlay-share", hidden: true }, "A", this.share, "B");
    this.controls = element("div", { class: "controls" }, this.play, this.scrub, this.shareNode,
      element("span", { class: "speeds", role: "group", "aria-label": "Speed" }, ...this.speeds));
  }

  buildStrips() {
    this.strips = ["Clip A", "Clip B at the moments that belong to it"].map((label) =>
      element("canvas", { class: "strip", role: "img", "aria-label": label }));
    this.cursor = element("i", { class: "strip-cursor", "aria-hidden": "true" });
    this.flags = element("div", { class: "flags" });
    this.film = element("div", { class: "strips", title: "Above A, below B" }, ...this.strips, this.flags, this.cursor);
    const across = (event) => {
      const box = this.film.getBoundingClientRect();
      return Math.max(0, Math.min(0.9999, (event.clientX - box.left) / box.width));
    };
    this.film.addEventListener("pointerdown", (event) => {
      this.film.setPointerCapture(event.pointerId);
      this.held = event.composedPath().find((node) => node.flag)?.flag ?? null;
      if (!this.held) this.actions.jump(across(event));
    });
    this.film.addEventListener("pointermove", (event) => {
      if (!(event.buttons & 1)) return;
      if (this.held) this.actions.drag(this.held, across(event));
      else this.actions.jump(across(event));
    });
    this.film.addEventListener("pointerup", () => {
      if (this.held) this.actions.drop(this.held);
      this.held = null;
    });
  }

  show(pair) {
    this.shown = pair;
    pair.clips.forEach((clip, place) => {
      this.players[place].load(clip.sprite);
      this.titles[place].name.textContent = clip.name;
      this.titles[place].name.title = clip.name;
    });
    this.redraw();
  }

  redraw() {
    [this.drawn, this.stripsDrawn] = ["", false];
  }

  setOverlay(on) {
    this.both.hidden = !on;
    this.shareNode.hidden = !on;
    for (const picture of this.pictures) picture.hidden = on;
    this.redraw();
  }

  showPlaying(playing, speed) {
    this.play.textContent = playing ? "❚❚" : "▶";
    this.play.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.speeds.forEach((button, place) => button.setAttribute("aria-pressed", String(COMPARE_SPEEDS[place] === speed)));
  }

  /** Draw the moments of both clips; `across` is the cursor's place in the strips, `share` that of the clock. */
  draw(moments, across, share) {
    const cells = moments.map((moment, clip) => cellAt(this.shown.clips[clip].sprite, moment));
    this.cursor.style.left = `${across * 100}%`;
    if (this.scrub.getRootNode().activeElement !== this.scrub) this.scrub.value = Math.round(share * 1000);
    const wanted = [...cells, this.both.hidden ? "" : this.share.value].join(" ");
    if (wanted === this.drawn) return;
    this.titles.forEach(({ note }, clip) => {
      const frame = frameAt(moments[clip], this.shown.frames[clip]);
      note.textContent = `${(moments[clip] * this.shown.seconds[clip]).toFixed(2)} s · frame ${frame + 1} / ${this.shown.frames[clip]}`;
    });
    const painted = this.both.hidden ? this.drawPictures(cells) : this.drawBlend(cells);
    if (painted) this.drawn = wanted;
    this.pair.dataset.frames = cells.join(" "); // cells on show
  }

  drawPictures(cells) {
    this.players.forEach((player, clip) => player.show(cells[clip]));
    return this.players.every((player) => player.painted);
  }

  drawBlend(cells) {
    const sheets = this.shown.clips.map((clip) => pixelsOf(sheetOf(clip.sprite.url)));
    if (!fitCanvas(this.blend) || !sheets.every(Boolean)) return false;
    const context = this.blend.getContext("2d");
    const { width, height } = this.blend;
    context.clearRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    this.shown.clips.forEach(({ sprite }, clip) => {
      const scale = Math.min(width / sprite.width, height / sprite.height);
      const [wide, high] = [sprite.width * scale, sprite.height * scale];
      context.globalAlpha = clip ? Number(this.share.value) / 100 : 1;
      context.drawImage(sheets[clip], (cells[clip] % sprite.columns) * sprite.width,
        Math.floor(cells[clip] / sprite.columns) * sprite.height, sprite.width, sprite.height,
        (width - wide) / 2, (height - high) / 2, wide, high);
    });
    context.globalAlpha = 1;
    return true;
  }

  /** Draw the strips: `momentsAt(place)` gives the moments of both clips at a place in them, null where one is over. */
  drawStrips(momentsAt) {
    if (this.stripsDrawn) return;
    this.stripsDrawn = this.strips.map((strip, clip) => {
      const { sprite } = this.shown.clips[clip];
      const count = framesInStrip(strip, sprite);
      const moments = Array.from({ length: count }, (_, place) => momentsAt(momentOf(place, count))[clip]);
      return drawCells(strip, sprite, moments.map((moment) => (moment === null ? null : cellAt(sprite, moment))));
    }).every(Boolean);
  }

  /** Show marks as flags: {clip, phase, across, tone, selected}; a drag on one moves it. */
  showFlags(flags) {
    this.flags.replaceChildren(...flags.map((flag) => {
      const node = element("i", { class: "flag", "data-clip": flag.clip, "data-tone": flag.tone, "data-phase": flag.phase,
        "data-selected": flag.selected ? "true" : null, style: `left: ${flag.across * 100}%`, title: flag.title },
      element("span", {}, flag.phase));
      node.flag = flag;
      return node;
    }));
  }

  /** Move flags that are there already, so that the one under the pointer stays the same. */
  moveFlags(flags) {
    [...this.flags.children].forEach((node, place) => { node.style.left = `${(flags[place]?.across ?? 0) * 100}%`; });
  }
}
