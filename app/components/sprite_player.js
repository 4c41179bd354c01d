// A sprite is one image holding every frame of a clip in rows; a canvas plays it exactly, frame by frame.

/** In the place of pictures that can't be had; the sprite is asked for again when it is shown anew. */
function sayMissing(canvas, context, density) {
  const [width] = boxOf(canvas);
  const size = Math.max(10, Math.min(14, width / 14)) * density;
  context.fillStyle = "#0b1519"; // the stage is dark in either theme
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#c6d3d7";
  context.font = `${size}px sans-serif`;
  context.textAlign = "center";
  const lines = width > 200
    ? ["The pictures of this clip can't be had.", "It can be skipped; a running worker makes them anew."]
    : ["no pictures"];
  lines.forEach((line, place) => context.fillText(line, canvas.width / 2,
    canvas.height / 2 + (place - (lines.length - 1) / 2) * size * 1.5, canvas.width * 0.94));
  canvas.dataset.missing = "true";
}

/** Plays one sprite on one canvas. `advance(now)` is called by a shared clock. */
class SpritePlayer {
  constructor(canvas, onFrame = () => {}) {
    this.canvas = canvas;
    this.onFrame = onFrame;
    this.speed = 1;
    this.paused = false;
    this.frame = 0;
    this.sprite = null;
    this.painted = false;
    canvas.addEventListener("resized", () => { this.painted = false; });
  }

  load(sprite) {
    this.sprite = sprite;
    this.sheet = sprite ? sheetOf(sprite.url) : null;
    this.frame = 0;
    this.elapsed = 0;
    this.last = null;
    this.painted = false;
    this.draw();
  }

  /** Move by whole frames and stay there. */
  step(frames) {
    if (!this.sprite) return;
    this.paused = true;
    this.show(this.frame + frames);
  }

  show(frame) {
    const count = this.sprite.frames;
    this.frame = ((frame % count) + count) % count;
    this.elapsed = 0;
    this.draw();
  }

  advance(now) {
    if (!this.sprite) return;
    if (!this.painted) this.draw();
    const passed = this.last === null ? 0 : now - this.last;
    this.last = now;
    if (this.paused || !this.painted) return;
    this.elapsed += Math.min(passed, 250) * this.speed;
    const perFrame = 1000 / this.sprite.fps;
    const frames = Math.floor(this.elapsed / perFrame);
    if (!frames) return;
    this.elapsed -= frames * perFrame;
    this.frame = (this.frame + frames) % this.sprite.frames;
    this.draw();
  }

  draw() {
    const { canvas, sprite, sheet } = this;
    if (!fitCanvas(canvas)) return;
    const { width, height } = canvas;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    if (!sprite) return;
    this.onFrame(this.frame, sprite.frames);
    const pixels = pixelsOf(sheet);
    if (sheet.missing) sayMissing(canvas, context, width / boxOf(canvas)[0]);
    if (!pixels) return;
    const scale = Math.min(width / sprite.width, height / sprite.height);
    const [wide, high] = [sprite.width * scale, sprite.height * scale];
    const [column, row] = [this.frame % sprite.columns, Math.floor(this.frame / sprite.columns)];
    context.imageSmoothingQuality = "high";
    context.drawImage(pixels, column * sprite.width, row * sprite.height, sprite.width, sprite.height,
      (width - wide) / 2, (height - high) / 2, wide, high);
    this.painted = true;
    delete canvas.dataset.missing;
    canvas.dataset.painted = sprite.url;
  }
}

/** Draw a sprite's frames side by side, for readers who asked for less motion; false while they are not there. */
function drawStrip(canvas, sprite, shown = 8) {
  const pixels = fitCanvas(canvas) ? pixelsOf(sheetOf(sprite.url)) : null;
  if (!pixels) return false;
  const columns = Math.ceil(shown / 2);
  const [cellWidth, cellHeight] = [canvas.width / columns, canvas.height / 2];
  const scale = Math.min(cellWidth / sprite.width, cellHeight / sprite.height);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  for (let place = 0; place < shown; place += 1) {
    const frame = Math.round((place / (shown - 1)) * (sprite.frames - 1));
    const [x, y] = [(place % columns) * cellWidth, Math.floor(place / columns) * cellHeight];
    context.drawImage(pixels, (frame % sprite.columns) * sprite.width,
      Math.floor(frame / sprite.columns) * sprite.height, sprite.width, sprite.height,
      x + (cellWidth - sprite.width * scale) / 2, y + (cellHeight - sprite.height * scale) / 2,
      sprite.width * scale, sprite.height * scale);
  }
  canvas.dataset.painted = sprite.url;
  return true;
}

const lessMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
