// The clip under review: large, looping, with speed, pause and single frames.

const SPEEDS = [0.25, 0.5, 1, 2];

class QueryClip {
  constructor() {
    this.canvas = element("canvas", { class: "query-clip", role: "img", "aria-label": "Clip under review" });
    this.count = element("span", { class: "frame-count" });
    this.scrub = element("input", { type: "range", class: "scrub", min: 0, max: 1, value: 0, "aria-label": "Frame",
      oninput: () => this.seek(Number(this.scrub.value)) });
    this.play = element("button", { class: "tool", type: "button", "aria-label": "Pause", onclick: () => this.pause(),
      onmousedown: (event) => event.preventDefault() }, "❚❚");
    this.speeds = SPEEDS.map((speed) => element("button", { class: "speed", type: "button", onclick: () => this.setSpeed(speed),
      onmousedown: (event) => event.preventDefault() }, `${speed}×`));
    this.player = new SpritePlayer(this.canvas, (frame, frames) => this.report(frame, frames));
    this.still = lessMotion();
    this.canvas.addEventListener("resized", () => { this.stripDrawn = false; });
    this.node = element("div", { class: "query" },
      element("div", { class: "stage" }, this.canvas),
      element("div", { class: "controls" }, this.play, this.scrub, this.count,
        element("span", { class: "speeds", role: "group", "aria-label": "Speed" }, ...this.speeds)));
    this.setSpeed(1);
  }

  show(item) {
    this.sprite = item.sprite;
    this.scrub.max = item.sprite.frames - 1;
    this.player.paused = this.still;
    this.player.load(item.sprite);
    this.strip = this.still; // frames side by side, until somebody plays or steps
    this.stripDrawn = this.strip && drawStrip(this.canvas, item.sprite);
    this.drawPlay();
  }

  report(frame, frames) {
    const shown = (cell) => Math.floor(cell * this.sprite.step) + 1;
    this.count.textContent = `frame ${shown(frame)} / ${shown(frames - 1)}`;
    this.scrub.value = frame;
    this.onFrame?.();
  }

  advance(now) {
    if (!this.strip) this.player.advance(now);
    else if (!this.stripDrawn) this.stripDrawn = drawStrip(this.canvas, this.sprite) || this.player.draw();
  }

  seek(frame) {
    this.strip = false;
    this.player.paused = true;
    this.player.show(frame);
    this.drawPlay();
  }

  step(frames) {
    this.strip = false;
    this.player.step(frames);
    this.drawPlay();
  }

  pause() {
    this.strip = false;
    this.player.paused = !this.player.paused;
    this.player.last = null;
    this.drawPlay();
  }

  changeSpeed(by) {
    const place = SPEEDS.indexOf(this.player.speed) + by;
    this.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, place))]);
  }

  setSpeed(speed) {
    this.player.speed = speed;
    this.speeds.forEach((button, place) => button.setAttribute("aria-pressed", String(SPEEDS[place] === speed)));
  }

  drawPlay() {
    this.play.textContent = this.player.paused ? "▶" : "❚❚";
    this.play.setAttribute("aria-label", this.player.paused ? "Play" : "Pause");
  }
}
