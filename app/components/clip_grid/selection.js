// Which cards are selected. The browser answers at once; the server is told everything, and its word counts
// once it has heard the last change.

class GridSelection {
  constructor(grid) {
    this.grid = grid;
    this.on = false;
    this.chosen = new Set();
    this.elsewhere = 0; // selected on other pages
    this.sent = 0;
    this.last = null; // where a range starts
    this.keys = (event) => this.key(event);
    window.addEventListener("keydown", this.keys, true);
  }

  /** Take over what the server says, unless it has not heard the newest change yet. */
  update(data) {
    this.on = Array.isArray(data.selected);
    if (this.on && data.answered >= this.sent) {
      this.chosen = new Set(data.selected);
      this.elsewhere = data.elsewhere;
    }
    this.draw();
  }

  box(clip) {
    return element("button", {
      type: "button", class: "check", role: "checkbox", tabindex: "-1", "data-check": clip.clip_id,
      "aria-checked": "false", "aria-label": `Select ${clip.note}`, onclick: (event) => {
        if (event.shiftKey) this.reach(clip.clip_id);
        else this.toggle(clip.clip_id);
      },
    }, element("span", { "aria-hidden": "true" }, "✓"));
  }

  toggle(clipId) {
    if (!this.chosen.delete(clipId)) this.chosen.add(clipId);
    this.last = clipId;
    this.tell();
  }

  /** Select from the card that was changed last to this one. */
  reach(clipId) {
    const ids = this.grid.ids;
    const [from, to] = [ids.indexOf(this.last), ids.indexOf(clipId)].sort((one, other) => one - other);
    for (const id of ids.slice(from < 0 ? to : from, to + 1)) this.chosen.add(id);
    this.last = clipId;
    this.tell();
  }

  /** Select these of the page; `everywhere` says the same of all other pages. */
  only(clipIds, everywhere = false) {
    this.chosen = new Set(clipIds);
    if (everywhere) this.elsewhere = 0;
    this.tell(everywhere);
  }

  tell(everywhere = false) {
    this.sent = Math.max(this.sent + 1, Date.now());
    this.draw();
    this.grid.pick({ at: this.sent, shown: this.grid.ids, clip_ids: [...this.chosen], everywhere });
  }

  draw() {
    this.grid.list.classList.toggle("selecting", this.on && this.chosen.size > 0);
    for (const box of this.grid.list.querySelectorAll(".check")) {
      const chosen = this.chosen.has(Number(box.dataset.check));
      box.setAttribute("aria-checked", String(chosen));
      box.closest("li").classList.toggle("chosen", chosen);
    }
  }

  key(event) {
    if (!this.on || isTyping(event) || !this.grid.node.isConnected) return;
    const inside = event.composedPath().includes(this.grid.node);
    // an open list or dialog has the keys
    if (!inside && document.querySelector("[role=dialog], [data-testid=stPopoverBody], [role=listbox]")) return;
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "a") {
      this.only(this.grid.ids);
    } else if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    } else if (event.key === "Escape" && this.chosen.size + this.elsewhere) {
      this.only([], true);
    } else if (!inside || !this.move(event)) {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** Arrows, Home and End move between cards, Space selects, with Shift up to here; whether it was one of these. */
  move(event) {
    const cards = [...this.grid.list.querySelectorAll(".clip-card")];
    const here = cards.indexOf(this.grid.list.getRootNode().activeElement);
    if (here < 0) return false;
    const clipId = Number(cards[here].dataset.clip);
    if (event.key === " ") {
      if (event.shiftKey) this.reach(clipId);
      else this.toggle(clipId);
      return true;
    }
    const tops = cards.map((card) => card.getBoundingClientRect().top);
    const below = tops.findIndex((top) => top > tops[0] + 1);
    const columns = below < 0 ? cards.length : below;
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns,
      Home: -here, End: cards.length - 1 - here }[event.key];
    if (by === undefined) return false;
    this.focus(cards, Math.min(Math.max(here + by, 0), cards.length - 1));
    return true;
  }

  /** One card can be reached by Tab, the others from there. */
  focus(cards, place) {
    cards.forEach((card, at) => card.setAttribute("tabindex", at === place ? "0" : "-1"));
    cards[place]?.focus();
    cards[place]?.scrollIntoView({ block: "nearest" });
  }

  close() {
    window.removeEventListener("keydown", this.keys, true);
  }
}
