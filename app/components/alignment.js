// DTW between two clips in the browser, from the frame embeddings of the round: exact, and at once when anchors
// move. The recursion, its ties and its anchors are those of finepseudo_core.alignment.dtw_path.

/** 16-bit floats, little endian, as 32-bit ones. */
function fromHalf(buffer) {
  const halves = new Uint16Array(buffer);
  const values = new Float32Array(halves.length);
  for (let place = 0; place < halves.length; place += 1) {
    const half = halves[place];
    const [exponent, fraction] = [(half >> 10) & 31, half & 1023];
    const size = exponent === 0 ? fraction * 2 ** -24
      : exponent === 31 ? (fraction ? NaN : Infinity) : (1 + fraction / 1024) * 2 ** (exponent - 15);
    values[place] = half & 0x8000 ? -size : size;
  }
  return values;
}

/** Costs 1 - cos of every frame of one clip with every frame of another: {costs, rows, columns}, row by row. */
function cosineCosts(first, second, features) {
  const [rows, columns] = [first.length / features, second.length / features];
  const lengths = [first, second].map((clip) => {
    const found = new Float64Array(clip.length / features);
    for (let frame = 0; frame < found.length; frame += 1) {
      let sum = 0;
      for (let place = frame * features; place < (frame + 1) * features; place += 1) sum += clip[place] ** 2;
      found[frame] = Math.max(Math.sqrt(sum), 1e-12);
    }
    return found;
  });
  const costs = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let product = 0;
      const [left, right] = [row * features, column * features];
      for (let place = 0; place < features; place += 1) product += first[left + place] * second[right + place];
      costs[row * columns + column] = Math.max(0, 1 - product / (lengths[0][row] * lengths[1][column]));
    }
  }
  return { costs, rows, columns };
}

/** Cost of the cheapest path from `from` to each cell up to `to`, row by row; `back` asks for the way from `to`. */
function totalsBetween({ costs, columns }, from, to, back = false) {
  const [high, wide] = [to[0] - from[0] + 1, to[1] - from[1] + 1];
  const totals = new Float64Array(high * wide);
  const [first, step] = back ? [high * wide - 1, -1] : [0, 1];
  for (let row = 0; row < high; row += 1) {
    for (let column = 0; column < wide; column += 1) {
      const cell = first + step * (row * wide + column);
      const above = row ? totals[cell - step * wide] : Infinity;
      const left = column ? totals[cell - step] : Infinity;
      const diagonal = row && column ? totals[cell - step * (wide + 1)] : Infinity;
      const before = row || column ? Math.min(diagonal, above, left) : 0;
      totals[cell] = before + costs[(from[0] + Math.floor(cell / wide)) * columns + from[1] + (cell % wide)];
    }
  }
  return totals;
}

/** The cheapest path through cells (row, column) from `from` to `to`, both included. */
function pathBetween(matrix, from, to) {
  const wide = to[1] - from[1] + 1;
  const totals = totalsBetween(matrix, from, to);
  const path = [];
  let [row, column] = [to[0] - from[0], to[1] - from[1]];
  for (;;) {
    path.push([from[0] + row, from[1] + column]);
    if (!row && !column) return path.reverse();
    const above = row ? totals[(row - 1) * wide + column] : Infinity;
    const left = column ? totals[row * wide + column - 1] : Infinity;
    const diagonal = row && column ? totals[(row - 1) * wide + column - 1] : Infinity;
    if (diagonal <= above && diagonal <= left) [row, column] = [row - 1, column - 1];
    else if (above <= left) row -= 1;
    else column -= 1;
  }
}

/** Whether cells can lie on one path: time runs forward in both clips. */
function anchorsFit(anchors, rows, columns) {
  const corners = [[0, 0], ...[...anchors].sort((a, b) => a[0] - b[0] || a[1] - b[1]), [rows - 1, columns - 1]];
  return corners.every(([row, column], place) => row >= 0 && row < rows && column >= 0 && column < columns
    && (!place || (row >= corners[place - 1][0] && column >= corners[place - 1][1])));
}

/**
 * Hard DTW: {path, distance}, the path as cells [row, column] from first to last.
 * Anchors are cells that it must pass through; null where no path does.
 */
function alignPath(matrix, anchors = []) {
  const { costs, rows, columns } = matrix;
  if (!anchorsFit(anchors, rows, columns)) return null;
  const corners = [[0, 0], ...[...anchors].sort((a, b) => a[0] - b[0] || a[1] - b[1]), [rows - 1, columns - 1]];
  const path = [[0, 0]];
  for (let place = 1; place < corners.length; place += 1) {
    path.push(...pathBetween(matrix, corners[place - 1], corners[place]).slice(1));
  }
  return { path, distance: path.reduce((sum, [row, column]) => sum + costs[row * columns + column], 0) };
}

/** Row -> column along a path, the middle one where a row takes several; `turned` gives column -> row. */
function follow(path, turned = false) {
  const partners = [];
  for (const cell of path) {
    const [own, other] = turned ? [cell[1], cell[0]] : cell;
    (partners[own] ??= []).push(other);
  }
  return partners.map((others) => others[(others.length - 1) >> 1]);
}

// A moment is a place in a clip in (0, 1): the middle of a frame's stretch of time. Embedding k of T stands for
// (k + 1/2) / T, as the encoder samples it.
const momentOf = (frame, frames) => (frame + 0.5) / frames;
const frameAt = (moment, frames) => Math.max(0, Math.min(frames - 1, Math.round(moment * frames - 0.5)));

/** The moment along `partners` (row -> column, of `columns` embeddings) that belongs to a moment of the row clip. */
function partnerMoment(moment, partners, columns) {
  const place = Math.max(0, Math.min(partners.length - 1, moment * partners.length - 0.5));
  const [low, share] = [Math.floor(place), place - Math.floor(place)];
  const between = partners[low] * (1 - share) + partners[Math.min(low + 1, partners.length - 1)] * share;
  return momentOf(between, columns);
}
