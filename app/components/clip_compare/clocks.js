// Clocks say which moments of two clips are shown together. A clock is a chain of points [a, b], moments in [0, 1]
// of either clip, from [0, 0] to [1, 1], neither ever going back. While A moves, A runs at its own pace and B is
// fitted to it; where A stands still, B runs at its own.

const CLOCKS = [["raw", "1", "Raw time"], ["linear", "2", "Linear stretch"], ["path", "3", "In phase"]];

/** Both begin together and run at their own pace; the shorter one waits at its end. */
function rawPoints(secondsA, secondsB) {
  if (secondsA < secondsB) return [[0, 0], [1, secondsA / secondsB], [1, 1]];
  return [[0, 0], [secondsB / secondsA, 1], [1, 1]];
}

/** The cells of a DTW path as moments. */
function pathPoints(path, rows, columns) {
  return [[0, 0], ...path.map(([row, column]) => [momentOf(row, rows), momentOf(column, columns)]), [1, 1]];
}

class Clock {
  constructor(points, secondsA, secondsB) {
    this.points = points;
    this.times = [0];
    for (let place = 1; place < points.length; place += 1) {
      const [a, b] = [points[place][0] - points[place - 1][0], points[place][1] - points[place - 1][1]];
      this.times.push(this.times[place - 1] + (a > 0 ? a * secondsA : b * secondsB));
    }
    this.total = this.times[this.times.length - 1];
  }

  /** Moments [a, b] after some seconds. */
  at(time) {
    const place = this.after(this.times, time);
    const [from, to] = [this.times[place - 1], this.times[place]];
    const share = to > from ? Math.max(0, Math.min(1, (time - from) / (to - from))) : 0;
    const [before, behind] = [this.points[place - 1], this.points[place]];
    return [0, 1].map((clip) => before[clip] + (behind[clip] - before[clip]) * share);
  }

  /** When clip 0 (A) or 1 (B) first shows a moment. */
  timeOf(moment, clip = 0) {
    const moments = this.points.map((point) => point[clip]);
    const place = this.after(moments, moment);
    const [from, to] = [moments[place - 1], moments[place]];
    const share = to > from ? Math.max(0, Math.min(1, (moment - from) / (to - from))) : 0;
    return this.times[place - 1] + (this.times[place] - this.times[place - 1]) * share;
  }

  /** First place from 1 on whose value is not below the one asked for. */
  after(values, value) {
    let place = 1;
    while (place < values.length - 1 && values[place] < value) place += 1;
    return place;
  }

  /** When what is shown changes: `show(a, b)` names what is on screen. The first is 0. */
  stops(show, samples) {
    const found = [];
    let last = null;
    for (let sample = 0; sample <= samples; sample += 1) {
      const time = (sample / samples) * this.total;
      const shown = show(...this.at(time));
      if (shown !== last) found.push(time);
      last = shown;
    }
    return found;
  }
}
