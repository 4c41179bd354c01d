// Canvases with as many pixels as they cover on the screen. Their sizes are watched, because asking for one after a
// change of the page makes the browser lay everything out at once.

const canvasBoxes = new WeakMap(); // canvas -> [width, height] in CSS pixels
const canvasWatcher = new ResizeObserver((entries) => entries.forEach(({ target, contentRect }) => {
  const box = [contentRect.width, contentRect.height].map(Math.round);
  if (String(box) === String(canvasBoxes.get(target))) return;
  canvasBoxes.set(target, box);
  target.dispatchEvent(new Event("resized", { bubbles: true }));
}));

/** [width, height] of a canvas in CSS pixels. */
function boxOf(canvas) {
  let box = canvasBoxes.get(canvas);
  if (!box && canvas.isConnected) {
    box = [canvas.clientWidth, canvas.clientHeight];
    canvasBoxes.set(canvas, box);
    canvasWatcher.observe(canvas); // tells of every other size, with an event "resized" on the canvas
  }
  return box ?? [0, 0];
}

/** Give a canvas its pixels; false while it covers none. */
function fitCanvas(canvas) {
  const density = Math.min(window.devicePixelRatio || 1, 2);
  const [width, height] = boxOf(canvas).map((side) => Math.round(side * density));
  if (width && height && (canvas.width !== width || canvas.height !== height)) {
    [canvas.width, canvas.height] = [width, height];
  }
  return Boolean(width && height);
}
