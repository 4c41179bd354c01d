"""An open world of drawn dives, from the folder to the report."""

import json
import sys
from pathlib import Path

import numpy as np
import plotly.graph_objects
import pytest

from finepseudo_core.config import ConfigError
from finepseudo_core.datasets import synthetic_dives
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.evaluation import open_world_run as command
from finepseudo_core.evaluation.open_world_report import MOST_POINTS, rejected_at, rejection_values
from finepseudo_core.evaluation.open_world_run import (
    STRATEGIES,
    OpenWorld,
    accepted_by_strategy,
    divide_open,
    measure,
)
from finepseudo_core.evaluation.rejection import Rejection, RejectionCurve, rejection_curve
from finepseudo_core.events import PseudoLabelsProposed
from finepseudo_core.records import Proposal, PseudoLabel
from tests.finepseudo_core.selftraining.tiny import tiny_config


@pytest.fixture(scope="module")
def dives(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("open") / "dives"
    synthetic_dives.generate(folder, clips=40, classes=4, size=32, seed=2, processes=1)
    return folder


@pytest.fixture(scope="module")
def measured(dives, tmp_path_factory):
    """A finished run, what it proposed last, and its folders."""
    scratch, results = tmp_path_factory.mktemp("scratch"), tmp_path_factory.mktemp("results")
    passes: list[Proposal] = []

    def watch(event) -> None:
        if isinstance(event, PseudoLabelsProposed):
            passes.append(event.proposal)

    world = OpenWorld(Dataset(dives), 1, 0.25)
    report = measure(world, tiny_config(), scratch=scratch, results=results, notify=watch)
    return report, passes[-1], world, scratch, results


def test_novel_clips_are_unlabelled_only(dives, tmp_path):
    division, clips = divide_open(OpenWorld(Dataset(dives), 1, 0.25), 0, tmp_path)
    (novel,) = division.novel
    assert {record.label for record in clips.labelled} == set(division.known)
    assert all(record.label is None for record in (*clips.unlabelled, *clips.test))
    assert sum(record.truth == novel for record in clips.unlabelled) == 8  # ten, but for two test clips
    assert {record.truth for record in clips.test} == set(division.known)
    other, _ = divide_open(OpenWorld(Dataset(dives), 1, 0.25), 3, tmp_path)
    assert len(other.novel) == 1


def test_the_report_holds_all_three_scores_and_every_strategy(measured):
    report, proposal, _, scratch, results = measured
    content = json.loads(Path(report["path"]).read_text(encoding="utf-8"))
    assert [path.name for path in results.iterdir()] == [Path(report["path"]).name]
    assert content["clips"]["unlabelled_novel"] == 8
    assert content["clips"]["unlabelled_known"] + 8 == len(proposal.pseudo_labels)
    for found in content["rejection"].values():
        assert 0 <= found["auroc"] <= 1
        area = np.trapezoid(found["novel_rejected"], found["known_kept"])
        assert area == pytest.approx(found["auroc"])
    rejection = content["rejection"]
    assert content["gain"]["estimate"] == pytest.approx(
        rejection["alignability"]["auroc"] - rejection["confidence"]["auroc"]
    )
    assert content["gain_over_combined"]["estimate"] == pytest.approx(
        rejection["alignability"]["auroc"] - rejection["combined"]["auroc"]
    )
    assert tuple(content["strategies"]) == STRATEGIES
    own, novel = content["strategies"]["collaborative"], set(content["division"]["novel"])
    assert own["known_accepted"] + own["novel_accepted"] == len(proposal.accepted)
    assert own["precision"] is None or own["precision"] == pytest.approx(content["metrics"]["precision"])
    assert f"({novel.pop()})" in content["markdown"]
    assert not list(scratch.glob("open-world-*"))
    plotly.graph_objects.Figure(content["figure"])  # refuses what Plotly does not know


def test_a_finished_run_is_read_and_another_setting_runs_anew(measured, monkeypatch):
    report, _, world, scratch, results = measured

    def no_run(*arguments: object, **settings: object) -> None:
        raise LookupError("a round was started")

    monkeypatch.setattr(command, "run", no_run)
    again = measure(world, tiny_config(), scratch=scratch, results=results)
    assert again["rejection"] == report["rejection"]
    for config, asked in (
        (tiny_config(seed=1), world),
        (tiny_config(pseudo_labels__temperature=0.2), world),
        (tiny_config(), OpenWorld(world.data, 2, 0.25)),
    ):
        with pytest.raises(LookupError):
            measure(asked, config, scratch=scratch, results=results)


def pass_over(action: list, aligned: list, scores: list) -> Proposal:
    rows = [
        PseudoLabel(f"clip {place}", "a", 0.0, 0.0, False, *(np.array(part, np.float32) for part in parts))
        for place, parts in enumerate(zip(action, aligned, action, scores, strict=True))
    ]
    return Proposal(0, ("a", "b"), {}, tuple(rows))


def test_strategies_judge_the_same_evidence():
    """Three clips: known and agreed on, novel and f_E alone is sure, novel and both are sure."""
    proposal = pass_over(
        [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]], [[0.9, 0.1], [0.2, 0.8], [0.1, 0.9]],
        [[0.9, 0.2], [0.3, 0.4], [0.3, 0.9]],
    )  # fmt: skip
    truths = {"clip 0": "a", "clip 1": "unheard of", "clip 2": "unheard of"}
    found = accepted_by_strategy(
        proposal, truths, np.array([0.0, 0.0, 0.3]), tiny_config(pseudo_labels__threshold=0.6)
    )
    accepted = {name: (row["known_accepted"], row["novel_accepted"]) for name, row in found.items()}
    assert accepted == {
        "confidence": (1, 2), "uncertainty": (1, 1), "verification": (1, 1), "collaborative": (1, 1),
        "alignability": (1, 2),
    }  # fmt: skip
    assert found["confidence"]["precision"] == pytest.approx(1 / 3)
    strict = accepted_by_strategy(proposal, truths, np.zeros(3), tiny_config(pseudo_labels__threshold=0.95))
    assert all(row["precision"] is None for row in strict.values())


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    generator = np.random.default_rng(0)
    curve = rejection_curve(generator.normal(1, size=900), generator.normal(size=900))
    found = rejection_values(Rejection(0.5, 0.5, curve))
    assert len(found["known_kept"]) <= MOST_POINTS
    assert (found["known_kept"][0], found["known_kept"][-1]) == (0, 1)
    assert np.trapezoid(found["novel_rejected"], found["known_kept"]) == pytest.approx(
        np.trapezoid(curve.novel_rejected, curve.known_kept), abs=1e-3
    )


def test_rejection_at_a_share_is_read_off_the_curve():
    curve = RejectionCurve(np.array([np.inf, 2, 1]), np.array([0, 0.9, 1.0]), np.array([1.0, 0.6, 0.0]))
    assert [rejected_at(curve, share) for share in (0.5, 0.9, 0.95)] == [0.6, 0.6, 0.0]


def test_the_command_prints_the_tables(dives, measured, monkeypatch, capsys):
    report, _, _, scratch, results = measured
    monkeypatch.setattr(command, "preset", lambda name: tiny_config())
    monkeypatch.setattr(command, "settings_of", lambda scale, data: {})
    arguments = ["open_world_run", "--data", str(dives), "--novel", "1", "--share", "0.25", "--seed", "0"]
    folders = ["--scratch", str(scratch), "--results", str(results / "more")]
    monkeypatch.setattr(sys, "argv", [*arguments, *folders])
    command.main()
    printed = capsys.readouterr()
    assert "| alignability, largest S̄ | " in printed.out
    assert "| collaborative | " in printed.out
    assert "proposal" in printed.err
    assert printed.out.splitlines()[-1].startswith(
        str(results / "more" / "dives" / "open-world-1-0.25-seed0-")
    )


def test_what_cannot_be_judged_is_one_line(dives, monkeypatch, tmp_path):
    arguments = [
        "open_world_run",
        "--data",
        str(dives),
        "--scratch",
        str(tmp_path),
        "--results",
        str(tmp_path),
    ]
    for more, message in (
        (["--novel", "3"], "leave one novel and two known"),
        (["--novel", "1", "--set", "seed"], "has no '='"),
        (["--novel", "1", "--hold-out", "diver"], "no column 'diver'"),
    ):
        monkeypatch.setattr(sys, "argv", [*arguments, *more])
        with pytest.raises(SystemExit, match=message):
            command.main()
    baseline = tiny_config(method="fixmatch", pseudo_labels__strategy="confidence")
    with pytest.raises(ConfigError, match="no alignability to judge by"):
        measure(OpenWorld(Dataset(dives), 1, 0.25), baseline, scratch=tmp_path, results=tmp_path)
