"""Multinomial logistic regression, solved to its optimum: the linear probe of TCC and CARL."""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from finepseudo_core.errors import TrainingError

GRADIENT = 1e-8  # of the mean loss, at which the optimum counts as reached
GRADIENT_ACCEPTED = 1e-6
_MOST_STEPS = 10_000
_HISTORY = 20


@dataclass(frozen=True)
class LinearClassifier:
    """A linear classifier: the label whose weights (K, F) and bias (K,) give a sample the largest value.

    Args:
        weights: float64 (K, F).
        bias: float64 (K,).
        labels: int (K,), what each row stands for.
    """

    weights: np.ndarray
    bias: np.ndarray
    labels: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Labels int (N,) of samples (N, F)."""
        return self.labels[(features @ self.weights.T + self.bias).argmax(1)]


def fit_logistic_regression(
    features: np.ndarray, labels: np.ndarray, *, strength: float = 1.0
) -> LinearClassifier:
    """Minimise the sum of cross-entropies plus |W|² / (2 strength), the bias free, by L-BFGS in float64.

    With strength 1 this is the objective that CARL and TCC hand to scikit-learn (`LogisticRegression` with
    its default C = 1, multinomial also for two classes). It is strictly convex in W, so there is one answer.

    Args:
        features: samples (N, F).
        labels: int (N,), at least two different ones; only those that occur are ever predicted.
        strength: inverse of the penalty, C > 0.

    Raises:
        ValueError: shapes that don't fit, values that are not finite, one label only, or strength <= 0.
        TrainingError: the optimum was not reached.
    """
    if features.ndim != 2 or labels.shape != features.shape[:1] or strength <= 0:
        raise ValueError(
            f"features {features.shape}, labels {labels.shape}, strength {strength}: "
            "give (N, F), (N,) and more than 0."
        )
    if not np.isfinite(features).all():
        raise ValueError("the features hold values that are not finite.")
    present, numbers = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        raise ValueError(f"a classifier needs two different labels; there is only {present.tolist()}.")
    samples, targets = torch.from_numpy(features.astype(np.float64)), torch.from_numpy(numbers)
    weights = torch.zeros(len(present), features.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(present), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights, bias],
        max_iter=_MOST_STEPS,
        tolerance_grad=GRADIENT,
        tolerance_change=0.0,
        history_size=_HISTORY,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        penalty = weights.square().sum() / (2 * strength * len(samples))
        value = functional.cross_entropy(samples @ weights.T + bias, targets) + penalty
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
        loss()
    steepest = max(float(part.grad.abs().max()) for part in (weights, bias) if part.grad is not None)
    if not steepest <= GRADIENT_ACCEPTED:
        raise TrainingError(
            f"the logistic regression stopped at a gradient of {steepest:.2g}, above {GRADIENT_ACCEPTED:g}; "
            "bring the features to similar sizes, for example to length one."
        )
    return LinearClassifier(weights.detach().numpy(), bias.detach().numpy(), present)
