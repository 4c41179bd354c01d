"""The logistic regression against closed cases, its own optimality condition, and scikit-learn."""

import numpy as np
import pytest

from finepseudo_core.evaluation.logistic_regression import fit_logistic_regression


def samples(labels: int, features: int = 6, count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(labels)
    truth = generator.integers(labels, size=count)
    centres = generator.normal(size=(labels, features))
    return centres[truth] + generator.normal(size=(count, features)), truth


def test_without_features_the_bias_is_the_log_of_the_frequencies():
    found = fit_logistic_regression(np.zeros((10, 3)), np.array([4] * 7 + [9] * 2 + [1]))
    np.testing.assert_array_equal(found.labels, [1, 4, 9])
    shares = np.exp(found.bias) / np.exp(found.bias).sum()
    np.testing.assert_allclose(shares, [0.1, 0.7, 0.2], atol=1e-7)
    np.testing.assert_allclose(found.weights, 0, atol=1e-7)


def test_two_mirrored_samples_have_the_weight_that_solves_their_equation():
    """At x = 1 and -1 the objective is w² + 2 log(1 + e^(-2w)), so w = 2 / (1 + e^(2w))."""
    low, high = 0.0, 2.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * (1 + np.exp(2 * middle)) < 2 else (low, middle)
    found = fit_logistic_regression(np.array([[1.0], [-1.0]]), np.array([1, 0]))
    np.testing.assert_allclose(found.weights, [[-low], [low]], atol=1e-7)
    np.testing.assert_allclose(found.bias, 0, atol=1e-7)


@pytest.mark.parametrize("strength", [0.1, 1.0, 10.0])
def test_the_gradient_is_zero_at_the_answer(strength):
    features, labels = samples(4)
    found = fit_logistic_regression(features, labels, strength=strength)
    values = features @ found.weights.T + found.bias
    shares = np.exp(values - values.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    residual = shares - np.eye(4)[labels]
    np.testing.assert_allclose(residual.T @ features + found.weights / strength, 0, atol=1e-5)
    np.testing.assert_allclose(residual.sum(0), 0, atol=1e-5)


@pytest.mark.parametrize("labels", [3, 5])
def test_it_agrees_with_scikit_learn(labels):
    linear_model = pytest.importorskip("sklearn.linear_model")
    features, truth = samples(labels)
    found = fit_logistic_regression(features, truth)
    theirs = linear_model.LogisticRegression(tol=1e-10, max_iter=10_000).fit(features, truth)
    np.testing.assert_allclose(found.weights, theirs.coef_, atol=1e-5)
    np.testing.assert_array_equal(found.predict(features), theirs.predict(features))


def test_it_converges_where_classes_are_far_apart():
    features, labels = samples(3)
    assert (fit_logistic_regression(features * 30, labels).predict(features * 30) == labels).mean() > 0.8


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.ones((3, 2)), np.array([1, 1, 1]), r"two different labels; there is only \[1\]"),
        (np.full((2, 2), np.nan), np.array([0, 1]), "not finite"),
        (np.ones((3, 2)), np.array([0, 1]), r"give \(N, F\)"),
    ],
)
def test_what_cannot_be_fitted_is_refused(features, labels, message):
    with pytest.raises(ValueError, match=message):
        fit_logistic_regression(features, labels)
