"""One process or two: the same losses, labels and gradients, and each goes on where the other stopped."""

import numpy as np
import pytest
import torch

from finepseudo_core.errors import ConfigError
from finepseudo_core.selftraining import distributed
from tests.finepseudo_core.selftraining import processes
from tests.finepseudo_core.selftraining.tiny import make_clips


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes have left behind; a single one had stopped a round for them to resume."""
    folder = tmp_path_factory.mktemp("two")
    make_clips(folder / "dives")
    processes.stopped_round(folder, "one-then-two")
    for code, error in processes.start("everything", folder):
        assert code == 0, error
    return folder


@pytest.fixture(scope="module")
def pieces(folder):
    """What each of the two processes saw of the small pieces, then what a single one sees."""
    both = [torch.load(folder / f"pieces-{rank}.pt", weights_only=False) for rank in range(2)]
    return *both, processes.pieces()


@pytest.fixture(scope="module")
def rounds(folder):
    """Rounds by how many processes did them."""
    two, other = (torch.load(folder / f"rounds-{rank}.pt", weights_only=False) for rank in range(2))
    return {
        "one": processes.whole_round(folder, "one"),
        "one, untrained": processes.whole_round(folder, "one-untrained", processes.UNTRAINED),
        "two, untrained": two["untrained"],
        "two": two["whole"],
        "one, then two": two["resumed"],
        "two, then one": processes.whole_round(folder, "two-then-one"),
        "the second of two": other["whole"],
        **{f"two, {method}": two[method] for method in processes.BASELINES},
    }


def assert_alike(found: dict, expected: dict) -> None:
    """Losses to what float32 keeps over some steps of Adam; the same pseudo-labels."""
    for step in found["losses"]:
        for name, value in found["losses"][step].items():
            if name != "accuracy":  # which jumps where two classes are level
                wanted = expected["losses"][step][name]
                assert value == pytest.approx(wanted, rel=1e-2, abs=1e-4), (step, name)
    assert found["labels"] == expected["labels"][-len(found["labels"]) :]
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=5e-3)
    for name in ("accepted", "coverage", "precision"):  # f_A has learnt too little for a steady argmax
        assert found["metrics"][name] == expected["metrics"][name]


def assert_begun_alike(found: dict, expected: dict) -> None:
    """The first step, which nothing has come before: equal up to the rounding of float32."""
    step = next(iter(expected["losses"]))
    for name, value in found["losses"][step].items():
        assert value == pytest.approx(expected["losses"][step][name], rel=5e-5, abs=1e-6), (step, name)


def test_two_processes_learn_what_one_learns(rounds):
    stages = {stage for stage, _ in rounds["two"]["losses"]}
    assert stages >= {"pretraining", "alignability", "action", "alignability 1", "action 1", "test"}
    assert rounds["two"]["losses"].keys() == rounds["one"]["losses"].keys()
    assert all(any(accepted for *_, accepted in p) for p in rounds["one"]["labels"])
    assert_begun_alike(rounds["two"], rounds["one"])
    assert_alike(rounds["two"], rounds["one"])


@pytest.mark.parametrize("method", processes.BASELINES)
def test_two_processes_learn_by_a_baseline_what_one_learns(rounds, folder, method):
    one = processes.whole_round(folder, f"one-{method}", processes.BASELINES[method])
    two = rounds[f"two, {method}"]
    assert two["losses"].keys() == one["losses"].keys()
    assert_begun_alike(two, one)
    assert_alike(two, one)


def test_a_pass_over_the_clips_gives_the_same_bits(rounds):
    one, two = rounds["one, untrained"], rounds["two, untrained"]
    assert len(one["evidence"]) > 2 * 5  # each process had a chunk
    assert two["evidence"] == one["evidence"]
    np.testing.assert_array_equal(two["embeddings"], one["embeddings"])
    assert two["metrics"] == one["metrics"]


@pytest.mark.parametrize("name", ["one, then two", "two, then one"])
def test_a_round_goes_on_with_another_number_of_processes(rounds, name):
    assert ("alignability", 1) not in rounds[name]["losses"]
    assert ("alignability", 2) in rounds[name]["losses"]
    assert_alike(rounds[name], rounds["one"])


def test_only_the_main_process_tells_and_both_know_the_result(rounds):
    two, other = rounds["two"], rounds["the second of two"]
    assert other["events"] == 0 < two["events"]
    assert other["sha256"] == two["sha256"]
    assert other["metrics"] == two["metrics"]
    np.testing.assert_array_equal(other["probabilities"], two["probabilities"])


def test_the_gradient_of_a_gathered_batch_is_that_of_finite_differences(pieces):
    *both, one = pieces
    for found in both:
        torch.testing.assert_close(found["gather"]["whole"], one["gather"]["whole"])
        torch.testing.assert_close(
            found["gather"]["gradient"], found["gather"]["numeric"], rtol=1e-6, atol=1e-8
        )
    assert [len(found["gather"]["gradient"]) for found in both] == [3, 4]


def test_dropout_batch_norm_and_gradients_are_those_of_the_whole_batch(pieces):
    *both, one = pieces
    expected = one["network"]
    assert not torch.equal(expected["norm.running_mean"], torch.zeros(8, dtype=torch.float64))
    for found in both:
        assert found["network"].keys() == expected.keys()
        for name, value in found["network"].items():
            torch.testing.assert_close(value, expected[name], rtol=1e-9, atol=1e-9, msg=name)


def test_every_clip_falls_to_one_process(pieces):
    first, second, one = pieces
    assert [*first["rows"], *second["rows"]] == [*one["rows"]] == list(range(7))
    for part, of_first, of_second in zip(one["parts"], first["parts"], second["parts"], strict=True):
        assert [*of_first, *of_second] == list(part)
    assert sorted([*first["takes"], *second["takes"]]) == one["takes"] == list(range(5))
    for found in pieces:
        assert found["order"] == [0, 1, 4, 9, 16]
        assert found["from_main"] == ("main", 0)


def test_more_processes_than_clips_are_refused(pieces, monkeypatch):
    assert "2 processes can't divide 1 clips (a batch of 7 in 7 parts)" in pieces[0]["refused"]
    monkeypatch.setattr(distributed, "world_size", lambda: 8)
    with pytest.raises(ConfigError, match="start fewer processes"):
        distributed.shares(7)


def test_an_error_in_one_process_ends_both(tmp_path):
    (code, waited), (other, failed) = processes.start("fails", tmp_path, seconds=60)
    assert code != 0
    assert other != 0
    assert "the second process had an error of its own" in failed
    assert "ProcessLost: process 0 of 2 lost another one" in waited
