// What goes out of the compare screen: a picture, the path as a table, a video.

const fileStem = (pair) => pair.clips.map((clip) => clip.name.replace(/\.[^.]*$/, "").replace(/[^\w-]+/g, "_").slice(-40) || "clip")
  .join("-vs-");

function download(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** The path as CSV: frames count from 0, times are seconds from the beginning of the clip. */
function pathTable(pair) {
  const { rows, columns, costs } = pair.matrix;
  const lines = pair.path.map(([row, column]) => {
    const moments = [momentOf(row, rows), momentOf(column, columns)];
    return [...moments.map((moment, clip) => frameAt(moment, pair.frames[clip])),
      ...moments.map((moment, clip) => (moment * pair.seconds[clip]).toFixed(4)),
      costs[row * columns + column].toFixed(6)].join(",");
  });
  return ["frame_a,frame_b,time_a,time_b,local_cost", ...lines, ""].join("\r\n");
}

/** The screen's pictures on one sheet: rows of canvases below each other, [canvas, what it shows] each, then lines. */
function comparisonSheet(node, title, canvases, lines) {
  const width = 1600;
  const gap = 16;
  const sheet = element("canvas", { width, height: 1 });
  const rows = canvases.map((row) => {
    const shown = row.filter(([canvas]) => canvas.width && canvas.height);
    const wide = shown.reduce((sum, [canvas]) => sum + canvas.width, 0);
    const scale = Math.min((width - gap * (shown.length + 1)) / wide, 3);
    return { shown, scale, height: 22 + Math.max(0, ...shown.map(([canvas]) => canvas.height * scale)) };
  });
  sheet.height = Math.round(70 + rows.reduce((sum, row) => sum + row.height + gap, 0) + lines.length * 30 + gap);
  const context = sheet.getContext("2d");
  context.fillStyle = colourOf(node, "--ground") || "#ffffff";
  context.fillRect(0, 0, width, sheet.height);
  context.fillStyle = colourOf(node, "--ink");
  context.font = "600 28px sans-serif";
  context.fillText(title, gap, 44, width - 2 * gap);
  let y = 70;
  for (const row of rows) {
    let x = gap;
    for (const [canvas, words] of row.shown) {
      const [wide, high] = [canvas.width * row.scale, canvas.height * row.scale];
      context.fillStyle = colourOf(node, "--ink");
      context.font = "600 16px sans-serif";
      context.fillText(words, x, y + 15, wide);
      context.fillStyle = getComputedStyle(canvas).backgroundColor;
      context.fillRect(x, y + 22, wide, high);
      context.drawImage(canvas, x, y + 22, wide, high);
      x += wide + gap;
    }
    y += row.height + gap;
  }
  context.fillStyle = colourOf(node, "--ink");
  context.font = "20px sans-serif";
  lines.forEach((line, place) => context.fillText(line, gap, y + 22 + place * 30, width - 2 * gap));
  return new Promise((resolve) => { sheet.toBlob(resolve, "image/png"); });
}

/** Frames of both clips that a clock shows together, as many a second as A has. */
function framePairs(pair, clock, most = 1200) {
  const count = Math.max(1, Math.min(most, Math.round(clock.total * pair.clips[0].fps)));
  return Array.from({ length: count }, (_, place) =>
    clock.at(((place + 0.5) / count) * clock.total).map((moment, clip) => frameAt(moment, pair.frames[clip])));
}

/** Both clips side by side as an mp4 that the server makes; throws with what went wrong. */
async function pairVideo(url, pair, clock, speed) {
  const answer = await fetch(url, {
    method: "POST", credentials: "same-origin", headers: { "content-type": "application/json" },
    body: JSON.stringify({ a: pair.clips[0].clip_id, b: pair.clips[1].clip_id, fps: pair.clips[0].fps * speed,
      pairs: framePairs(pair, clock) }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.blob();
}
