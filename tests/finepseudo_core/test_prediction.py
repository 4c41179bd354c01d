"""New clips get the labels that the round itself would give them, or none."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from finepseudo_core.errors import CheckpointError
from finepseudo_core.prediction import Predictor
from finepseudo_core.records import Prediction
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import load_finished, load_models, save_models
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The clips and the result of a tiny round."""
    clips = make_clips(tmp_path_factory.mktemp("dives"))
    labelled, unlabelled, test = clips
    return clips, run(tiny_config(), labelled, unlabelled, tmp_path_factory.mktemp("round"), test=test)


@pytest.fixture(scope="module")
def predictor(trained) -> Predictor:
    _, result = trained
    return Predictor(result.model, sha256=result.model_sha256, device="cpu")


def test_f_a_says_of_a_new_clip_what_it_says_in_the_round(trained, predictor):
    (_, unlabelled, _), result = trained
    found = list(predictor.predict([record.path for record in unlabelled], by="f_A", least=0))
    for prediction, label in zip(found, result.proposal.pseudo_labels, strict=True):
        probabilities = np.array(list(prediction.probabilities.values()))
        np.testing.assert_allclose(probabilities, label.alignability_probabilities, atol=1e-5)
        assert (
            prediction.best
            == prediction.label
            == max(prediction.probabilities, key=prediction.probabilities.get)
        )
        assert [match.key for match in prediction.nearest] == [match.key for match in label.nearest]
        best = result.proposal.classes.index(prediction.best)
        assert prediction.alignability == pytest.approx(label.class_alignabilities[best], abs=1e-5)


@pytest.mark.parametrize(
    ("by", "metric"), [("f_E", "test_top1"), ("f_A", "test_top1_alignability"), ("both", "test_top1_both")]
)
def test_accuracy_on_the_test_clips_is_the_rounds_own(trained, predictor, by, metric):
    (_, _, test), result = trained
    found = predictor.predict([record.path for record in test], by=by, least=0)
    right = [prediction.label == record.truth for prediction, record in zip(found, test, strict=True)]
    assert np.mean(right) == pytest.approx(result.metrics[metric])


def test_an_unsure_clip_is_none_of_these(trained, predictor):
    (_, unlabelled, _), _ = trained
    paths = [record.path for record in unlabelled[:3]]
    unsure = list(predictor.predict(paths, least=1))
    assert [prediction.label for prediction in unsure] == [None] * 3
    assert all(prediction.best in predictor.classes for prediction in unsure)
    default = list(predictor.predict(paths))
    theta = predictor.config.pseudo_labels.threshold
    assert [prediction.label is not None for prediction in default] == [
        prediction.confidence >= theta for prediction in default
    ]


def test_a_file_that_is_no_video_says_so_and_the_others_are_labelled(trained, predictor, tmp_path):
    (_, unlabelled, _), _ = trained
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    copy = Path(shutil.copy(unlabelled[0].path, tmp_path / "copy.mp4"))
    first, second, third = predictor.predict([broken, copy, tmp_path / "absent.mp4"], least=0)
    assert first == Prediction(broken, problem=first.problem)
    assert first.problem
    assert second.label is not None
    assert third.problem


def test_no_clips_give_no_predictions(predictor):
    assert list(predictor.predict([])) == []


def test_wrong_arguments_say_what_to_choose(predictor):
    with pytest.raises(ValueError, match="choose f_E, f_A or both"):
        list(predictor.predict([], by="f_e"))
    with pytest.raises(ValueError, match="between 0 and 1"):
        list(predictor.predict([], least=60))


def test_a_model_without_exemplars_or_damaged_is_refused(trained, tmp_path):
    _, result = trained
    models, config, classes = load_models(result.model)
    save_models(models, config, classes, tmp_path / "old.pt")
    with pytest.raises(CheckpointError, match="holds no exemplars"):
        Predictor(tmp_path / "old.pt")
    content = bytearray(result.model.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "damaged.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        Predictor(tmp_path / "damaged.pt")
    with pytest.raises(CheckpointError):
        Predictor(result.model, sha256="0" * 64)


def test_predicting_changes_no_network(trained, predictor):
    (_, unlabelled, _), result = trained
    list(predictor.predict([unlabelled[0].path]))
    saved = load_models(result.model)[0].state_dict()
    for name, value in predictor.models.state_dict().items():
        assert torch.equal(value.cpu(), saved[name]), name


@pytest.mark.parametrize("name", ["action.classifier.bias", "score.deviation", "exemplars"])
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_model_that_is_not_finite_is_refused_by_name(trained, tmp_path, name, broken):
    finished = load_finished(trained[1].model)
    value = finished.exemplars.embeddings if name == "exemplars" else finished.models.state_dict()[name]
    value.flatten()[0] = broken
    save_models(
        finished.models, finished.config, finished.classes, tmp_path / "broken.pt", finished.exemplars
    )
    with pytest.raises(CheckpointError, match=rf"not finite \({name}\)"):
        Predictor(tmp_path / "broken.pt", device="cpu")


def test_an_answer_that_overflows_is_no_label(trained):
    (_, unlabelled, _), result = trained
    finished = load_finished(result.model)
    torch.nn.init.constant_(finished.models.action.classifier.weight, 3e38)
    torch.nn.init.constant_(finished.models.action.classifier.bias, 3e38)
    with pytest.raises(CheckpointError, match="answers with NaN or infinity"):
        list(Predictor(finished, device="cpu").predict([unlabelled[0].path], by="f_E"))


@pytest.mark.parametrize("method", ["fixmatch", "timebalance"])
def test_a_method_without_f_a_gives_no_evidence_of_alignment(trained, predictor, method):
    (_, unlabelled, _), result = trained
    finished = load_finished(result.model)
    config = finished.config.replace({"method": method, "pseudo_labels.strategy": "confidence"})
    other = Predictor(finished._replace(config=config), device="cpu")
    (found,) = other.predict([unlabelled[0].path])
    (expected,) = predictor.predict([unlabelled[0].path], by="f_E")
    assert (found.alignability, found.nearest) == (None, ())
    assert found.probabilities == expected.probabilities
    assert expected.nearest
    for by in ("f_A", "both"):
        with pytest.raises(ValueError, match=rf"by is '{by}', but the method {method} trains f_E alone"):
            list(other.predict([unlabelled[0].path], by=by))


def test_cuda_is_not_silently_the_cpu(trained, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="torch finds no CUDA device"):
        Predictor(trained[1].model, device="cuda")
    assert Predictor(trained[1].model).device == torch.device("cpu")
