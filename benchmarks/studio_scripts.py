"""JavaScript that measures inside the page: from an event to the frame after the screen has changed."""

IN_SHADOWS = """
const inShadows = (selector) => {
  for (const node of document.querySelectorAll("*")) {
    const found = node.shadowRoot?.querySelector(selector);
    if (found) return found;
  }
  return null;
};
const whenPainted = (changed, done, since, limit = 5000) => {
  const look = () => {
    if (changed()) requestAnimationFrame(() => done(performance.now() - since));
    else if (performance.now() - since < limit) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
};
"""

KEY_TO_CLIP = (
    IN_SHADOWS
    + """
window.latencies = [];
window.addEventListener("keydown", (event) => {
  const painted = () => inShadows(".query-clip")?.dataset.painted;
  const before = painted();
  whenPainted(() => painted() !== before, (time) => window.latencies.push(time), event.timeStamp);
}, true);
"""
)

KEY_TO_VIDEO = (
    IN_SHADOWS
    + """
window.latencies = [];
window.addEventListener("keydown", (event) => {
  const video = () => document.querySelector("video");
  const before = video()?.currentSrc;
  const changed = () => video() && video().currentSrc !== before && video().readyState >= 2;
  whenPainted(changed, (time) => window.latencies.push(time), event.timeStamp);
}, true);
"""
)

ON_SCREEN = "() => {" + IN_SHADOWS + "return Number(inShadows('.review')?.dataset.clip || 0); }"

IS_BARE = "() => {" + IN_SHADOWS + "return Boolean(inShadows('.review .body.bare')); }"

SEARCH = (
    "() => {"
    + IN_SHADOWS
    + """
window.searches = [];
inShadows(".search-input").addEventListener("input", (event) => {
  const since = event.timeStamp;
  requestAnimationFrame(() => requestAnimationFrame(() => window.searches.push(performance.now() - since)));
}, true);
}"""
)

DRAG = """() => {
window.frames = [];
window.dragging = true;
let last = performance.now();
const tick = (now) => {
  window.frames.push(now - last);
  last = now;
  if (window.dragging) requestAnimationFrame(tick);
};
requestAnimationFrame(tick);
}"""

PICTURES_IN_SIGHT = (
    "() => {"
    + IN_SHADOWS
    + """
const grid = inShadows(".grid");
const pictures = [...(grid?.querySelectorAll("img.film") ?? [])];
const inSight = pictures.filter((picture) => picture.getBoundingClientRect().top < window.innerHeight);
return inSight.length > 0 && inSight.every((picture) => picture.complete && picture.naturalWidth > 0);
}"""
)
