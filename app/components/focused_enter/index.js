// Streamlit's shortcuts fire wherever the focus is: Enter on a focused button would press two. The browser still
// clicks what has the focus, as only the page's listeners are kept from hearing of the key.

const belongsToFocus = (event) =>
  event.key === "Enter" && event.composedPath().some((node) => /^(BUTTON|A)$/.test(node.tagName ?? ""));

const keepToFocus = (event) => {
  if (belongsToFocus(event)) event.stopImmediatePropagation();
};

export default function () {
  window.addEventListener("keydown", keepToFocus, true);
  return () => window.removeEventListener("keydown", keepToFocus, true);
}
