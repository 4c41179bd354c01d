// Where in the two clips we are: which clock runs, how far it is, and what of the strips that corresponds to.

class PairClock {
  constructor() {
    [this.kind, this.time, this.speed, this.playing, this.held] = ["path", 0, 1, !lessMotion(), null];
  }

  /** Begin with another pair. */
  open(pair) {
    [this.pair, this.time, this.held] = [pair, 0, null];
    this.use(this.kind);
  }

  /** Run by another clock, or by the same one after the path was laid anew. */
  use(kind) {
    const { clips } = this.pair;
    this.kind = kind;
    this.clock = this.pair.clock(kind);
    this.time = Math.min(this.time, this.clock.total);
    this.stops = this.clock.stops((...moments) => this.pictures(moments), 8 * (clips[0].sprite.frames + clips[1].sprite.frames));
  }

  /** The pictures that show a moment of either clip. */
  pictures(moments) {
    return moments.map((moment, clip) => cellAt(this.pair.clips[clip].sprite, moment)).join(" ");
  }

  /** Run by another clock from the same moment of A on. */
  change(kind) {
    const [a] = this.moments;
    this.use(kind);
    [this.time, this.held] = [this.clock.timeOf(a), null];
  }

  /** Moments of both clips on show. */
  get moments() {
    return this.held ?? this.clock.at(this.time);
  }

  get share() {
    return this.time / Math.max(this.clock.total, 1e-9);
  }

  advance(passed) {
    if (this.playing && !this.held) this.time = (this.time + passed * this.speed) % Math.max(this.clock.total, 1e-6);
  }

  play() {
    [this.playing, this.held] = [!this.playing, null];
  }

  seek(time) {
    [this.time, this.held, this.playing] = [Math.max(0, Math.min(this.clock.total, time)), null, false];
  }

  /** To the next or last picture that differs in either clip, round and round. */
  step(by) {
    let here = this.stops.findLastIndex((stop) => stop <= this.time + 1e-9);
    const next = this.stops[here + 1];
    // Stops are samples: a little before one, its pictures may be there already.
    if (next !== undefined && this.pictures(this.clock.at(next)) === this.pictures(this.moments)) here += 1;
    this.seek(this.stops[(here + by + this.stops.length) % this.stops.length]);
  }

  /** Both clips to moments of their own; they stay there until the clock moves on. */
  hold(moments) {
    [this.held, this.playing, this.time] = [moments, false, this.clock.timeOf(moments[0])];
  }

  changeSpeed(by) {
    const place = COMPARE_SPEEDS.indexOf(this.speed) + by;
    this.speed = COMPARE_SPEEDS[Math.max(0, Math.min(COMPARE_SPEEDS.length - 1, place))];
  }

  // The strips run over A's time, in raw time over the seconds of the longer clip.

  get width() {
    return this.kind === "raw" ? this.clock.total : null;
  }

  /** Share of the strips that A takes up. */
  get shareOfA() {
    return this.width ? this.pair.seconds[0] / this.width : 1;
  }

  /** The cursor's place in the strips. */
  get across() {
    return this.width && !this.held ? this.time / this.width : this.moments[0] * this.shareOfA;
  }

  timeAcross(across) {
    return this.width ? across * this.width : this.clock.timeOf(across);
  }

  /** Moments of both clips at a place in the strips, null for a clip that is over by then. */
  momentsAcross(across) {
    if (!this.width) return [across, this.kind === "path" ? this.pair.partner(across) : across];
    return this.pair.seconds.map((seconds) => {
      const moment = (across * this.width) / seconds;
      return moment > 1 ? null : moment;
    });
  }

  /** Place in the strips of a frame of clip 0 (A) or 1 (B). */
  acrossOf(frame, clip) {
    const moment = momentOf(frame, this.pair.frames[clip]);
    if (this.width) return (moment * this.pair.seconds[clip]) / this.width;
    return clip ? this.clock.at(this.clock.timeOf(moment, 1))[0] : moment;
  }
}
