// One clip, playing: the small form of the review screen's player.

const players = new WeakMap();

class ClipPlayer {
  constructor(host) {
    this.query = new QueryClip();
    this.node = element("div", { class: "fps player" }, this.query.node);
    host.append(this.node);
    const tick = (now) => {
      this.query.advance(now);
      this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  show(data) {
    this.node.dataset.tone = toneOf(this.node);
    if (this.shown === data.sprite.url) return;
    this.shown = data.sprite.url;
    this.query.show(data);
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.node.remove();
  }
}

export default function (component) {
  const { parentElement, data } = component;
  if (!players.has(parentElement)) players.set(parentElement, new ClipPlayer(parentElement));
  const player = players.get(parentElement);
  player.show(data);
  return () => {
    players.delete(parentElement);
    player.close();
  };
}
