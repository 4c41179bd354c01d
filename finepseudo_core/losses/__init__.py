"""The three losses of FinePseudo that are its own: Eq. 2, Eq. 4 and Eq. 9."""

from finepseudo_core.losses.alignability_score import AlignabilityScoreLoss
from finepseudo_core.losses.alignment_triplet import AlignabilityTripletLoss
from finepseudo_core.losses.temporal_distinctiveness import TemporalDistinctivenessLoss

__all__ = ["AlignabilityScoreLoss", "AlignabilityTripletLoss", "TemporalDistinctivenessLoss"]
