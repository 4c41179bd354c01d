// The labelled clips that align best with the query, each looping beside its label.

function neighbourCard(near, player) {
  const level = element("span", { class: "fill alignment" });
  level.style.width = `${near.alignability * 100}%`;
  return element("li", { class: "near" },
    player.canvas,
    element("div", { class: "near-text" },
      element("span", { class: "near-label", title: near.label }, near.label),
      element("span", { class: "near-score" },
        element("span", { class: "track" }, level), percent(near.alignability))));
}

class Neighbours {
  constructor() {
    this.list = element("ol", { class: "near-list", "aria-label": "Most alignable labelled clips" });
    this.players = [];
  }

  show(nearest) {
    this.players = nearest.map(() => new SpritePlayer(element("canvas", { class: "near-clip", "aria-hidden": "true" })));
    this.list.replaceChildren(...nearest.map((near, place) => neighbourCard(near, this.players[place])));
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
