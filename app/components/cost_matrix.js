// The cost matrix of two clips with the path; dark is alike. Rows are the first clip, from top to bottom.

class CostMatrix {
  /** `jump(row, column)` is called with the moments of a click or drag, `anchor` with those of a double click. */
  constructor(jump, anchor = null) {
    this.canvas = element("canvas", { class: "cost-matrix", role: "img", tabindex: "-1" });
    this.jump = jump;
    const moments = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const share = (value, from, size) => Math.max(0, Math.min(0.9999, (value - from) / size));
      return [share(event.clientY, box.top, box.height), share(event.clientX, box.left, box.width)];
    };
    const point = (event) => {
      if (this.matrix && event.buttons & 1) this.jump(...moments(event));
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
      point(event);
    });
    this.canvas.addEventListener("pointermove", point);
    if (anchor) this.canvas.addEventListener("dblclick", (event) => this.matrix && anchor(...moments(event)));
  }

  /** `anchors` are the cells set by hand that the path passes through. */
  show(matrix, path, anchors = []) {
    const same = matrix === this.matrix;
    [this.matrix, this.path, this.anchors] = [matrix, path, anchors];
    if (same) return;
    this.canvas.setAttribute("aria-label", matrix
      ? "Cost of matching each moment of the clip (down) with each of the example (across), and the path between them"
      : "No alignment to show");
    this.heat = matrix && this.paintHeat(matrix);
  }

  paintHeat({ costs, rows, columns }) {
    const heat = element("canvas", { width: columns, height: rows });
    const context = heat.getContext("2d");
    const pixels = context.createImageData(columns, rows);
    const sorted = Float64Array.from(costs).sort();
    const [least, most] = [sorted[0], sorted[Math.floor(sorted.length * 0.98)]];
    for (let cell = 0; cell < costs.length; cell += 1) {
      const level = Math.max(0, Math.min(1, (costs[cell] - least) / Math.max(most - least, 1e-9)));
      const colour = heatColour(level);
      pixels.data.set([...colour, 255], cell * 4);
    }
    context.putImageData(pixels, 0, 0);
    return heat;
  }

  draw(rowMoment, columnMoment) {
    const { canvas } = this;
    if (!fitCanvas(canvas)) return;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.matrix) return;
    const { rows, columns } = this.matrix;
    context.imageSmoothingEnabled = false;
    context.drawImage(this.heat, 0, 0, canvas.width, canvas.height);
    const across = (moment) => moment * canvas.width;
    const down = (moment) => moment * canvas.height;
    const density = canvas.width / boxOf(canvas)[0];
    context.lineWidth = 2 * density;
    context.lineJoin = "round";
    context.strokeStyle = "#ffffff";
    context.beginPath();
    for (const [row, column] of this.path) context.lineTo(across(momentOf(column, columns)), down(momentOf(row, rows)));
    context.stroke();
    for (const [row, column] of this.anchors) {
      const [x, y, size] = [across(momentOf(column, columns)), down(momentOf(row, rows)), 4.5 * density];
      context.fillStyle = "#ffffff";
      context.strokeStyle = "#0a1216";
      context.lineWidth = 1.5 * density;
      context.beginPath();
      context.moveTo(x, y - size);
      context.lineTo(x + size, y);
      context.lineTo(x, y + size);
      context.lineTo(x - size, y);
      context.closePath();
      context.fill();
      context.stroke();
    }
    context.lineWidth = density;
    context.strokeStyle = "rgba(255, 255, 255, .65)";
    context.beginPath();
    context.moveTo(0, down(rowMoment));
    context.lineTo(canvas.width, down(rowMoment));
    context.moveTo(across(columnMoment), 0);
    context.lineTo(across(columnMoment), canvas.height);
    context.stroke();
    context.fillStyle = "#ffb347";
    context.beginPath();
    context.arc(across(columnMoment), down(rowMoment), 4 * density, 0, 7);
    context.fill();
  }
}

const HEAT = [[9, 45, 54], [13, 104, 110], [72, 160, 140], [190, 205, 160], [247, 232, 205]]; // alike to unlike

function heatColour(level) {
  const place = level * (HEAT.length - 1);
  const low = Math.min(HEAT.length - 2, Math.floor(place));
  return HEAT[low].map((value, part) => Math.round(value + (HEAT[low + 1][part] - value) * (place - low)));
}
