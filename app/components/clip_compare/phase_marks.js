// Where phases begin in the two clips: what the database has, and on top of it what this browser has not heard
// back about. Every change is an event in the log, which keeps it until it is saved.

class PhaseMarks {
  constructor(log) {
    this.log = log;
    this.saved = [];
  }

  update(marks) {
    this.saved = marks;
  }

  /** Marks of a clip by their frames: {uuid, clip_id, phase, start_frame, source, confidence}. */
  of(clipId) {
    const marks = new Map(this.saved.filter((mark) => mark.clip_id === clipId).map((mark) => [mark.phase, mark]));
    for (const event of this.log.pending.values()) {
      if (event.kind === "mark" && event.clip_id === clipId) {
        marks.set(event.phase, { ...event, source: "person", confidence: event.confidence ?? null });
      } else if (event.kind === "unmark") {
        for (const [phase, mark] of marks) if (mark.uuid === event.mark_uuid) marks.delete(phase);
      }
    }
    return [...marks.values()].sort((one, other) => one.start_frame - other.start_frame);
  }

  /** Let a phase begin at a frame; returns why not, null when it does. `carried` is {from_clip_id, confidence}. */
  set(clipId, phase, frame, carried = null) {
    const marks = this.of(clipId);
    const there = marks.find((mark) => mark.phase === phase);
    const other = marks.find((mark) => mark.start_frame === frame && mark.phase !== phase);
    if (other) return `${other.phase} begins at this frame already.`;
    if (there?.start_frame === frame && there.source === "person") return null;
    this.log.append({ kind: "mark", clip_id: clipId, phase, start_frame: frame,
      from_clip_id: carried?.confidence == null ? null : carried.from_clip_id,
      confidence: carried?.confidence ?? null });
    return null;
  }

  remove(mark) {
    this.log.append({ kind: "unmark", mark_uuid: mark.uuid });
  }

  /**
   * Phases of a pair, by their begin in A: {phase, markA, markB, a, b, suggested}. Where B has no mark of its own,
   * `b` is the frame that the alignment suggests and `suggested` its confidence, -1 without an alignment.
   */
  rows(pair) {
    const [first, second] = pair.clips.map((clip) => this.of(clip.clip_id));
    const rows = first.map((markA) => {
      const markB = second.find((mark) => mark.phase === markA.phase) ?? null;
      const carried = pair.carry(markA.start_frame);
      return { phase: markA.phase, markA, markB, a: markA.start_frame, b: markB?.start_frame ?? carried.frame,
        carried, suggested: markB ? null : carried.confidence ?? -1 };
    });
    const alone = second.filter((mark) => !first.some((one) => one.phase === mark.phase));
    return [...rows, ...alone.map((markB) => ({ phase: markB.phase, markA: null, markB, a: null, b: markB.start_frame,
      carried: null, suggested: null }))];
  }
}
