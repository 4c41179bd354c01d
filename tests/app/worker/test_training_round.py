"""The round job in a real worker's child: rows from the frozen snapshot to the promoted round."""

import numpy as np
import pytest
from sqlalchemy import select

from app import artifacts
from db.models import PseudoLabel
from db.repositories import classes, clips, pseudo_labels, rounds
from finepseudo_core.selftraining.models import load_models
from tests.app.worker import squares


def test_a_round_leaves_pseudo_labels_losses_metrics_and_a_model(imported):
    job_id = squares.queue_round(imported)
    assert squares.work(imported, job_id) == "succeeded"
    row = squares.round_of(imported, job_id)
    with imported.database.read() as session:
        names = classes.names(session)
        labels = list(session.scalars(select(PseudoLabel)))
        steps = rounds.steps(session, round_id=row.id)
        active = rounds.active(session)
        listed = clips.by_id(session, clip_ids=[label.clip_id for label in labels])
    assert active is not None
    assert active.id == row.id
    assert row.device == "cpu"
    assert [names[class_id] for class_id in row.classes] == sorted(squares.DIRECTIONS)
    assert len(labels) == 12
    assert {label.iteration for label in labels} == {1} == {row.iteration}
    for label in labels:
        p = np.frombuffer(label.probabilities, "<f4")
        assert label.class_id == row.classes[int(p.argmax())]
        assert label.confidence == pytest.approx(p.max())
        assert label.margin == pytest.approx(np.sort(p)[-1] - np.sort(p)[-2])
        assert {match["class_id"] for match in label.nearest} <= set(row.classes)
        assert listed[label.clip_id].given_class_id is None
    assert {step.stage for step in steps} >= {"pretraining", "alignability", "action"}
    assert 0 <= row.metrics["test_top1"] <= 1
    load_models(artifacts.inside(imported.settings, row.model_path), sha256=row.model_sha256)
    assert not (artifacts.round_folder(imported.settings, row.number) / "checkpoint.pt").exists()


def test_the_next_round_goes_on_from_the_model_and_the_accepted_labels(imported):
    first = squares.queue_round(imported, pseudo_labels__threshold=0.0)
    assert squares.work(imported, first) == "succeeded"
    second = squares.queue_round(imported, pseudo_labels__threshold=0.0)
    assert squares.work(imported, second) == "succeeded"
    row = squares.round_of(imported, second)
    assert row.parent_id == squares.round_of(imported, first).id
    with imported.database.read() as session:
        carried = [
            member for member in rounds.members(session, round_id=row.id) if member.role == "unlabelled"
        ]
        stages = {step.stage for step in rounds.steps(session, round_id=row.id)}
        active = rounds.active(session)
    assert all(member.label for member in carried)
    assert "pretraining" not in stages
    assert active is not None
    assert active.id == row.id


def test_a_clip_replaced_on_disk_is_left_out_and_reported(imported):
    job_id = squares.queue_round(imported)
    with imported.database.read() as session:
        clip = clips.get(session, clip_id=20)
    path = artifacts.inside(imported.settings, clip.path)
    squares.draw_clip(path, "up", seed=999)
    assert squares.work(imported, job_id) == "succeeded"
    with imported.database.read() as session:
        clip = clips.get(session, clip_id=20)
        row = rounds.by_job(session, job_id=job_id)
        shown = pseudo_labels.get(session, row=row, clip_id=20)
    assert clip.state == "missing"
    assert clip.reason == (
        f"{path} was changed since its import; the clip takes no part in rounds. Press Check again."
    )
    assert shown is None


def test_a_round_that_cannot_start_fails_with_the_reason(imported):
    job_id = squares.queue_round(imported, device="cuda")
    assert squares.work(imported, job_id) == "failed"
    assert squares.job(imported, job_id).error == (
        "device is 'cuda' but torch finds no CUDA device here; choose 'auto' or 'cpu'."
    )
