// The labelled clips that align best with the query, each beside its label. They move as soon as somebody stays with
// a clip: to a quick hand, five more sheets to decode would cost the next clip.

const STAY = 400; // ms

function neighbourCard(near, canvas, compare) {
  const level = element("span", { class: "fill alignment" });
  level.style.width = `${near.alignability * 100}%`;
  canvas.style.backgroundImage = near.thumb ? `url(${JSON.stringify(near.thumb)})` : "none";
  return element("li", {}, element("button", { class: "near", type: "button", title: `Compare with ${near.name}`,
    onmousedown: (event) => event.preventDefault(), onclick: () => compare(near) },
  canvas,
  element("span", { class: "near-text" },
    element("span", { class: "near-label", title: near.label }, near.label),
    element("span", { class: "near-score" },
      element("span", { class: "track" }, level), percent(near.alignability)),
    element("span", { class: "near-author" }, near.author))));
}

class Neighbours {
  /** `compare(near)` is called with the labelled clip that somebody clicks. */
  constructor(compare) {
    this.compare = compare;
    this.list = element("ol", { class: "near-list", "aria-label": "Most alignable labelled clips" });
    this.still = lessMotion();
    this.players = [];
    this.waiting = [];
  }

  show(nearest) {
    this.since = performance.now();
    this.players = [];
    this.waiting = nearest.map((near) => [element("canvas", { class: "near-clip", "aria-hidden": "true" }), near.sprite]);
    this.list.replaceChildren(...nearest.map((near, place) => neighbourCard(near, this.waiting[place][0], this.compare)));
    if (!nearest.length) this.list.append(element("li", { class: "nothing" }, "This round compared with no labelled clips."));
  }

  advance(now) {
    const last = this.players.at(-1);
    const ready = !last || last.painted || last.sheet.missing; // one sheet is decoded after the other
    if (this.waiting.length && ready && !this.still && now - this.since > STAY) {
      const [canvas, sprite] = this.waiting.shift();
      this.players.push(new SpritePlayer(canvas));
      this.players.at(-1).load(sprite);
    }
    this.players.forEach((player) => player.advance(now));
  }
}
