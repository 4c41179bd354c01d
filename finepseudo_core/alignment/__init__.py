"""How well two clips align in time: distances, paths and the learnable alignability score."""

from finepseudo_core.alignment.pairwise import pairwise_soft_dtw
from finepseudo_core.alignment.soft_dtw import soft_dtw

__all__ = ["pairwise_soft_dtw", "soft_dtw"]
