"""From two encoders' opinions to pseudo-labels: the gallery, Table 6's strategies and what they accept."""

from finepseudo_core.pseudo_labels.early_decisions import REJECTED, EarlyDecisions, decide_early
from finepseudo_core.pseudo_labels.nonparametric_classifier import NonparametricClassifier, draw_gallery
from finepseudo_core.pseudo_labels.strategies import STRATEGIES, Decision, Evidence, as_pseudo_labels, decide

__all__ = [
    "REJECTED",
    "STRATEGIES",
    "Decision",
    "EarlyDecisions",
    "Evidence",
    "NonparametricClassifier",
    "as_pseudo_labels",
    "decide",
    "decide_early",
    "draw_gallery",
]
