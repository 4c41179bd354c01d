// Keys are caught before Streamlit sees them (it would take R and C), unless somebody is typing.

const MOVES = ["back", "on"]; // a key held down repeats these only

/** Call `actions[name]()` for the key that `map` gives it; returns the function that stops listening. */
function listenForKeys(map, actions) {
  const heard = (event) => {
    if (isTyping(event)) return undefined;
    if (actions.capture(event)) return swallow(event, () => {});
    if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
    if (event.key === "Escape") return swallow(event, actions.escape);
    const key = keyOf(event);
    if (key === null) return undefined;
    const action = map.actionOf(key);
    const digit = /^[1-9]$/.test(key) ? Number(key) : null;
    if ((!action && !digit) || (key === " " && isOnButton(event))) return undefined;
    if (event.repeat && !MOVES.includes(action)) return swallow(event, () => {}); // a key held down is one press
    return swallow(event, () => (digit ? actions.digit(digit) : actions[action]()));
  };
  const swallow = (event, act) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  };
  window.addEventListener("keydown", heard, true);
  return () => window.removeEventListener("keydown", heard, true);
}
