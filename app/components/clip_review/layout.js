// What the review screen is made of, and where it lies.

const ACTIONS = [
  ["accept", "Accept"], ["search", "Other class"], ["reject", "Reject"], ["novel", "None of these"], ["skip", "Skip"],
  ["flag", "Flag"], ["undo", "Undo"],
];
const OF_A_PROPOSAL = ["accept", "reject"]; // no use where none is shown

/** Make the elements of a ReviewScreen; `node` is the whole of it. */
function layOut(screen) {
  screen.why = element("span", { class: "why" });
  screen.round = element("span", { class: "chip" });
  screen.clipName = element("span", { class: "clip-name" });
  screen.progress = element("span", { class: "progress-text", "aria-live": "off" });
  screen.level = element("span", { class: "fill combined" });
  screen.dot = element("span", { class: "status", role: "status" });
  screen.name = element("h2", { class: "predicted" });
  screen.sure = element("p", { class: "sure" });
  screen.verdict = element("span", { class: "chip" });
  screen.bars = element("ol", { class: "class-list", "aria-label": "Classes that come into question" });
  screen.legend = element("div");
  screen.notice = element("p", { class: "notice", role: "alert", hidden: true });
  screen.keyHints = new Map([...ACTIONS.map(([kind]) => kind), "open", "help"].map((action) => [action, element("kbd", {})]));
  screen.buttons = ACTIONS.map(([kind, label]) => element("button", {
    class: kind === "accept" ? "action main" : "action", type: "button", "data-action": kind,
    onmousedown: (event) => event.preventDefault(), onclick: () => screen.act(kind),
  }, screen.keyHints.get(kind), label));
  screen.open = element("a", { class: "action open", target: "finepseudo-compare", title: "Compare the two on a page of their own" },
    screen.keyHints.get("open"), "Compare");
  screen.empty = element("section", { class: "empty", hidden: true });
  screen.body = element("div", { class: "body" },
    element("div", { class: "evidence" },
      element("div", { class: "pair" }, screen.query.node, screen.aligned.stage),
      screen.aligned.film,
      element("div", { class: "below" },
        element("figure", { class: "matrix-panel" }, screen.aligned.matrix.canvas,
          element("figcaption", {}, "clip ↓ example →")),
        element("section", { class: "near-panel", "aria-label": "Most alignable labelled clips" },
          element("p", { class: "eyebrow" }, "Labelled clips that align best"), screen.neighbours.list))),
    element("section", { class: "panel classes", "aria-label": "Proposal" },
      element("p", { class: "eyebrow" }, "Proposed"), screen.name,
      element("div", { class: "sure-line" }, screen.sure, screen.verdict), screen.bars, screen.legend),
    screen.all.node);
  screen.actions = element("footer", { class: "actions" }, screen.buttons[0],
      element("span", { class: "hint" }, element("kbd", {}, "1"), "–", element("kbd", {}, "9"), "it is this one"),
      ...screen.buttons.slice(1),
      screen.open,
      element("button", { class: "action small", type: "button", "aria-label": "Keys", onclick: () => screen.help.open(),
        onmousedown: (event) => event.preventDefault() }, screen.keyHints.get("help")));
  screen.showKeys();
  screen.node = element("div", { class: "review fps" },
    element("header", { class: "top" }, screen.queues.node, screen.round, screen.clipName, screen.why,
      element("span", { class: "progress" }, screen.progress, element("span", { class: "track" }, screen.level)), screen.dot),
    screen.notice, screen.body, screen.empty,
    screen.actions, screen.search.panel, screen.flag.panel, screen.help.panel);
}
