// Tempo in words, phase by phase.

const milliseconds = (seconds) => (Math.abs(seconds) < 0.9995 ? `${Math.round(Math.abs(seconds) * 1000)} ms`
  : `${Math.abs(seconds).toFixed(2)} s`);

/**
 * Sentences by phase name. `rows` are {phase, a, b} with the frame each begins with in both clips, in the order of A;
 * begins are counted from the first phase, as clips are cut out at any moment. The last phase has no end to compare.
 */
function tempoReport(rows, fps) {
  const said = new Map();
  if (rows.length < 2) return said;
  const least = Math.max(1 / fps[0], 1 / fps[1]); // a difference below one frame is none
  const since = (row) => [(row.a - rows[0].a) / fps[0], (row.b - rows[0].b) / fps[1]];
  rows.forEach((row, place) => {
    const parts = [];
    if (place) {
      const [own, other] = since(row);
      const late = other - own;
      parts.push(Math.abs(late) < least ? "begins at the same time in both"
        : `begins ${milliseconds(late)} ${late > 0 ? "later" : "earlier"} in B than in A, counted from ${rows[0].phase}`);
    }
    if (place < rows.length - 1) {
      const [own, other] = [0, 1].map((clip) => since(rows[place + 1])[clip] - since(row)[clip]);
      const share = Math.round((other / own - 1) * 100);
      parts.push(Math.abs(other - own) < least || !share ? "is as long in both"
        : `is ${Math.abs(share)} % ${share < 0 ? "shorter" : "longer"} in B than in A (${milliseconds(other)}, not ${milliseconds(own)})`);
    }
    if (parts.length) said.set(row.phase, `${parts.join("; ")}.`);
  });
  return said;
}
