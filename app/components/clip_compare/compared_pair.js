// Two clips, the alignment between them, and what follows from it. No element is touched here.
// Carried-over marks and their confidence are those of app/services/phase_transfer.py.

const NEAR = 1 + 1e-6; // embeddings either side of a carried-over moment that count as the same moment

class ComparedPair {
  /** `clips` are {clip_id, name, sprite, embedding, fps}, `usual` is {same, other, local} of the round. */
  constructor(clips, features, usual) {
    [this.clips, this.features, this.usual] = [clips, features, usual];
    this.frames = clips.map((clip) => clip.sprite.length);
    this.seconds = clips.map((clip) => clip.sprite.length / clip.fps);
    this.anchors = [];
  }

  /** Fetch the embeddings and align, through these anchors; false where there is no alignment to be had. */
  async load(anchors = []) {
    const [first, second] = await Promise.all(this.clips.map((clip) => embeddingOf(clip.embedding)));
    if (!first || !second || !this.features) return false;
    this.matrix = cosineCosts(first, second, this.features);
    return this.align(anchors) || this.align([]);
  }

  /** Lay the path through these cells; false, and nothing changes, where time would run backwards. */
  align(anchors) {
    const found = alignPath(this.matrix, anchors);
    if (!found) return false;
    const { rows, columns, costs } = this.matrix;
    this.anchors = anchors;
    [this.path, this.distance] = [found.path, found.distance];
    this.partners = follow(found.path);
    this.columns = columns;
    const sums = Array.from({ length: rows }, () => [0, 0]);
    for (const [row, column] of found.path) {
      sums[row][0] += costs[row * columns + column];
      sums[row][1] += 1;
    }
    this.local = sums.map(([sum, cells]) => sum / cells);
    return true;
  }

  get aligned() {
    return Boolean(this.path);
  }

  /** The cell of the matrix that shows two moments. */
  cellOf(a, b) {
    return [frameAt(a, this.matrix.rows), frameAt(b, this.matrix.columns)];
  }

  /** Add an anchor at a cell in place of those of its row and column, or take it away where it is one. */
  toggleAnchor([row, column]) {
    const others = this.anchors.filter(([r, c]) => r !== row && c !== column);
    const there = this.anchors.some(([r, c]) => r === row && c === column);
    return this.align(there ? others : [...others, [row, column]]);
  }

  /** B's moment for a moment of A: along the path, or the same share of the clip without one. */
  partner(moment) {
    if (!this.aligned) return moment;
    const edge = 0.5 / this.partners.length; // before the first embedding and behind the last, on to the corners
    const ends = [this.partners[0], this.partners[this.partners.length - 1]].map((place) => momentOf(place, this.columns));
    if (moment < edge) return (ends[0] * Math.max(0, moment)) / edge;
    if (moment > 1 - edge) return 1 - ((1 - ends[1]) * Math.max(0, 1 - moment)) / edge;
    return partnerMoment(moment, this.partners, this.columns);
  }

  clock(kind) {
    const points = kind === "raw" ? rawPoints(...this.seconds)
      : kind === "path" && this.aligned ? pathPoints(this.path, this.matrix.rows, this.matrix.columns) : [[0, 0], [1, 1]];
    return new Clock(points, ...this.seconds);
  }

  /** Where a frame of A lies in B, and how sure that is: {frame, confidence}; confidence is null without a path. */
  carry(start) {
    const moment = momentOf(start, this.frames[0]);
    const frame = start ? frameAt(this.partner(moment), this.frames[1]) : 0;
    if (!this.aligned) return { frame, confidence: null };
    const row = frameAt(moment, this.matrix.rows);
    const place = this.partner(moment) * this.columns - 0.5;
    return { frame, confidence: this.certainty(row, place) * this.usualness(this.local[row]) };
  }

  /** How surely a row's partner lies at a place: the share of its columns' weights near it. */
  certainty(row, place) {
    const { rows, columns, costs } = this.matrix;
    const corners = [[0, 0], ...[...this.anchors].sort((a, b) => a[0] - b[0] || a[1] - b[1]), [rows - 1, columns - 1]];
    const block = corners.findIndex((corner, at) => at && row <= corner[0]);
    const [from, to] = [corners[block - 1], corners[block]];
    const wide = to[1] - from[1] + 1;
    const [forward, backward] = [totalsBetween(this.matrix, from, to), totalsBetween(this.matrix, from, to, true)];
    const best = forward[forward.length - 1];
    let [near, all] = [0, 0];
    for (let column = from[1]; column <= to[1]; column += 1) {
      const cell = (row - from[0]) * wide + column - from[1];
      const excess = Math.max(0, forward[cell] + backward[cell] - costs[row * columns + column] - best);
      const weight = Math.exp(-excess / this.scale);
      all += weight;
      if (Math.abs(column - place) <= NEAR) near += weight;
    }
    return near / all;
  }

  /** Median cost of a cell of a path between clips of one class. */
  get scale() {
    const { local } = this.usual;
    return local.length ? Math.max(local[local.length >> 1], 1e-3) : 1;
  }

  /** How usual a local cost is between clips of one class, 1 up to the median. */
  usualness(cost) {
    const { local } = this.usual;
    if (!local.length) return 1;
    let place = 0;
    while (place < local.length - 1 && local[place + 1] < cost) place += 1;
    const width = (local[place + 1] ?? local[place]) - local[place];
    const share = width > 0 ? (cost - local[place]) / width : cost > local[place] ? 1 : 0;
    const level = (place + Math.max(0, Math.min(1, share))) / (local.length - 1);
    return Math.min(1, 2 * (1 - Math.min(1, level)));
  }

  /** Seconds that pass in B while one passes in A, about a moment of A; above 1, A is the faster one. */
  pace(moment) {
    const half = 1.5 / (this.matrix?.rows ?? 24);
    const [from, to] = [Math.max(0, moment - half), Math.min(1, moment + half)];
    return ((this.partner(to) - this.partner(from)) * this.seconds[1]) / ((to - from) * this.seconds[0]);
  }
}

/** Shares of sorted distances that lie above one. */
function shareAbove(sorted, value) {
  return sorted.length ? sorted.filter((each) => each > value).length / sorted.length : 0;
}

/** What a distance means, in words. */
function scoreSentence(distance, { same, other }) {
  if (!same.length) return "No class had two labelled clips in this round, so there is nothing to judge the distance by.";
  const against = (sorted, kind) => {
    const closer = shareAbove(sorted, distance);
    return `${closer >= 0.5 ? `closer than ${percent(closer)}` : `farther apart than ${percent(1 - closer)}`} of pairs of ${kind}`;
  };
  const words = against(same, "the same class");
  const rest = other.length ? `, and ${against(other, "different classes")}` : "";
  return `${words[0].toUpperCase()}${words.slice(1)}${rest}.`;
}
