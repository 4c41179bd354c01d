// Anchors set by hand stay with a pair while this browser tab lives, whichever of the two is A.

const anchorsName = (data, a, b) => `finepseudo.anchors.${data.scope}.${data.round_number}.${a.clip_id}.${b.clip_id}`;

function keptAnchors(data) {
  try {
    const own = sessionStorage.getItem(anchorsName(data, data.a, data.b));
    if (own) return JSON.parse(own);
    const turned = sessionStorage.getItem(anchorsName(data, data.b, data.a));
    return turned ? JSON.parse(turned).map(([row, column]) => [column, row]) : [];
  } catch {
    return [];
  }
}

function keepAnchors(data, anchors) {
  try {
    sessionStorage.setItem(anchorsName(data, data.a, data.b), JSON.stringify(anchors));
    sessionStorage.removeItem(anchorsName(data, data.b, data.a));
  } catch { /* a browser that keeps nothing has them until the page is left */ }
}
