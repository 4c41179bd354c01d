"""The benchmark of the alignment kernels runs, with its peers installed or not. Nothing is timed here."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks import alignment, alignment_peers, first_call, wavefront_autograd
from benchmarks.alignment import Sizes, measure
from benchmarks.alignment_tables import tables
from benchmarks.timing import Contender, interleave, summary
from finepseudo_core.alignment import soft_dtw

TINY = Sizes(
    rounds=1, batch=5, frames=6, clips=3, features=4, small=(2, 6), long=(2, 9), checked=4, unlabelled=4,
    classes=2, exemplars=2, passes=1, first_calls=1, gemm=16, copied_mb=1,
)  # fmt: skip


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("benchmarks.timing.LEAST_S", 0.0)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def _no_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(alignment_peers, "import_module", refuse)


@pytest.mark.usefixtures("_no_peers")
def test_every_row_is_measured_without_peers_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    reading = {"import_s": 3.0, "call_s": 0.5, "again_s": 0.25}
    monkeypatch.setattr("benchmarks.first_call.measure", lambda name, times: [reading] * times)
    results = measure(TINY, list(alignment.ROWS), lambda name: None)
    assert list(results["rows"]) == list(alignment.ROWS)
    for name in ("forward", "pairwise_backward", "path", "gradient"):
        missing = [row["name"] for row in results["rows"][name]["rows"] if row["status"] == "not installed"]
        assert missing, name
    assert results["rows"]["first_calls"]["rows"][0]["together_s"] == 3.5
    text = tables(json.loads(json.dumps(results)))
    assert text.count("###") == len(alignment.ROWS)
    assert "not installed" in text


def test_a_fresh_process_reports_its_first_call() -> None:
    (reading,) = first_call.measure("ours", 1)
    assert set(reading) == {"import_s", "call_s", "again_s"}
    assert min(reading.values()) > 0


def test_a_peer_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = alignment_peers.SoftPeer("wrong", (), lambda _, gamma: lambda costs: costs.sum((1, 2)), 4)
    monkeypatch.setattr(alignment, "SOFT_PEERS", (wrong,))
    with pytest.raises(ValueError, match="wrong is .* off our float64"):
        alignment.forward(TINY)


def test_the_autograd_wavefront_is_soft_dtw() -> None:
    costs = torch.rand(3, 4, 7, dtype=torch.float64, requires_grad=True)
    for gamma in (0.001, 0.5):
        theirs, ours = wavefront_autograd.soft_dtw(costs, gamma), soft_dtw(costs, gamma)
        torch.testing.assert_close(theirs, ours)
        found, expected = (torch.autograd.grad(values.sum(), costs)[0] for values in (theirs, ours))
        torch.testing.assert_close(found, expected)


@pytest.mark.usefixtures("_no_peers")
def test_a_full_run_is_kept_and_its_tables_printed_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "results" / "alignment.json"
    monkeypatch.setattr(alignment, "RESULTS", kept)
    monkeypatch.setattr(alignment, "Sizes", lambda: TINY)
    monkeypatch.setattr(alignment, "ROWS", {"forward": alignment.forward, "gradient": alignment.gradient})
    monkeypatch.setattr("sys.argv", ["alignment", "--rows", "forward"])
    alignment.main()
    assert not kept.exists()
    monkeypatch.setattr("sys.argv", ["alignment"])
    alignment.main()
    printed = capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["alignment", "--table"])
    alignment.main()
    again = capsys.readouterr().out
    assert printed.endswith(again)
    assert "Greatest error" in again


def test_contenders_take_turns() -> None:
    calls: list[str] = []
    contenders = [Contender(name, lambda name=name: calls.append(name), 1, 1) for name in "ab"]  # type: ignore[misc]
    readings = interleave(contenders, 3, warm=False)
    assert calls == ["a", "b"] * 3
    assert [len(times) for times in readings] == [3, 3]


def test_a_summary_holds_the_median_rate_and_both_ends() -> None:
    figures = summary([1.0, 4.0, 2.0], 8)
    assert figures == {"pairs_per_s": 4.0, "least": 2.0, "most": 8.0, "seconds": 2.0}


@pytest.mark.parametrize("peer", [*alignment_peers.SOFT_PEERS, *alignment_peers.PATH_PEERS])
def test_a_peer_names_modules_of_a_pinned_package(peer: alignment_peers.SoftPeer) -> None:
    pinned = (alignment.RESULTS.parents[1] / "requirements.txt").read_text(encoding="utf-8")
    for module in peer.modules:
        assert module.split(".")[0] in pinned
