// Sprite sheets: fetched ahead, decoded beside the page, and kept as pixels while there is room. What a browser
// decodes for an <img> it forgets within moments, and decodes anew while the page waits.

const sheets = new Map(); // url -> sheet, the one asked for longest ago first
const SHEETS_KEPT = 240; // files as they came, some 100 kB each
const PIXELS_KEPT = 384e6; // bytes
let wantedAhead = [];
let decodingAhead = false;

/** The sheet of an address: {file, pixels, missing}. The file is fetched once; a failed one is asked for anew. */
function sheetOf(url) {
  let sheet = sheets.get(url);
  sheets.delete(url);
  if (!sheet || sheet.missing) {
    sheet = { file: fetchSheet(url), pixels: null, missing: false, decoding: null };
    sheet.file.catch(() => { sheet.missing = true; });
  }
  sheets.set(url, sheet); // newest use goes last
  if (sheets.size > SHEETS_KEPT) forget(...sheets.entries().next().value);
  return sheet;
}

async function fetchSheet(url) {
  const answer = await fetch(url, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.blob();
}

function forget(url, sheet) {
  sheet.pixels?.close();
  sheet.pixels = null;
  sheets.delete(url);
}

/** What to draw from, an ImageBitmap; null until it is there, and it is made if need be. */
function pixelsOf(sheet) {
  if (!sheet.pixels && !sheet.missing) decode(sheet);
  return sheet.pixels;
}

/** Resolves once the pixels are there, or known to be missing. */
function decode(sheet) {
  sheet.decoding ??= sheet.file
    .then((file) => createImageBitmap(file)) // from a file it is decoded in another thread
    .then((pixels) => { sheet.pixels = pixels; makeRoom(); }, () => { sheet.missing = true; })
    .finally(() => { sheet.decoding = null; });
  return sheet.decoding;
}

function makeRoom() {
  let bytes = 0;
  for (const sheet of [...sheets.values()].reverse()) {
    bytes += sheet.pixels ? 4 * sheet.pixels.width * sheet.pixels.height : 0;
    if (bytes <= PIXELS_KEPT || !sheet.pixels) continue;
    sheet.pixels.close();
    sheet.pixels = null;
  }
}

/** Have these decoded one after the other, the first one first, in place of what was wanted before. */
async function decodeAhead(urls) {
  wantedAhead = [...urls];
  for (const url of [...urls].reverse()) sheetOf(url); // the first is forgotten last
  if (decodingAhead) return;
  decodingAhead = true;
  while (wantedAhead.length) {
    const sheet = sheetOf(wantedAhead.shift());
    if (!sheet.pixels) await decode(sheet);
  }
  decodingAhead = false;
}
