"""The non-parametric classifier φ_A: a clip belongs to the class whose exemplars it aligns with (Eq. 7-8)."""

import zlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from finepseudo_core.records import ClipRecord


def class_probabilities(scores: Tensor, temperature: float) -> Tensor:
    """p_A = softmax(S̄ / τ) of mean alignability scores (N, K). FinePseudo, Eq. 8.

    Raises:
        ValueError: temperature <= 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature!r}; it must be above zero.")
    return torch.softmax(scores / temperature, dim=1)


def draw_gallery(
    labelled: Sequence[ClipRecord],
    *,
    per_class: int = 15,
    seed: int = 0,
    chosen: Mapping[str, Sequence[str]] | None = None,
    banned: Collection[str] = (),
) -> dict[str, tuple[str, ...]]:
    """Choose the exemplars of a round: those a person chose first, the rest at random.

    The draw depends on the seed, the class and its clips only, not on their order nor on the other classes.

    Args:
        labelled: human-labelled clips.
        per_class: exemplars per class, at most.
        seed: seed of the draw.
        chosen: class -> keys of the clips a person chose, best first; those beyond `per_class` are left out.
        banned: keys never to be exemplars.

    Returns:
        class -> exemplar keys, for every class that occurs, in alphabetical order.

    Raises:
        ValueError: a chosen clip that is banned or not labelled with that class.
    """
    chosen = chosen or {}
    by_class: dict[str, list[str]] = {}
    for record in labelled:
        if record.label is not None:
            by_class.setdefault(record.label, []).append(record.key)
    for name, keys in chosen.items():
        for key in keys:
            if key in banned:
                raise ValueError(
                    f"clip {key!r} is chosen for {name!r} and banned as well; drop one of the two."
                )
            if key not in by_class.get(name, ()):
                raise ValueError(f"clip {key!r} is chosen for {name!r} but is not labelled {name!r}.")
    gallery = {}
    for name, keys in sorted(by_class.items()):
        first = list(dict.fromkeys(chosen.get(name, ())))
        others = sorted({*keys} - {*first} - {*banned})
        np.random.default_rng([seed, zlib.crc32(name.encode())]).shuffle(others)
        gallery[name] = tuple((first + others)[:per_class])
    return gallery
