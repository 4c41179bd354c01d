"""From two encoders' opinions to pseudo-labels: the gallery, Table 6's strategies and what they accept."""

from finepseudo_core.pseudo_labels.nonparametric_classifier import class_probabilities, draw_gallery
from finepseudo_core.pseudo_labels.strategies import STRATEGIES, Decision, decide

__all__ = ["STRATEGIES", "Decision", "class_probabilities", "decide", "draw_gallery"]
