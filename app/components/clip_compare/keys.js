// Keys of the compare screen, caught before Streamlit sees them unless somebody is typing.

const COMPARE_KEYS = {
  1: ["clock", "raw"], 2: ["clock", "linear"], 3: ["clock", "path"], "[": ["speed", -1], "]": ["speed", 1],
  k: ["anchor"], m: ["mark"], b: ["place"], o: ["overlay"], x: ["swap"], "?": ["help"], Escape: ["escape"],
  Delete: ["remove"], ArrowUp: ["select", -1], ArrowDown: ["select", 1], PageUp: ["walk", -1], PageDown: ["walk", 1],
};

/** Call `actions[name](argument)` for each key; returns the function that stops listening. */
function listenForCompareKeys(actions) {
  const heard = (event) => {
    if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const [name, argument] = COMPARE_KEYS[key] ?? [];
    let act = name && (() => actions[name](argument));
    if (key === "ArrowLeft" || key === "ArrowRight") act = () => actions.step(key === "ArrowLeft" ? -1 : 1);
    else if (event.repeat && act) act = () => {}; // a key held down is one press
    else if (key === " " && !isOnButton(event)) act = actions.play;
    else if (key === "Enter" && !isOnButton(event)) act = () => actions.accept(event.shiftKey);
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  };
  window.addEventListener("keydown", heard, true);
  return () => window.removeEventListener("keydown", heard, true);
}

const COMPARE_HELP = [
  ["Space", "Play and pause"], ["← →", "To the next picture along the clock"], ["[ ]", "Slower, faster"],
  ["1 2 3", "Raw time, linear stretch, in phase (the DTW path)"], ["O", "Lay one picture over the other"],
  ["K", "Anchor: these two moments belong together; again takes it away. A double click on the matrix does the same"],
  ["M", "A phase begins here in A"], ["↑ ↓", "Select a phase"], ["B", "The selected phase begins here in B"],
  ["Enter", "Accept what the alignment suggests for the selected phase; with Shift, for all"],
  ["Del", "Remove the selected phase's marks"], ["X", "Swap A and B"],
  ["Pg↑ Pg↓", "The clip before or after as B"], ["?", "This list"],
];
