"""The benchmark of a whole round runs and prints where the time of each stage goes; nothing is timed."""

import json
import sys

import pytest

from benchmarks import full_size
from tests.finepseudo_core.selftraining.tiny import tiny_config


def test_every_stage_says_what_it_waits_copies_and_computes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(full_size, "WARM_UP", 0)
    small = tiny_config(precision="bfloat16").changes()
    settings = [f"{name}={json.dumps(value)}" for name, value in small.items() if name != "precision"]
    arguments = ["--dives", "16", "--classes", "4", "--share", "0.5", "--workers", "1"]
    arguments += ["--output", str(tmp_path / "report.json"), "--set", "precision=bfloat16", *settings]
    monkeypatch.setattr(sys, "argv", ["full_size", *arguments])
    full_size.main()
    report = json.loads((tmp_path / "report.json").read_text())
    assert list(report["stages"])[:3] == ["frames", "pretraining", "views"]
    for name, stage in report["stages"].items():
        shares = [stage[share] for share in ("waiting", "copying", "computing")]
        assert sum(shares) == pytest.approx(1), name
        assert shares[1] == 0  # nothing is copied on a CPU
        assert stage["clips_per_second"] > 0
    assert 0 < report["stages"]["action"]["waiting"] < 1
    assert 0 < report["stages"]["features"]["waiting"] < 1
    printed = capsys.readouterr().out
    assert "plain f_E loop" in printed
    assert "whole round" in printed
