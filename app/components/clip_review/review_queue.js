// The clips ahead of the reviewer. The server's list is the truth; what was just judged here is left out
// until the server has heard of it.

const UNDOS_KEPT = 100;

class ReviewQueue {
  constructor() {
    this.items = [];
    this.judged = []; // {uuid, item} of this page, oldest first: what undo takes back
  }

  get current() {
    return this.items[0] ?? null;
  }

  /** Take the server's list over; the clip on screen stays on screen. */
  update(items, pending, last) {
    const hidden = new Set();
    const returned = new Set();
    for (const event of pending) {
      if (event.kind === "undo") {
        hidden.delete(event.clip_id);
        returned.add(event.clip_id);
      } else {
        hidden.add(event.clip_id);
        returned.delete(event.clip_id);
      }
    }
    const keep = this.items.filter((item, place) => place === 0 || returned.has(item.clip_id));
    const kept = keep.filter((item) => !hidden.has(item.clip_id));
    const shown = new Set(kept.map((item) => item.clip_id));
    this.items = [...kept, ...items.filter((item) => !hidden.has(item.clip_id) && !shown.has(item.clip_id))];
    if (!this.judged.length && last) this.judged.push(last);
  }

  judge(uuid) {
    const item = this.items.shift();
    this.judged.push({ uuid, item });
    if (this.judged.length > UNDOS_KEPT) this.judged.shift();
  }

  /** The last verdict of this reviewer, its clip back in front; null where there is none. */
  takeBack() {
    const last = this.judged.pop() ?? null;
    if (last) this.items = [last.item, ...this.items.filter((item) => item.clip_id !== last.item.clip_id)];
    return last;
  }

  /** Fetch what comes next; `exampleOf` gives the clip that an item is compared with at first. */
  preload(exampleOf) {
    this.items.slice(0, 12).forEach((item) => sheetOf(item.sprite.url));
    const soon = this.items.slice(0, 5).flatMap((item) => [item, exampleOf(item)]).filter(Boolean);
    soon.forEach((clip) => embeddingOf(clip.embedding));
    decodeAhead(soon.map((clip) => clip.sprite.url));
    for (const item of this.items.slice(1, 3)) item.nearest.forEach((near) => { new Image().src = near.thumb; });
  }
}
