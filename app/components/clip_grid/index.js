// Thumbnails that play under the pointer or the focus; a click opens the clip, a check mark selects it.

const grids = new WeakMap();

class ClipGrid {
  constructor(host) {
    this.list = element("ul", { class: "grid" });
    this.node = element("div", { class: "fps" }, this.list);
    this.selection = new GridSelection(this);
    this.ids = [];
    host.append(this.node);
    const tick = (now) => {
      this.playing?.advance(now);
      this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  update(data, told) {
    Object.assign(this, told);
    this.node.dataset.tone = toneOf(this.node);
    this.selection.on = Array.isArray(data.selected);
    const { selected, elsewhere, answered, ...cards } = data;
    const shown = JSON.stringify(cards);
    if (shown !== this.shown) {
      this.shown = shown;
      this.draw(cards);
    }
    this.selection.update({ selected, elsewhere, answered });
  }

  draw({ clips, least_width: least }) {
    const active = this.list.getRootNode().activeElement;
    const controls = (row) => [...row.querySelectorAll("a, button")]; // the card, and what stands on and below it
    const row = active?.closest("li");
    const focused = row?.querySelector(".clip-card").dataset.clip;
    const control = row ? controls(row).indexOf(active) : 0;
    this.playing = null;
    const ids = clips.map((clip) => clip.clip_id);
    if (ids.join() !== this.ids.join()) { // another page: what is selected there, the server knows
      this.ids = ids;
      this.selection.sent = 0;
      this.selection.last = null;
    }
    this.list.style.setProperty("--least", `${least}px`);
    this.list.replaceChildren(...clips.map((clip) => clipCard(clip, this)));
    const cards = [...this.list.querySelectorAll(".clip-card")];
    const place = cards.findIndex((card) => card.dataset.clip === focused);
    if (this.selection.on) cards.forEach((card, at) => card.setAttribute("tabindex", at === Math.max(place, 0) ? "0" : "-1"));
    if (place >= 0) (controls(cards[place].closest("li"))[control] ?? cards[place]).focus();
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.selection.close();
    this.node.remove();
  }
}

export default function (component) {
  const { parentElement, data, setTriggerValue, setStateValue } = component;
  if (!grids.has(parentElement)) grids.set(parentElement, new ClipGrid(parentElement));
  const grid = grids.get(parentElement);
  grid.update(data, {
    open: (clipId) => setTriggerValue("opened", clipId),
    press: (pressed) => setTriggerValue("pressed", pressed),
    pick: (picked) => setStateValue("picked", picked),
  });
  return () => {
    grids.delete(parentElement);
    grid.close();
  };
}
