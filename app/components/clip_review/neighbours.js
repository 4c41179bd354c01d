// The labelled clips that align best with the query, each looping beside its label.

function neighbourCard(near, player, compare) {
  const level = element("span", { class: "fill alignment" });
  level.style.width = `${near.alignability * 100}%`;
  return element("li", {}, element("button", { class: "near", type: "button", title: `Compare with ${near.name}`,
    onmousedown: (event) => event.preventDefault(), onclick: () => compare(near) },
  player.canvas,
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
    this.players = [];
  }

  show(nearest) {
    this.players = nearest.map(() => new SpritePlayer(element("canvas", { class: "near-clip", "aria-hidden": "true" })));
    this.list.replaceChildren(...nearest.map((near, place) => neighbourCard(near, this.players[place], this.compare)));
    if (!nearest.length) this.list.append(element("li", { class: "nothing" }, "This round compared with no labelled clips."));
    nearest.forEach((near, place) => {
      this.players[place].load(near.sprite);
      this.players[place].paused = lessMotion();
      if (lessMotion()) this.players[place].show(Math.floor(near.sprite.frames / 2));
    });
  }

  advance(now) {
    this.players.forEach((player) => player.advance(now));
  }
}
