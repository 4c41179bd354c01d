"""The front door on synthetic dives: embeddings of the true phase near one, random ones at chance."""

import json
import pickle
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from finepseudo_core.datasets import synthetic_dives
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.datasets.formats import csv_folder, finediving, penn_action
from finepseudo_core.datasets.formats.finediving import Step
from finepseudo_core.datasets.formats.listing import ListedClip
from finepseudo_core.datasets.phase_annotations import PhaseAnnotation, read_csv
from finepseudo_core.errors import DatasetError
from finepseudo_core.evaluation import phases_run
from finepseudo_core.evaluation.annotated_clips import check_annotated, read_annotated
from finepseudo_core.evaluation.embedded_folder import draw_window, embed_folder
from finepseudo_core.evaluation.frame_embeddings import clock_embeddings, embed_frames
from finepseudo_core.evaluation.phases import (
    PhaseProtocol,
    evaluate_by_class,
    evaluate_phases,
    mean_over_classes,
)
from finepseudo_core.evaluation.phases_run import measure
from finepseudo_core.selftraining.image_features import embed_clips
from finepseudo_core.selftraining.models import Models, save_models
from finepseudo_core.selftraining.round import open_round
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config
from tests.zoo import write_video

Embeddings = dict[str, np.ndarray]
PHASES = ("takeoff", "flight", "entry")


@pytest.fixture(scope="module")
def dives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dives")
    synthetic_dives.generate(folder, clips=20, classes=2, seed=5, size=32, processes=1)
    return folder


@pytest.fixture(scope="module")
def annotations(dives: Path) -> dict[str, PhaseAnnotation]:
    return read_csv(dives / "phases.csv")


@pytest.fixture(scope="module")
def classes(dives: Path) -> dict[str, str]:
    return {clip.key: str(clip.label) for clip in csv_folder.read(dives, dives / "labels.csv").clips}


@pytest.fixture(scope="module")
def held_out(dives: Path) -> list[str]:
    clips = csv_folder.read(dives, dives / "labels.csv").clips
    return [clip.key for clip in clips if clip.split == "test"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model file of a round that has learnt nothing yet."""
    config, path = tiny_config(), tmp_path_factory.mktemp("round") / "model.pt"
    torch.manual_seed(0)
    save_models(Models(config, 2), config, ("a", "b"), path)
    return path


def embed(annotations: dict[str, PhaseAnnotation], of: Callable[[PhaseAnnotation], np.ndarray]) -> Embeddings:
    return {key: of(annotation) for key, annotation in annotations.items()}


def from_true_phase(clip: PhaseAnnotation) -> np.ndarray:
    """(frames, 6): which phase, and how far through it; nothing of the length of the phases."""
    frames = np.arange(clip.frames)
    phase = clip.labels(frames, PHASES)
    ends = np.array([*clip.starts[1:], clip.frames])
    starts = np.array(clip.starts)
    within = (frames - starts[phase]) / (ends - starts)[phase]
    return np.concatenate([np.eye(3)[phase], np.eye(3)[phase] * within[:, None]], axis=1)


def at_random(clip: PhaseAnnotation) -> np.ndarray:
    return np.random.default_rng([clip.frames, *clip.key.encode()]).normal(size=(clip.frames, 4))


def test_the_true_phase_scores_nearly_one(annotations, held_out):
    found = evaluate_phases(embed(annotations, from_true_phase), annotations, held_out)
    assert found["phase_accuracy_0.1"] == 1
    assert found["phase_accuracy_1"] == 1
    assert found["phase_progression"] > 0.98
    assert found["kendalls_tau"] > 0.97
    assert found["kendalls_tau_pairs"] == 1
    assert all(found[f"retrieval_ap_{count}"] > 0.97 for count in (5, 10, 15))
    assert list(found) == [
        "phase_majority", "phase_accuracy_0.1", "phase_accuracy_0.5", "phase_accuracy_1",
        "phase_progression", "kendalls_tau", "kendalls_tau_pairs",
        "retrieval_ap_5", "retrieval_ap_10", "retrieval_ap_15",
    ]  # fmt: skip


def test_random_embeddings_score_chance(annotations, held_out):
    found = evaluate_phases(embed(annotations, at_random), annotations, held_out)
    labels = np.concatenate([annotations[key].labels(np.arange(annotations[key].frames), PHASES)
                             for key in held_out])  # fmt: skip
    shares = np.bincount(labels) / len(labels)
    assert found["phase_majority"] == shares.max()
    assert found["phase_accuracy_1"] == pytest.approx(shares.max(), abs=0.06)
    assert abs(found["phase_progression"]) < 0.06
    assert abs(found["kendalls_tau"]) < 0.1
    assert found["retrieval_ap_15"] == pytest.approx((shares**2).sum(), abs=0.06)


def test_a_clock_keeps_the_order_but_misses_the_phases(annotations, held_out):
    found = evaluate_phases(
        embed(annotations, lambda clip: clock_embeddings(np.arange(clip.frames), (0, clip.frames))),
        annotations,
        held_out,
    )
    assert found["kendalls_tau"] > 0.99
    assert found["phase_majority"] < found["phase_accuracy_1"] < 1


def test_neither_order_nor_a_repetition_changes_anything(annotations, held_out):
    embeddings = embed(annotations, at_random)
    backwards = {key: embeddings[key] for key in reversed(embeddings)}
    first = evaluate_phases(embeddings, annotations, held_out)
    assert evaluate_phases(backwards, annotations, held_out[::-1]) == first
    other = PhaseProtocol(seed=1)
    assert (
        evaluate_phases(embeddings, annotations, held_out, protocol=other)["phase_accuracy_1"]
        == first["phase_accuracy_1"]
    )


def test_times_tell_which_frames_were_embedded(annotations, held_out):
    every_second = embed(annotations, lambda clip: from_true_phase(clip)[::2])
    times = embed(annotations, lambda clip: np.arange(0, clip.frames, 2))
    found = evaluate_phases(every_second, annotations, held_out, times=times)
    assert found["phase_accuracy_1"] == 1
    assert found["phase_progression"] > 0.98


def test_a_stride_thins_out_tau_and_retrieval_alone(annotations, held_out):
    embeddings = embed(annotations, at_random)
    all_frames = evaluate_phases(embeddings, annotations, held_out)
    thinned = evaluate_phases(embeddings, annotations, held_out, protocol=PhaseProtocol(stride=2))
    changed = {name for name in all_frames if all_frames[name] != thinned[name]}
    assert changed == {"kendalls_tau", "retrieval_ap_5", "retrieval_ap_10", "retrieval_ap_15"}


def test_classes_are_evaluated_by_themselves(annotations, held_out, classes):
    embeddings = embed(annotations, at_random)
    found = evaluate_by_class(embeddings, annotations, held_out, classes)
    assert set(found) == set(classes.values())
    name = min(found)
    own = {key: clip for key, clip in embeddings.items() if classes[key] == name}
    assert found[name] == evaluate_phases(own, annotations, [key for key in held_out if key in own])
    mean = mean_over_classes(found)
    assert mean["kendalls_tau"] == pytest.approx(np.mean([m["kendalls_tau"] for m in found.values()]))


def test_progression_is_absent_where_clips_differ_in_their_phases(annotations, held_out):
    renamed = dict(annotations)
    old = annotations[held_out[0]]
    renamed[old.key] = PhaseAnnotation(old.key, ("takeoff", "twist", "entry"), old.starts, old.frames)
    found = evaluate_phases(embed(annotations, at_random), renamed, held_out)
    assert "phase_progression" not in found
    assert "phase_accuracy_1" in found


def test_collapsed_embeddings_have_no_tau_and_score_chance(annotations, held_out):
    found = evaluate_phases(embed(annotations, lambda clip: np.ones((clip.frames, 2))), annotations, held_out)
    assert "kendalls_tau" not in found
    assert found["kendalls_tau_pairs"] == 0
    assert found["phase_accuracy_1"] == found["phase_majority"]


def changed(embeddings: Embeddings, key: str, to: np.ndarray) -> Embeddings:
    return {**embeddings, key: to}


def test_embeddings_that_make_no_sense_name_their_clip(annotations, held_out):
    good, key = embed(annotations, at_random), held_out[0]
    broken = good[key].copy()
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match=f"{key}: embeddings hold values that are not finite"):
        evaluate_phases(changed(good, key, broken), annotations, held_out)
    for shape in (good[key][:, :2], good[key][:0], good[key][0]):
        with pytest.raises(ValueError, match=r"embeddings have shape .* give \(T, F\)"):
            evaluate_phases(changed(good, key, shape), annotations, held_out)
    with pytest.raises(ValueError, match=f"{key}: .* but times of shape"):
        evaluate_phases(good, annotations, held_out, times={key: np.arange(3)})
    with pytest.raises(ValueError, match="held-out clips without embeddings: nowhere"):
        evaluate_phases(good, annotations, [*held_out, "nowhere"])


def test_clips_that_are_not_enough_are_told(annotations, held_out, classes):
    good = embed(annotations, at_random)
    without = {key: clip for key, clip in annotations.items() if key != held_out[0]}
    with pytest.raises(DatasetError, match=f"{held_out[0]}: no phases. Annotate"):
        evaluate_phases(good, without, held_out)
    with pytest.raises(DatasetError, match="19 clips to learn from and 1 held out"):
        evaluate_phases(good, annotations, held_out[:1])
    with pytest.raises(DatasetError, match="0 clips to learn from and 20 held out"):
        evaluate_phases(good, annotations, list(good))
    alone = {key: PhaseAnnotation(key, ("dive",), (0,), clip.frames) for key, clip in annotations.items()}
    with pytest.raises(DatasetError, match="one phase only"):
        evaluate_phases(good, alone, held_out)
    with pytest.raises(DatasetError, match="no class has two held-out clips"):
        evaluate_by_class(good, annotations, held_out[:1], classes)
    with pytest.raises(ValueError, match="clips without a class"):
        evaluate_by_class(good, annotations, held_out, {})


def test_clips_are_embedded_as_in_a_round(tmp_path: Path) -> None:
    labelled, unlabelled, test = make_clips(tmp_path / "clips", clips=12)
    config = tiny_config()
    round = open_round(
        config, labelled, unlabelled, tmp_path / "round", test=test, pseudo_labelled=(),
        initial_model=None, exemplars={}, stage_cache=None,
        notify=lambda event: None, should_stop=lambda: False,
    )  # fmt: skip
    expected = embed_clips(round, test).numpy()
    for record, theirs in zip(test, expected, strict=True):
        found = embed_frames(
            round.models.alignability, round.store, record.key, size=config.alignability_encoder.size
        )
        np.testing.assert_allclose(found.embeddings, theirs, atol=1e-5)
        assert found.times.tolist() == sorted(set(found.times.tolist()))


def test_the_command_measures_a_model_on_held_out_clips(dives, model, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["phases", "--model", str(model), "--data", str(dives)])
    phases_run.main()
    report = json.loads(model.with_name("phase_metrics.json").read_text())
    assert report["clips"] == {"training": 16, "held_out": 4}
    assert (report["frames"], report["left_out"]) == (6, {})
    assert report["metrics"]["clock"]["kendalls_tau"] > 0.99
    assert 0 < report["metrics"]["f_A"]["phase_accuracy_1"] <= 1
    printed = capsys.readouterr().out
    assert "phase_progression" in printed
    assert f"{report['metrics']['f_A']['phase_accuracy_1']:.3f}" in printed


def test_every_frame_by_class_and_what_is_left_out(dives, model, held_out, annotations, tmp_path):
    rows = (dives / "phases.csv").read_text().splitlines()
    no_phases, wrong_length = sorted(annotations.keys() - set(held_out))[:2]
    kept = [row for row in rows if not row.startswith(no_phases)]
    kept = [row for row in kept if not row.startswith(f"{wrong_length},entry")]
    (tmp_path / "phases.csv").write_text("\n".join(kept) + "\n")
    (tmp_path / "labels.csv").write_text((dives / "labels.csv").read_text())
    found = measure(model, Dataset(dives, annotations=tmp_path), every_frame=True, by_class=True)
    assert found["frames"] == "every"
    assert sum(found["clips"].values()) == 18
    assert set(found["left_out"]) == {no_phases, wrong_length}
    assert "no phases" in found["left_out"][no_phases]
    assert "frames, its phases end at" in found["left_out"][wrong_length]
    assert set(found["by_class"]["f_A"]) <= {dive.name for dive in synthetic_dives.DIVES[:2]}
    assert found["metrics"]["clock"] == mean_over_classes(found["by_class"]["clock"])


def test_trimming_leaves_the_clock_behind(annotations, held_out):
    windows = {key: draw_window(key, clip.frames, 0.4, 0) for key, clip in annotations.items()}
    for key, (first, end) in windows.items():
        frames = annotations[key].frames
        assert 0 <= first <= 0.4 * frames < 0.6 * frames <= end <= frames
    assert len(set(windows.values())) > 10
    times = {key: np.arange(*window) for key, window in windows.items()}
    clock = {key: clock_embeddings(times[key], windows[key]) for key in annotations}
    whole = {
        key: clock_embeddings(np.arange(clip.frames), (0, clip.frames)) for key, clip in annotations.items()
    }
    phase = {key: from_true_phase(clip)[times[key]] for key, clip in annotations.items()}
    accuracy = [
        evaluate_phases(embeddings, annotations, held_out, times=of)["phase_accuracy_1"]
        for embeddings, of in ((phase, times), (whole, None), (clock, times))
    ]
    assert accuracy[0] == 1
    assert accuracy[1] - accuracy[2] > 0.1


def test_a_trimmed_clip_is_embedded_from_its_window(dives, model):
    found = embed_folder(model, Dataset(dives), trim=0.4, every_frame=True, seed=3)
    assert all(times.tolist() == list(range(*found.windows[key])) for key, times in found.times.items())
    again = embed_folder(model, Dataset(dives), trim=0.4, every_frame=True, seed=3)
    assert all((found.embeddings[key] == again.embeddings[key]).all() for key in found.times)
    with pytest.raises(ValueError, match="trim 0.5 must lie in"):
        embed_folder(model, Dataset(dives), trim=0.5)


def as_finediving(folder: Path, dives: Path, annotations, held_out, classes) -> Path:
    """The same dives with the annotation of FineDiving, each begun at frame 50 of a competition."""
    clips, steps = [], {}
    for number, (path, phases) in enumerate(sorted(annotations.items())):
        shutil.copy(dives / path, folder / f"01_{number}.mp4")
        split = "test" if path in held_out else "train"
        clip = ListedClip(f"01/{number}", dives / path, classes[path], split, frames=(50, 50 + phases.frames))
        clips.append(clip)
        steps[clip.key] = [Step(*step) for step in zip(phases.names, phases.starts, strict=True)]
    finediving.write(clips, folder, steps_of=steps)
    return folder


def test_steps_of_finediving_are_phases(dives, model, annotations, held_out, classes, tmp_path):
    folder = as_finediving(tmp_path, dives, annotations, held_out, classes)
    found = measure(model, Dataset(folder, "finediving", cuts=tmp_path / "cuts"))
    assert found["left_out"] == {}
    assert found["clips"] == {"training": 16, "held_out": 4}
    assert found["metrics"]["clock"] == pytest.approx(
        measure(model, Dataset(dives))["metrics"]["clock"], abs=0.05
    )


def test_a_dive_that_can_not_be_used_costs_only_itself(
    dives, model, annotations, held_out, classes, tmp_path
):
    folder = as_finediving(tmp_path, dives, annotations, held_out, classes)
    path = folder / finediving.COARSE
    coarse = pickle.loads(path.read_bytes())
    coarse["01", 3]["end_frame"] = 52  # its steps go on for longer
    path.write_bytes(pickle.dumps(coarse))
    (folder / "01_5.mp4").unlink()
    gone = set(read_annotated(Dataset(folder, "finediving", cuts=tmp_path / "cuts")).left_out)
    assert gone == {"01/3", "01/5"}
    write_video(folder / "01.mp4", range(200))  # the competition, out of which the one is cut
    found = measure(model, Dataset(folder, "finediving", cuts=tmp_path / "cuts"))
    assert set(found["left_out"]) == {"01/3"}
    assert "the first must begin at 0 and each later" in found["left_out"]["01/3"]
    assert sum(found["clips"].values()) == 19


def test_missing_videos_and_unsound_phases_are_listed(dives, annotations, tmp_path):
    first, second, third = sorted(annotations)[:3]
    folder = tmp_path / "dives"
    folder.mkdir()
    for path in dives.rglob("*"):
        if path.is_file() and path.name != Path(first).name:
            (folder / path.relative_to(dives)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / path.relative_to(dives))
    rows = [row for row in (folder / "phases.csv").read_text().splitlines() if not row.startswith(second)]
    (folder / "phases.csv").write_text("\n".join([*rows, f"{second},flight,3,x"]) + "\n")
    found = read_annotated(Dataset(folder))
    assert set(found.left_out) == {first, second}
    assert "there is no such file" in found.left_out[first]
    assert "start '3' and end 'x' must be whole numbers" in found.left_out[second]
    assert len(found.clips) == 18
    assert third in found.phases


def test_the_command_takes_phases_beside_any_annotation(
    dives, model, annotations, held_out, classes, monkeypatch, tmp_path
):
    clips, rows = [], ["path,phase,start_frame,end_frame"]
    for number, (path, phases) in enumerate(sorted(annotations.items())):
        key, split = f"{number:04d}", "test" if path in held_out else "train"
        shutil.copy(dives / path, tmp_path / f"{key}.mp4")
        clips.append(ListedClip(key, dives / path, classes[path], split, frames=(0, phases.frames)))
        edges = zip(phases.names, phases.starts, [*phases.starts[1:], phases.frames], strict=True)
        rows += [f"{key},{name},{start},{end}" for name, start, end in edges]
    penn_action.write(clips, tmp_path)
    (tmp_path / "0000.mp4").unlink()
    (tmp_path / "marks.csv").write_text("\n".join(rows) + "\n")
    arguments = ["phases", "--model", str(model), "--data", str(tmp_path), "--format", "penn_action"]
    arguments += ["--out", str(tmp_path / "found.json")]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit, match="penn_action tells no phases. Give them by --phases"):
        phases_run.main()
    monkeypatch.setattr(
        sys, "argv", [*arguments, "--phases", str(tmp_path / "marks.csv"), "--least-frames", "9"]
    )
    phases_run.main()
    report = json.loads((tmp_path / "found.json").read_text())
    assert set(report["left_out"]) == {"0000"}
    assert "no video named 0000" in report["left_out"]["0000"]
    assert sum(report["clips"].values()) == 19


def test_phases_lie_beside_the_csv_that_is_named(dives, annotations, tmp_path):
    for name in ("labels.csv", "phases.csv"):
        shutil.copy(dives / name, tmp_path / name)
    found = read_annotated(Dataset(dives, annotations=tmp_path / "labels.csv"))
    assert (len(found.clips), found.left_out) == (20, {})
    assert found.phases == annotations


def test_what_can_not_be_measured_is_said_before(dives, annotations, tmp_path):
    known = read_annotated(Dataset(dives))
    check_annotated(known, dives)
    none = replace(known, clips=(), left_out={"a": "it has no phases; annotate it"})
    with pytest.raises(DatasetError, match="no clip to measure on .it has no phases"):
        check_annotated(none, dives)
    with pytest.raises(DatasetError, match="1 clips of .* have phases, 0 of them held out"):
        check_annotated(replace(known, clips=known.clips[:1]), dives)
    flat = {key: PhaseAnnotation(key, ("dive",), (0,), clip.frames) for key, clip in annotations.items()}
    with pytest.raises(DatasetError, match="one phase only"):
        check_annotated(replace(known, phases=flat), dives)


def test_errors_of_the_command_are_one_line(dives, model, monkeypatch, tmp_path):
    arguments = ["phases", "--model", str(model), "--data", str(dives), "--annotations", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit, match="phases.csv can't be read"):
        phases_run.main()
