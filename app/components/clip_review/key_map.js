// Which key does what, per person in this browser. A key is one character, or the name of a key without one.

// action, key at first, what it does
const KEYS = [
  ["accept", "a", "Accept what is proposed"], ["search", "/", "It is another class: search"],
  ["reject", "x", "Reject: the proposal is wrong, no class given"], ["novel", "n", "None of the known classes"],
  ["skip", "s", "Skip for now"], ["flag", "f", "Flag with a note"],
  ["undo", "u", "Undo my last verdict and show the clip again"], ["pause", " ", "Pause and play"],
  ["back", "ArrowLeft", "One frame back"], ["on", "ArrowRight", "One frame on"],
  ["above", "ArrowUp", "Compare with an example of the class above"],
  ["below", "ArrowDown", "Compare with an example of the class below"],
  ["open", "c", "Open the two on the Compare page, in a tab of its own"],
  ["slower", "[", "Slower"], ["faster", "]", "Faster"], ["help", "?", "This list"],
];
const NAMED_KEYS = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Backspace: "⌫",
  Delete: "Del", Home: "Home", End: "End", PageUp: "PgUp", PageDown: "PgDn" };

/** A key as it is compared; null for one that can't be taken. */
function keyOf(event) {
  if (event.key.length === 1) return event.key.toLowerCase();
  return event.key in NAMED_KEYS ? event.key : null;
}

const keyName = (key) => (key === null ? "off" : NAMED_KEYS[key] ?? key.toUpperCase());
const isTakenForGood = (key) => /^[1-9]$/.test(key);

class KeyMap {
  constructor(scope) {
    this.name = `finepseudo.keys.${scope}`;
    this.reset(false);
    this.load();
  }

  /** What was kept, as far as it makes sense: anything may lie in the browser's storage. */
  load() {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(this.name));
    } catch {
      return;
    }
    if (!kept || typeof kept !== "object") return;
    const wanted = new Map(KEYS.map(([action, first]) => {
      const key = Object.hasOwn(kept, action) ? kept[action] : first;
      const sound = key === null || (typeof key === "string" && !isTakenForGood(key)
        && ([...key].length === 1 || Object.hasOwn(NAMED_KEYS, key)));
      return [action, sound ? key : first];
    }));
    const used = [...wanted.values()].filter((key) => key !== null);
    if (new Set(used).size === used.length) this.keys = wanted;
  }

  keep() {
    try {
      localStorage.setItem(this.name, JSON.stringify(Object.fromEntries(this.keys)));
      return true;
    } catch {
      return false;
    }
  }

  of(action) {
    return this.keys.get(action);
  }

  actionOf(key) {
    return [...this.keys].find(([, own]) => own === key)?.[0] ?? null;
  }

  /** Give an action another key, or none; returns why that can't be, else null. */
  set(action, key) {
    if (key !== null && isTakenForGood(key)) return `${key} takes a class of the list and can't be used for anything else.`;
    const other = key === null ? null : this.actionOf(key);
    if (other && other !== action) {
      return `${keyName(key)} already means “${KEYS.find(([name]) => name === other)[2]}”. Change that one first.`;
    }
    this.keys.set(action, key);
    return this.keep() ? null : "This browser keeps nothing: the change lasts until the page is closed.";
  }

  reset(keep = true) {
    this.keys = new Map(KEYS.map(([action, first]) => [action, first]));
    if (keep) this.keep();
  }
}
