"""f_A's frame embeddings of every clip, left in the workspace after a pass: what people compare clips by."""

import json
import os
from pathlib import Path

import numpy as np

from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.image_features import chunked, embed_clips
from finepseudo_core.selftraining.round import Round

KEYS = "embedding_keys.json"


def keep_embeddings(round: Round, iteration: int) -> dict[str, Path]:
    """Write the embeddings of a pass as float16 (N, T, F), and the clips' keys in the same order.

    The processes share the work, and memory holds one chunk at a time. Nothing is written where f_A learns
    nothing, or where the pass has left them before.
    """
    if not round.config.trains_alignability:
        return {}
    array, names = round.workspace / f"embeddings-{iteration}.npy", round.workspace / KEYS
    if not distributed.from_main(array.is_file):
        _write(round, array, names)
    return {"alignability": array, "keys": names}


def forget_embeddings(round: Round, but: int) -> None:
    """Remove what earlier passes left, once a pass has taken their place."""
    if distributed.is_main():
        for path in round.workspace.glob("embeddings-*.npy"):
            if path.name != f"embeddings-{but}.npy":
                path.unlink()


def _write(round: Round, array: Path, names: Path) -> None:
    records, shape = round.clips, round.config.alignability_encoder
    part = array.with_suffix(".part")

    def open_file() -> None:
        array.parent.mkdir(parents=True, exist_ok=True)
        names.write_text(json.dumps([record.key for record in records]), encoding="utf-8")
        size = len(records), shape.frames, shape.embedding
        np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=size).flush()

    distributed.from_main(open_file)
    target, start = np.lib.format.open_memmap(part, mode="r+"), 0
    for place, chunk in enumerate(chunked(records)):
        if distributed.takes(place):
            target[start : start + len(chunk)] = embed_clips(round, chunk).cpu().half().numpy()
        start += len(chunk)
    target.flush()
    distributed.wait_for_all()
    distributed.from_main(lambda: os.replace(part, array))
