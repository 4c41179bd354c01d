// Two ribbons over A's time: who is faster where (the slope of the path), and how unlike the two are (local cost).

const MOST_PACE = 1; // of log2: twice as fast fills the ribbon

const colourOf = (node, name) => getComputedStyle(node).getPropertyValue(name).trim();

class Ribbons {
  constructor() {
    this.pace = element("canvas", { class: "ribbon pace", role: "img", "aria-label": "Who is faster where" });
    this.cost = element("canvas", { class: "ribbon cost", role: "img", "aria-label": "How unlike the two are at each moment" });
    this.cursor = element("i", { class: "strip-cursor", "aria-hidden": "true" });
    this.node = element("div", { class: "ribbons" },
      element("span", { class: "ribbon-name up" }, "↑ A faster"), element("span", { class: "ribbon-name down" }, "↓ B faster"),
      this.pace, element("span", { class: "ribbon-name cost-name" }, "local cost"), this.cost, this.cursor);
  }

  /** Draw a pair; A's time takes up `share` of the width, `marks` are moments of A. */
  draw(pair, share, marks) {
    const drawn = fitCanvas(this.pace) && fitCanvas(this.cost);
    if (drawn) {
      this.drawPace(pair, share);
      this.drawCost(pair, share);
      for (const canvas of [this.pace, this.cost]) this.drawMarks(canvas, share, marks);
    }
    return drawn;
  }

  drawPace(pair, share) {
    const { canvas, context } = this.clear(this.pace);
    const middle = canvas.height / 2;
    const colours = [colourOf(canvas, "--accent"), colourOf(canvas, "--faster-b")];
    for (let x = 0; pair.aligned && x < canvas.width * share; x += 1) {
      const level = Math.max(-1, Math.min(1, Math.log2(Math.max(pair.pace((x + 0.5) / canvas.width / share), 1e-6)) / MOST_PACE));
      context.fillStyle = colours[level > 0 ? 0 : 1];
      context.fillRect(x, level > 0 ? middle - level * middle : middle, 1, Math.abs(level) * middle);
    }
    context.fillStyle = colourOf(canvas, "--line");
    context.fillRect(0, middle, canvas.width, Math.max(1, canvas.height / 44));
  }

  drawCost(pair, share) {
    const { canvas, context } = this.clear(this.cost);
    if (!pair.aligned) return;
    const usual = pair.usual.local;
    const full = usual.length ? Math.max(usual[Math.floor(usual.length * 0.98)], 1e-6) : Math.max(...pair.local, 1e-6);
    const wide = (canvas.width * share) / pair.local.length;
    const [plain, odd] = [colourOf(canvas, "--quiet"), colourOf(canvas, "--bad")];
    pair.local.forEach((cost, row) => {
      const height = Math.min(1, cost / full) * canvas.height;
      context.fillStyle = usual.length && cost > full ? odd : plain; // seldom seen between clips of one class
      context.fillRect(row * wide, canvas.height - height, Math.max(1, wide - 1), height);
    });
  }

  drawMarks(canvas, share, marks) {
    const context = canvas.getContext("2d");
    context.fillStyle = colourOf(canvas, "--mark");
    for (const moment of marks) context.fillRect(moment * share * canvas.width - 1, 0, 2, canvas.height);
  }

  clear(canvas) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    return { canvas, context };
  }
}

const BINS = 28;

/** The distances of pairs of one class above, of different classes below, and this pair's between them. */
class ScoreStrip {
  constructor() {
    this.canvas = element("canvas", { class: "score-strip", role: "img" });
    this.said = element("p", { class: "score-said" });
    this.node = element("section", { class: "score", "aria-label": "How close the two are" },
      element("p", { class: "eyebrow" }, "How close the two are"), this.said, this.canvas,
      element("p", { class: "legend" },
        element("span", {}, element("i", { class: "swatch combined" }), "same class"),
        element("span", {}, element("i", { class: "swatch alignment" }), "different classes"),
        element("span", {}, element("i", { class: "swatch line" }), "these two")));
  }

  draw(pair) {
    this.said.textContent = pair.aligned ? scoreSentence(pair.distance, pair.usual)
      : "Without an alignment there is no distance to judge.";
    this.canvas.setAttribute("aria-label", this.said.textContent);
    if (!fitCanvas(this.canvas)) return false;
    const { canvas } = this;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    const { same, other } = pair.usual;
    if (!pair.aligned || !same.length) return true;
    const least = Math.min(same[0], other[0] ?? Infinity, pair.distance) * 0.96;
    const most = Math.max(same[same.length - 1], other[other.length - 1] ?? 0, pair.distance) * 1.02 || 1;
    const place = (distance) => (distance - least) / Math.max(most - least, 1e-9);
    const middle = canvas.height / 2;
    for (const [distances, name, up] of [[same, "--accent", true], [other, "--alignment", false]]) {
      const bins = new Array(BINS).fill(0);
      for (const each of distances) bins[Math.min(BINS - 1, Math.floor(place(each) * BINS))] += 1;
      const highest = Math.max(...bins, 1);
      context.fillStyle = colourOf(canvas, name);
      bins.forEach((count, bin) => {
        const height = (count / highest) * (middle - 2);
        context.fillRect((bin / BINS) * canvas.width, up ? middle - 1 - height : middle + 1, canvas.width / BINS - 1, height);
      });
    }
    context.fillStyle = colourOf(canvas, "--ink");
    context.fillRect(place(pair.distance) * canvas.width - 1.5, 0, 3, canvas.height);
    return true;
  }
}
