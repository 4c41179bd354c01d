"""FinePseudo's own losses (Eq. 2, Eq. 4, Eq. 9), and those of the methods it is compared with."""

from finepseudo_core.losses.alignability_score import AlignabilityScoreLoss
from finepseudo_core.losses.alignment_triplet import AlignabilityTripletLoss
from finepseudo_core.losses.balanced_distillation import BalancedDistillationLoss
from finepseudo_core.losses.consistency import ConsistencyLoss
from finepseudo_core.losses.instance_discrimination import InstanceDiscriminationLoss
from finepseudo_core.losses.sequence_contrastive import SequenceContrastiveLoss
from finepseudo_core.losses.temporal_distinctiveness import TemporalDistinctivenessLoss

__all__ = [
    "AlignabilityScoreLoss",
    "AlignabilityTripletLoss",
    "BalancedDistillationLoss",
    "ConsistencyLoss",
    "InstanceDiscriminationLoss",
    "SequenceContrastiveLoss",
    "TemporalDistinctivenessLoss",
]
