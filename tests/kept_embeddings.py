"""Frame embeddings as a pass of a round leaves them behind."""

import json
from collections.abc import Sequence

import numpy as np
from sqlalchemy.orm import Session

from app.services.embeddings import embeddings_file, keys_file
from app.services.studio import Studio
from db.repositories import clips


def leave_embeddings(
    studio: Studio,
    number: int,
    clip_ids: Sequence[int],
    embedded: np.ndarray,
    iteration: int = 0,
    session: Session | None = None,
) -> None:
    """Write embeddings (N, T, F) of these clips, which `session` may only just have added."""
    if session is None:
        with studio.database.read() as reading:
            known = clips.ids(reading)
    else:
        known = clips.ids(session)
    key_of = {clip_id: key for key, clip_id in known.items()}
    array = embeddings_file(studio.settings, number, iteration)
    array.parent.mkdir(parents=True, exist_ok=True)
    np.save(array, np.asarray(embedded, np.float16))
    names = [key_of.get(clip_id, "no longer there.mp4") for clip_id in clip_ids]
    keys_file(studio.settings, number).write_text(json.dumps(names), encoding="utf-8")
