import numpy as np
import pytest

from finepseudo_core.evaluation.phase_progression import progress, progression_scores

GENERATOR = np.random.default_rng(0)


def test_progress_is_the_share_of_the_clip_until_the_event():
    expected = [[0.25, 0.75], [0.0, 0.5], [-0.5, 0.0]]
    np.testing.assert_allclose(progress(np.array([0, 2, 6]), (2, 6), 8), expected)
    assert progress(np.arange(4), (), 4).shape == (4, 0)


def test_embeddings_that_hold_the_progress_give_one():
    targets = [progress(np.arange(frames), (3, 7), frames) for frames in (10, 12, 9, 15)]
    mixed = [target @ np.array([[1.0, 2.0, 0.5], [0.0, 1.0, -1.0]]) + 3 for target in targets]
    scores = progression_scores(mixed[:2], targets[:2], mixed[2:], targets[2:])
    np.testing.assert_allclose(scores, 1)


def test_the_scores_are_those_of_a_regression_with_a_constant_column():
    embeddings = [GENERATOR.normal(size=(9, 4)) for _ in range(6)]
    targets = [GENERATOR.normal(size=(9, 2)) for _ in range(6)]
    x, y, held_out, truth = (np.concatenate(part) for part in
        (embeddings[:4], targets[:4], embeddings[4:], targets[4:]))  # fmt: skip
    columns = np.c_[x, np.ones(len(x))]
    weights = np.linalg.solve(columns.T @ columns, columns.T @ y)
    residual = truth - np.c_[held_out, np.ones(len(held_out))] @ weights
    expected = 1 - residual.var(0) / truth.var(0) - residual.mean(0) ** 2 / truth.var(0)
    found = progression_scores(embeddings[:4], targets[:4], embeddings[4:], targets[4:])
    np.testing.assert_allclose(found, expected)
    negated = progression_scores(embeddings[:4], [-t for t in targets[:4]],
                                 embeddings[4:], [-t for t in targets[4:]])  # fmt: skip
    np.testing.assert_allclose(negated, found)  # TCC's sign gives the same score


def test_it_agrees_with_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y, held_out, truth = (GENERATOR.normal(size=(n, k)) for n, k in ((40, 5), (40, 2), (20, 5), (20, 2)))
    fits = [linear_model.LinearRegression().fit(x, y[:, event]) for event in range(2)]
    expected = [fit.score(held_out, truth[:, event]) for event, fit in enumerate(fits)]
    np.testing.assert_allclose(progression_scores([x], [y], [held_out], [truth]), expected)


@pytest.mark.parametrize("targets", [np.zeros((3, 0)), np.ones((3, 1))])
def test_no_event_and_no_variation_are_refused(targets):
    with pytest.raises(ValueError, match="progress needs a key event"):
        progression_scores([np.eye(3)], [targets], [np.eye(3)], [targets])
