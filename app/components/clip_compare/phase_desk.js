// Marking phases: set in A, carried over to B, accepted, moved, removed; as a list and as flags on the strips.

class PhaseDesk {
  /** `screen` gives `clock`, `pair` and `data`, and does `say(text)`, `hold(moments)` and `marksChanged()`. */
  constructor(screen, log) {
    this.screen = screen;
    this.marks = new PhaseMarks(log);
    this.list = new PhaseList({ select: (phase) => this.select(phase), accept: (row) => this.accept([row]),
      confirm: (mark) => this.set(mark.clip_id, mark.phase, mark.start_frame, mark), remove: (mark) => this.remove([mark]) });
    this.names = new PhaseNames((name) => this.mark(name));
    [this.rows, this.selected, this.moved] = [[], null, null];
  }

  /** Ask for the name of the phase that begins where A is now. */
  ask() {
    const { data } = this.screen;
    const used = new Set(this.marks.of(data.a.clip_id).map((mark) => mark.phase));
    this.names.open([...data.phases.filter((name) => !used.has(name)), ...data.phases.filter((name) => used.has(name))]);
  }

  mark(name) {
    const { clock, pair, data } = this.screen;
    const phase = name.replace(/\s+/g, " ").trim().slice(0, 80);
    this.selected = phase;
    this.set(data.a.clip_id, phase, frameAt(clock.moments[0], pair.frames[0]));
  }

  placeInB() {
    const { clock, pair, data } = this.screen;
    const row = this.list.current;
    if (!row) return this.screen.say("Mark a phase in A first, with M.");
    return this.set(data.b.clip_id, row.phase, frameAt(clock.moments[1], pair.frames[1]));
  }

  set(clipId, phase, frame, carried = null) {
    const because = this.marks.set(clipId, phase, frame, carried);
    if (because) this.screen.say(because);
    this.screen.marksChanged();
  }

  accept(rows) {
    const { a, b } = this.screen.data;
    for (const row of rows) {
      if (row.suggested !== null) this.set(b.clip_id, row.phase, row.b, { ...row.carried, from_clip_id: a.clip_id });
      else if (row.markB.source === "transferred") this.set(b.clip_id, row.phase, row.b, row.markB);
    }
  }

  acceptSome(all) {
    const rows = all ? this.rows : [this.list.current].filter(Boolean);
    if (!rows.length) return this.screen.say("There is no phase to accept; set one in A with M.");
    this.accept(rows);
    if (!all) this.list.select(1);
    return undefined;
  }

  remove(marks) {
    for (const mark of marks) this.marks.remove(mark);
    this.screen.marksChanged();
  }

  removeSelected() {
    const row = this.list.current;
    if (row) this.remove([row.markA, row.markB].filter(Boolean));
  }

  /** Select a phase and, unless the clips play, look at its begin in both. */
  select(phase) {
    const { clock, pair } = this.screen;
    this.selected = phase;
    this.screen.marksChanged();
    const row = this.list.current;
    if (row && row.a !== null && !clock.playing) {
      this.screen.hold([momentOf(row.a, pair.frames[0]), momentOf(row.b, pair.frames[1])]);
    }
  }

  /** Move a flag along the strips; `drop` makes it so. */
  drag(flag, across) {
    const { clock, pair } = this.screen;
    const moment = Math.max(0, Math.min(0.9999, clock.momentsAcross(across)[flag.clip] ?? 0.9999));
    flag.frame = frameAt(moment, pair.frames[flag.clip]);
    this.moved = flag;
    this.screen.hold(clock.moments.map((other, clip) => (clip === flag.clip ? momentOf(flag.frame, pair.frames[clip]) : other)));
    this.screen.marksChanged();
  }

  drop(flag) {
    const { data } = this.screen;
    const moved = this.moved === flag;
    this.moved = null;
    if (moved) this.set((flag.clip ? data.b : data.a).clip_id, flag.phase, flag.frame);
    else this.select(flag.phase);
  }

  /** Draw the list, and the flags on the stage's strips. */
  show(stage) {
    const { clock, pair } = this.screen;
    this.rows = this.marks.rows(pair);
    this.list.show(this.rows, pair, this.selected);
    const flags = this.rows.flatMap((row) => [[row.markA, row.a], [row.markB, row.b]].flatMap(([mark, frame], clip) => {
      if (frame === null) return [];
      const held = this.moved?.clip === clip && this.moved.phase === row.phase;
      const shown = held ? this.moved.frame : frame;
      return [{ clip, phase: row.phase, frame: shown, tone: mark?.source ?? "suggested", selected: row === this.list.current,
        across: clock.acrossOf(shown, clip), title: `${row.phase}: drag to move` }];
    }));
    if (this.moved) stage.moveFlags(flags);
    else stage.showFlags(flags);
  }

  /** Moments of A at which its phases begin. */
  get moments() {
    return this.rows.filter((row) => row.a !== null).map((row) => momentOf(row.a, this.screen.pair.frames[0]));
  }

  get anyToAccept() {
    return this.rows.some((row) => row.suggested !== null || row.markB?.source === "transferred");
  }
}
