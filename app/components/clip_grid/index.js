// Thumbnails that play under the pointer or the focus; a click opens the clip.

const grids = new WeakMap();

class ClipGrid {
  constructor(host) {
    this.list = element("ul", { class: "grid" });
    this.node = element("div", { class: "fps" }, this.list);
    host.append(this.node);
    const tick = (now) => {
      this.playing?.advance(now);
      this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  update(data, open, press) {
    this.open = open;
    this.press = press;
    this.node.dataset.tone = toneOf(this.node);
    const shown = JSON.stringify(data);
    if (shown === this.shown) return;
    this.shown = shown;
    this.list.style.setProperty("--least", `${data.least_width}px`);
    this.list.replaceChildren(...data.clips.map((clip) => this.card(clip)));
  }

  card(clip) {
    const shape = clip.sprite ? `aspect-ratio: ${clip.sprite.width} / ${clip.sprite.height}` : null;
    const canvas = element("canvas", { class: "film", hidden: true, "aria-hidden": "true", style: shape });
    const picture = clip.thumb
      ? element("img", { class: "film", src: clip.thumb, alt: "", loading: "lazy", style: shape })
      : element("span", { class: "film absent" }, clip.absent);
    const play = () => {
      if (!clip.sprite || lessMotion()) return;
      canvas.hidden = false;
      picture.hidden = true;
      this.playing = new SpritePlayer(canvas);
      this.playing.load(clip.sprite);
    };
    const rest = () => {
      this.playing = null;
      canvas.hidden = true;
      picture.hidden = false;
    };
    return element("li", {}, element("a", {
      class: "clip-card", href: clip.href, "data-clip": clip.clip_id, onmouseenter: play, onmouseleave: rest,
      onfocus: play, onblur: rest, onclick: (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab, by the address
        event.preventDefault();
        this.open(clip.clip_id);
      },
    },
    picture, canvas,
    element("span", { class: "clip-title", title: clip.title }, clip.title),
    element("span", { class: "clip-note", title: clip.note }, clip.note),
    clip.badge ? element("span", { class: `chip ${clip.tone ?? ""}` }, clip.badge) : null),
    clip.actions ? element("span", { class: "card-actions" }, ...clip.actions.map(([action, label, pressed]) =>
      element("button", {
        type: "button", class: "card-action", "data-action": action, "aria-pressed": String(pressed),
        onclick: () => this.press({ clip_id: clip.clip_id, action }),
      }, label))) : null);
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.node.remove();
  }
}

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  if (!grids.has(parentElement)) grids.set(parentElement, new ClipGrid(parentElement));
  const grid = grids.get(parentElement);
  grid.update(data, (clipId) => setTriggerValue("opened", clipId), (pressed) => setTriggerValue("pressed", pressed));
  return () => {
    grids.delete(parentElement);
    grid.close();
  };
}
