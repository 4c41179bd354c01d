"""What the paper leaves open between the passes of a round: labels, weights, exemplars, first weights."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from finepseudo_core.errors import Stopped
from finepseudo_core.events import PseudoLabelsProposed
from finepseudo_core.records import ClipRecord, Proposal
from finepseudo_core.selftraining import algorithm, proposal
from finepseudo_core.selftraining.algorithm import run
from finepseudo_core.selftraining.models import load_finished, load_models
from tests.finepseudo_core.selftraining.tiny import make_clips, tiny_config

TWICE = {"pretraining__epochs": 0, "self_training__iterations": 2}
Clips = tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord]]


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Clips:
    return make_clips(tmp_path_factory.mktemp("dives"))


def passes(clips: Clips, workspace: Path, **changes: object) -> list[Proposal]:
    """The passes of a round of three."""
    found: list[Proposal] = []

    def watch(event: object) -> None:
        if isinstance(event, PseudoLabelsProposed):
            found.append(event.proposal)

    run(tiny_config(**TWICE, **changes), clips[0], clips[1], workspace, notify=watch)
    return found


@pytest.fixture
def taught(monkeypatch) -> dict[str, dict[str, ClipRecord]]:
    """Stage -> the clips that f_E was taught, by key; filled as a round goes on."""
    seen: dict[str, dict[str, ClipRecord]] = {}
    learn = algorithm.learn_actions

    def watch(round, stage, records, epochs):
        seen[stage] = {record.key: record for record in records}
        learn(round, stage, records, epochs)

    monkeypatch.setattr(algorithm, "learn_actions", watch)
    return seen


def test_accepted_labels_weigh_what_the_config_says(clips, tmp_path, taught):
    passes(clips, tmp_path, pseudo_labels__threshold=0.0, self_training__pseudo_label_weight=0.25)
    own = {record.key for record in clips[0]}
    assert set(taught["action 1"]) > own
    for key, record in taught["action 1"].items():
        assert record.weight == (1 if key in own else 0.25)


@pytest.mark.parametrize("keep", [False, True])
def test_labels_are_replaced_or_kept(clips, tmp_path, taught, monkeypatch, keep):
    decide, thresholds = proposal.decide, iter((0.0, 1.0, 1.0))  # the first pass accepts all, the later none
    monkeypatch.setattr(
        proposal,
        "decide",
        lambda evidence, config: decide(evidence, replace(config, threshold=next(thresholds))),
    )
    first, second, _ = passes(clips, tmp_path, self_training__keep_pseudo_labels=keep)
    assert len(first.accepted) == len(clips[1])
    assert not second.accepted
    everything = {record.key for record in (*clips[0], *clips[1])}
    assert set(taught["action 1"]) == everything
    assert set(taught["action 2"]) == (everything if keep else {record.key for record in clips[0]})


@pytest.mark.parametrize("soft", [False, True])
def test_f_e_learns_labels_or_the_probabilities_they_were_decided_by(clips, tmp_path, taught, soft):
    first, *_ = passes(clips, tmp_path, pseudo_labels__threshold=0.0, self_training__soft_labels=soft)
    own = {record.key for record in clips[0]}
    wanted = {label.key: tuple(label.probabilities.tolist()) for label in first.accepted}
    assert set(wanted) | own == set(taught["action 1"])
    for key, record in taught["action 1"].items():
        assert record.probabilities == (wanted[key] if soft and key not in own else ())


def test_a_stopped_round_still_knows_what_its_labels_were_decided_by(clips, tmp_path):
    config = tiny_config(**TWICE, pseudo_labels__threshold=0.0, self_training__soft_labels=True)

    def stop_in(stage: str) -> tuple[Callable[[object], None], Callable[[], bool]]:
        seen: list[object] = []
        return (
            lambda event: seen.append(event) if getattr(event, "stage", "") == stage else None,
            lambda: bool(seen),
        )

    notify, should_stop = stop_in("action 1")
    with pytest.raises(Stopped):
        run(config, *clips[:2], tmp_path / "stopped", notify=notify, should_stop=should_stop)
    resumed = run(config, *clips[:2], tmp_path / "stopped")
    hard = config.replace({"self_training.soft_labels": False})
    soft, other = (
        run(each, *clips[:2], tmp_path / name) for each, name in ((config, "soft"), (hard, "hard"))
    )
    assert resumed.model_sha256 == soft.model_sha256
    weights = [load_models(result.model)[0].action.classifier.weight for result in (soft, other)]
    assert not torch.equal(*weights)


def test_exemplars_are_the_rounds_or_each_passes_own(clips, tmp_path):
    few = {"pseudo_labels__exemplars": 1}
    same = [seen.exemplars for seen in passes(clips, tmp_path / "same", **few)]
    assert same[0] == same[1] == same[2]
    redrawn = passes(clips, tmp_path / "drawn", **few, pseudo_labels__redraw_exemplars=True)
    drawn = [seen.exemplars for seen in redrawn]
    assert len({str(sorted(exemplars.items())) for exemplars in drawn}) > 1
    assert all(len(keys) == 1 for exemplars in drawn for keys in exemplars.values())


def test_accepted_clips_may_be_exemplars_of_the_next_pass_and_never_vouch_for_themselves(clips, tmp_path):
    settings = {"pseudo_labels__threshold": 0.0, "pseudo_labels__exemplars_from": "accepted"}
    first, second, third = passes(clips, tmp_path, **settings)
    people = {record.key for record in clips[0]}
    assert {key for keys in first.exemplars.values() for key in keys} <= people
    for before, now in ((first, second), (second, third)):
        labels = {label.key: label.label for label in before.accepted}
        drawn = {key: name for name, keys in now.exemplars.items() for key in keys if key not in people}
        assert drawn
        assert all(labels[key] == name for key, name in drawn.items())
        for label in now.pseudo_labels:
            assert label.key not in {match.key for match in label.nearest}
    kept = load_finished(tmp_path / "model.pt").exemplars.keys
    assert list(kept) == [key for keys in third.exemplars.values() for key in keys]


def test_batches_of_people_alone_teach_what_a_round_without_accepted_labels_learns(clips, tmp_path):
    same = {**TWICE, "self_training__least_steps": 6}  # as many steps as all clips make

    def weights(name: str, **changes: object) -> dict[str, torch.Tensor]:
        models = load_models(run(tiny_config(**same, **changes), *clips[:2], tmp_path / name).model)[0]
        return {**models.action.state_dict(), **models.alignability.state_dict()}

    without = weights("none", pseudo_labels__strategy="none")
    everything = {"pseudo_labels__threshold": 0.0}
    reserved = weights("reserved", self_training__labelled_share=1.0, **everything)
    drawn = weights("drawn", **everything)
    assert all(torch.equal(without[name], reserved[name]) for name in without)
    assert not all(torch.equal(without[name], drawn[name]) for name in without)


def test_a_restart_forgets_what_f_e_has_learnt_also_where_a_round_is_resumed(clips, tmp_path):
    labelled, unlabelled, _ = clips
    alone = {**TWICE, "pseudo_labels__strategy": "none", "self_training__restart": True}

    def weights(name: str, **changes: object) -> torch.Tensor:
        config = tiny_config(**alone | changes)
        result = run(config, labelled, unlabelled, tmp_path / name)
        return load_models(result.model)[0].action.classifier.weight

    wanted = weights("short", self_training__action_epochs=0)
    assert torch.equal(wanted, weights("long", self_training__action_epochs=2))
    assert not torch.equal(wanted, weights("carried", self_training__restart=False))

    config = tiny_config(**alone, checkpoint_seconds=0.0)
    for stop_at in itertools.count(20):  # once in the middle of every later stage
        left = itertools.count(stop_at, -1)
        try:
            result = run(
                config,
                labelled,
                unlabelled,
                tmp_path / "resumed",
                should_stop=lambda left=left: not next(left),
            )
        except Stopped:
            continue
        break
    assert torch.equal(wanted, load_models(result.model)[0].action.classifier.weight)
