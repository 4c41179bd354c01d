"""How well two clips align in time: distances, paths and the learnable alignability score."""

from finepseudo_core.alignment.alignability import AlignabilityScore, ClassAlignability, class_alignability
from finepseudo_core.alignment.alignability_bounds import AlignabilityBounds
from finepseudo_core.alignment.costs import cosine_costs
from finepseudo_core.alignment.distances import pairwise_distance
from finepseudo_core.alignment.dtw_path import Alignment, dtw_path
from finepseudo_core.alignment.pairwise import pairwise_soft_dtw
from finepseudo_core.alignment.soft_dtw import soft_dtw

__all__ = [
    "AlignabilityBounds",
    "Alignment",
    "AlignabilityScore",
    "ClassAlignability",
    "class_alignability",
    "cosine_costs",
    "dtw_path",
    "pairwise_distance",
    "pairwise_soft_dtw",
    "soft_dtw",
]
