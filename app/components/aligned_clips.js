// Two clips in phase: the second follows the first along the DTW path. Strips, cost matrix and both pictures share
// one cursor; a click or a drag on the matrix moves both.

const embeddings = new Map(); // url -> Promise of Float32Array, oldest first
const EMBEDDINGS_KEPT = 400;

/** A clip's frame embeddings, fetched once and kept; null where they can't be had. */
function embeddingOf(url) {
  if (!url) return Promise.resolve(null);
  let found = embeddings.get(url);
  if (found) {
    embeddings.delete(url); // newest use goes last
  } else {
    found = fetch(url, { credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.arrayBuffer() : null))
      .then((buffer) => buffer && fromHalf(buffer))
      .catch(() => { embeddings.delete(url); return null; });
  }
  embeddings.set(url, found);
  if (embeddings.size > EMBEDDINGS_KEPT) embeddings.delete(embeddings.keys().next().value);
  return found;
}

/** Moment in (0, 1) that a cell of a sprite shows, and back. */
const momentOfCell = (sprite, cell) => momentOf(Math.floor(cell * sprite.step), sprite.length);
const cellAt = (sprite, moment) => Math.max(0, Math.min(sprite.frames - 1,
  Math.round(frameAt(moment, sprite.length) / sprite.step)));

/** Draw cells of a sprite side by side, each whole and in the middle of its share of the canvas; null stays empty. */
function drawCells(canvas, sprite, cells) {
  const pixels = fitCanvas(canvas) ? pixelsOf(sheetOf(sprite.url)) : null;
  if (!pixels) return false;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  const share = canvas.width / cells.length;
  const scale = Math.min(share / sprite.width, canvas.height / sprite.height);
  const [wide, high] = [sprite.width * scale, sprite.height * scale];
  cells.forEach((cell, place) => cell !== null && context.drawImage(pixels,
    (cell % sprite.columns) * sprite.width, Math.floor(cell / sprite.columns) * sprite.height, sprite.width, sprite.height,
    place * share + (share - wide) / 2, (canvas.height - high) / 2, wide, high));
  return true;
}

/** How many whole frames of a sprite fit side by side. */
function framesInStrip(canvas, sprite) {
  const [width, height] = boxOf(canvas);
  return Math.max(4, Math.min(sprite.frames, Math.floor(width / Math.max(1, (height * sprite.width) / sprite.height))));
}

class AlignedClips {
  /** `query` is the QueryClip that leads; `title` says what the second clip is. */
  constructor(query) {
    this.query = query;
    this.canvas = element("canvas", { class: "example-clip", role: "img", "aria-label": "Example" });
    this.player = new SpritePlayer(this.canvas);
    this.player.paused = true;
    this.title = element("span", { class: "example-title" });
    this.note = element("span", { class: "quiet example-note" });
    this.stage = element("div", { class: "example" },
      element("div", { class: "stage" }, this.canvas),
      element("div", { class: "controls example-text" }, this.title, this.note));
    this.title.title = "What the clip is compared with";
    this.strips = ["Clip under review", "Example in phase"].map((label) =>
      element("canvas", { class: "strip", role: "img", "aria-label": label }));
    this.cursor = element("i", { class: "strip-cursor", "aria-hidden": "true" });
    this.film = element("div", { class: "strips", title: "Above the clip, below the example at the moments that match" },
      ...this.strips, this.cursor);
    const seek = (event) => {
      if (!this.sprite || !(event.buttons & 1)) return;
      const box = this.film.getBoundingClientRect();
      const moment = Math.max(0, Math.min(0.9999, (event.clientX - box.left) / box.width));
      this.query.seek(cellAt(this.sprite, moment));
    };
    this.film.addEventListener("pointerdown", (event) => { this.film.setPointerCapture(event.pointerId); seek(event); });
    this.film.addEventListener("pointermove", seek);
    this.film.addEventListener("resized", () => { this.stripsDrawn = false; });
    this.matrix = new CostMatrix((row, column) => this.jump(row, column));
    query.onFrame = () => this.follow();
  }

  /**
   * Show an example beside the clip: {sprite, embedding, name, note}, or null. The picture stands at once; the
   * path follows as soon as both embeddings are there.
   */
  async show(item, example, features) {
    this.turn = (this.turn ?? 0) + 1;
    const { turn } = this;
    [this.sprite, this.example, this.partners, this.columns, this.held] = [item.sprite, example, null, null, null];
    this.stage.dataset.state = example ? "waiting" : "none";
    this.title.textContent = example ? example.name : "";
    this.note.textContent = example ? "" : "No example of this class to show.";
    this.player.load(example ? example.sprite : null);
    this.matrix.show(null);
    this.stripsDrawn = false;
    if (!example) return this.follow();
    const [first, second] = await Promise.all([embeddingOf(item.embedding), embeddingOf(example.embedding)]);
    if (turn !== this.turn) return undefined;
    if (first && second && features) {
      const matrix = cosineCosts(first, second, features);
      const { path, distance } = alignPath(matrix);
      this.partners = follow(path);
      this.columns = matrix.columns;
      this.matrix.show(matrix, path);
      this.stage.dataset.state = "aligned";
      this.note.textContent = `in phase · distance ${distance.toFixed(2)}`;
    } else {
      this.stage.dataset.state = "linear";
      this.note.textContent = "same share of the clip; the alignment is not kept for this round";
    }
    this.stripsDrawn = false;
    return this.follow();
  }

  /** The example's moment for a moment of the clip. */
  partner(moment) {
    return this.partners ? partnerMoment(moment, this.partners, this.columns) : moment;
  }

  follow() {
    if (!this.sprite) return;
    if (this.held?.frame !== this.query.player.frame) this.held = null;
    const moment = momentOfCell(this.sprite, this.query.player.frame);
    const matched = this.held?.moment ?? this.partner(moment);
    this.cursor.style.left = `${moment * 100}%`;
    if (this.example) {
      const cell = cellAt(this.example.sprite, matched);
      if (cell !== this.player.frame || !this.player.painted) this.player.show(cell);
    }
    this.stage.dataset.frames = `${this.query.player.frame} ${this.player.frame}`; // cells on show
    this.matrix.draw(moment, matched);
  }

  /** Both clips to one cell of the matrix; the example stays there until the clip moves on. */
  jump(row, column) {
    this.query.seek(cellAt(this.sprite, row));
    this.held = { frame: this.query.player.frame, moment: column };
    this.follow();
  }

  /** Called by the shared clock: paints what was not loaded yet. */
  advance() {
    if (!this.sprite) return;
    if (this.example && !this.player.painted) this.player.draw();
    if (!this.stripsDrawn) this.stripsDrawn = this.drawStrips();
  }

  drawStrips() {
    const shown = framesInStrip(this.strips[0], this.sprite);
    const moments = Array.from({ length: shown }, (_, place) => momentOf(place, shown));
    const own = drawCells(this.strips[0], this.sprite, moments.map((moment) => cellAt(this.sprite, moment)));
    if (!this.example) {
      if (fitCanvas(this.strips[1])) this.strips[1].getContext("2d").clearRect(0, 0, this.strips[1].width, this.strips[1].height);
      return own;
    }
    const cells = moments.map((moment) => cellAt(this.example.sprite, this.partner(moment)));
    return drawCells(this.strips[1], this.example.sprite, cells) && own;
  }
}
