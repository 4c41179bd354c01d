"""The embeddings that a pass leaves behind are f_A's, of every clip, and only the newest pass's stay."""

import json

import numpy as np
import pytest

from finepseudo_core.events import PseudoLabelsProposed
from finepseudo_core.selftraining import proposal
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import load_finished
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return make_clips(tmp_path_factory.mktemp("kept"))


def test_each_pass_leaves_its_own_before_anybody_is_told(clips, tmp_path):
    labelled, unlabelled, test = clips
    there: list[list[str]] = []

    def watch(event) -> None:
        if isinstance(event, PseudoLabelsProposed):
            there.append(sorted(path.name for path in tmp_path.glob("embeddings-*.npy")))

    result = run(tiny_config(), labelled, unlabelled, tmp_path, test=test, notify=watch)
    assert there == [["embeddings-0.npy"], ["embeddings-0.npy", "embeddings-1.npy"]]
    assert [path.name for path in tmp_path.glob("embeddings-*")] == ["embeddings-1.npy"]
    kept = np.load(result.embeddings["alignability"])
    keys = json.loads(result.embeddings["keys"].read_text())
    assert kept.shape == (len(keys), 6, 8)
    assert kept.dtype == np.float16
    assert sorted(keys) == sorted(record.key for record in (*labelled, *unlabelled, *test))
    np.testing.assert_allclose(np.linalg.norm(kept.astype(np.float32), axis=2), 1, atol=2e-3)
    exemplars = load_finished(result.model).exemplars
    places = [keys.index(key) for key in exemplars.keys]
    np.testing.assert_allclose(kept[places], exemplars.embeddings.numpy(), atol=1e-3)


def test_a_crash_after_the_file_leaves_a_round_that_ends_the_same(clips, tmp_path, monkeypatch):
    labelled, unlabelled, _ = clips
    whole = run(tiny_config(), labelled, unlabelled, tmp_path / "whole")
    publish = proposal.publish

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(proposal, "publish", crash)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_config(), labelled, unlabelled, tmp_path / "cut")
    monkeypatch.setattr(proposal, "publish", publish)
    again = run(tiny_config(), labelled, unlabelled, tmp_path / "cut")
    assert again.model_sha256 == whole.model_sha256
    assert again.embeddings["alignability"].read_bytes() == whole.embeddings["alignability"].read_bytes()
