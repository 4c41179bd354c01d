// A few clips looked at one by one, each with one key: right or wrong.

const samples = new WeakMap();

class ClipSample {
  constructor(host) {
    this.log = []; // what the server has not confirmed yet
    this.list = element("ul", { class: "grid sample-strip" });
    this.canvas = element("canvas", { class: "sample-film" });
    this.asked = element("p", { class: "sample-asked" });
    this.name = element("p", { class: "quiet sample-name" });
    this.count = element("p", { class: "eyebrow", role: "status" });
    const key = (letter, label, kind, act) =>
      element("button", { type: "button", class: `sample-key ${kind}`, "data-say": kind, onclick: act },
        element("kbd", {}, letter), label);
    this.right = key("A", "Right", "right", () => this.say(true));
    this.wrong = key("X", "Wrong", "wrong", () => this.say(false));
    this.undo = key("U", "One back", "back", () => this.back());
    this.told = element("p", { class: "quiet sample-told", role: "alert" });
    this.node = element("div", { class: "fps sample" },
      element("div", { class: "sample-stage" }, this.canvas,
        element("div", { class: "sample-side" }, this.count, this.asked, this.name,
          element("div", { class: "sample-keys" }, this.right, this.wrong, this.undo), this.told)),
      this.list);
    host.append(this.node);
    this.player = new SpritePlayer(this.canvas);
    this.keys = (event) => this.key(event);
    window.addEventListener("keydown", this.keys, true);
    const tick = (now) => {
      if (!lessMotion()) this.player.advance(now);
      else if (!this.player.painted) this.player.draw();
      this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  update(data, send) {
    this.send = send;
    this.node.dataset.tone = toneOf(this.node);
    const confirmed = new Set(data.acknowledged);
    this.log = this.log.filter((entry) => !confirmed.has(entry.uuid));
    if (data.bulk !== this.bulk) this.log = [];
    this.bulk = data.bulk;
    this.clips = data.clips;
    this.answers = new Map(data.answers.map(([clipId, uuid, right]) => [clipId, { uuid, right }]));
    for (const entry of this.log) this.apply(entry);
    this.told.textContent = data.told;
    this.draw();
  }

  apply(entry) {
    if (!entry.undoes_uuid) this.answers.set(entry.clip_id, { uuid: entry.uuid, right: entry.right });
    else for (const [clipId, { uuid }] of this.answers) if (uuid === entry.undoes_uuid) this.answers.delete(clipId);
  }

  get current() {
    return this.clips.find((clip) => !this.answers.has(clip.clip_id));
  }

  say(right) {
    const clip = this.current;
    if (!clip) return;
    const now = Date.now();
    this.append({ clip_id: clip.clip_id, right, seconds: (now - this.since) / 1000 });
  }

  back() {
    const end = this.current ? this.clips.indexOf(this.current) : this.clips.length;
    const last = this.clips.slice(0, end).at(-1);
    if (last) this.append({ clip_id: last.clip_id, undoes_uuid: this.answers.get(last.clip_id).uuid });
  }

  append(entry) {
    const made = { uuid: crypto.randomUUID?.() ?? this.randomUuid(), made_at: Date.now(), ...entry };
    this.log.push(made);
    this.apply(made);
    this.draw();
    this.send([...this.log]);
  }

  randomUuid() { // over plain http from another machine there is no randomUUID
    const digits = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0"));
    return digits.join("").replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  key(event) {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (document.querySelector("[role=dialog], [data-testid=stPopoverBody]")) return;
    const act = { a: () => this.say(true), x: () => this.say(false), u: () => this.back() }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }

  draw() {
    const clip = this.current;
    const looked = this.clips.filter(({ clip_id: clipId }) => this.answers.has(clipId)).length;
    this.count.textContent = `${looked} of ${this.clips.length} looked at`;
    this.asked.textContent = clip ? `Is this ${clip.title}?` : "All of them are looked at.";
    this.name.textContent = clip?.note ?? "";
    for (const button of [this.right, this.wrong]) button.hidden = !clip;
    this.undo.disabled = !looked;
    this.node.dataset.clip = clip?.clip_id ?? "";
    this.node.dataset.open = String(this.log.length);
    if (clip?.clip_id !== this.shown) {
      this.shown = clip?.clip_id;
      this.since = Date.now();
      this.canvas.hidden = !clip?.sprite;
      if (clip?.sprite) this.canvas.style.aspectRatio = `${clip.sprite.width} / ${clip.sprite.height}`;
      this.player.load(clip?.sprite ?? null);
    }
    this.list.replaceChildren(...this.clips.map((each) => this.thumb(each, each === clip)));
  }

  thumb(clip, isCurrent) {
    const said = this.answers.get(clip.clip_id);
    const [sign, word, tone] = !said ? ["", "not yet", ""] : said.right ? ["✓", "right", "good"] : ["✕", "wrong", "bad"];
    return element("li", { class: isCurrent ? "current" : null },
      clip.thumb ? element("img", { class: "film", src: clip.thumb, alt: "" }) : element("span", { class: "film absent" }, clip.absent),
      element("span", { class: `chip ${tone}` }, `${sign} ${word}`.trim()));
  }

  close() {
    cancelAnimationFrame(this.frame);
    window.removeEventListener("keydown", this.keys, true);
    this.node.remove();
  }
}

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  if (!samples.has(parentElement)) samples.set(parentElement, new ClipSample(parentElement));
  const sample = samples.get(parentElement);
  sample.update(data, (log) => setStateValue("log", log));
  return () => {
    samples.delete(parentElement);
    sample.close();
  };
}
