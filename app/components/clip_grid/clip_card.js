// One clip of a grid: a picture that plays, its name, what stands about it.

/** A card's picture and film. `play()` and `rest()` are called by pointer and focus. */
function clipFilm(clip, players) {
  const shape = clip.sprite ? `aspect-ratio: ${clip.sprite.width} / ${clip.sprite.height}` : null;
  const canvas = element("canvas", { class: "film", hidden: true, "aria-hidden": "true", style: shape });
  const picture = clip.thumb
    ? element("img", { class: "film", src: clip.thumb, alt: "", loading: "lazy", style: shape })
    : element("span", { class: "film absent" }, clip.absent);
  return {
    canvas,
    picture,
    play() {
      if (!clip.sprite || lessMotion()) return;
      canvas.hidden = false;
      picture.hidden = true;
      players.playing = new SpritePlayer(canvas);
      players.playing.load(clip.sprite);
    },
    rest() {
      players.playing = null;
      canvas.hidden = true;
      picture.hidden = false;
    },
  };
}

/** The card itself; `grid` opens clips, takes presses and knows whether clips can be selected. */
function clipCard(clip, grid) {
  const { canvas, picture, play, rest } = clipFilm(clip, grid);
  const link = element("a", {
    class: "clip-card", href: clip.href, "data-clip": clip.clip_id, onmouseenter: play, onmouseleave: rest,
    onfocus: play, onblur: rest, onclick: (event) => {
      if (event.ctrlKey || event.metaKey) return; // a new tab, by the address
      if (event.shiftKey && !grid.selection.on) return;
      event.preventDefault();
      if (event.shiftKey) grid.selection.reach(clip.clip_id);
      else grid.open(clip.clip_id);
    },
  },
  picture, canvas,
  element("span", { class: "clip-title", title: clip.title }, clip.title),
  element("span", { class: "clip-note", title: clip.note }, clip.note),
  clip.badge ? element("span", { class: `chip ${clip.tone ?? ""}` }, clip.badge) : null);
  const buttons = (clip.actions ?? []).map(([action, label, pressed]) =>
    element("button", {
      type: "button", class: "card-action", "data-action": action, "aria-pressed": String(pressed),
      onclick: () => grid.press({ clip_id: clip.clip_id, action }),
    }, label));
  const links = (clip.links ?? []).map(([action, label, href]) =>
    element("a", {
      class: "card-link", href, "data-action": action, onclick: (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        grid.press({ clip_id: clip.clip_id, action });
      },
    }, label));
  const below = [...buttons, ...links];
  return element("li", {}, link, grid.selection.on ? grid.selection.box(clip) : null,
    below.length ? element("span", { class: "card-actions" }, ...below) : null);
}
