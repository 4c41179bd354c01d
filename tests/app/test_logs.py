"""Logs that do not grow without end, written by several processes."""

import logging

import pytest

from app import logs


@pytest.fixture(autouse=True)
def _unchanged_logging():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def test_a_large_log_moves_on_and_the_oldest_goes(tmp_path):
    log = tmp_path / "worker.log"
    for number in range(5):
        log.write_text(f"{number}" * 10)
        logs.rotate(log, most_bytes=10, kept=2)
    assert not log.exists()
    assert (tmp_path / "worker.log.1").read_text() == "4" * 10
    assert (tmp_path / "worker.log.2").read_text() == "3" * 10
    assert not (tmp_path / "worker.log.3").exists()


def test_a_small_or_absent_log_stays(tmp_path):
    log = tmp_path / "worker.log"
    logs.rotate(log, most_bytes=10)
    log.write_text("short")
    logs.rotate(log, most_bytes=10)
    assert log.read_text() == "short"


def test_a_process_that_did_not_move_the_log_writes_to_the_new_one(tmp_path):
    log = tmp_path / "worker.log"
    logs.configure(log)
    logging.getLogger("x").info("before")
    logs.rotate(log, most_bytes=1)
    logging.getLogger("x").info("after")
    assert "before" in (tmp_path / "worker.log.1").read_text()
    assert "after" in log.read_text()
    assert "before" not in log.read_text()


def test_the_terminal_shows_warnings_and_announcements_only(tmp_path, capsys):
    logs.configure(tmp_path / "worker.log")
    logger = logging.getLogger("x")
    logger.info("quiet")
    logger.info("first pseudo-label after 3.0 s", extra=logs.ANNOUNCE)
    logger.warning("careful")
    assert capsys.readouterr().err == "first pseudo-label after 3.0 s\ncareful\n"
    assert "quiet" in (tmp_path / "worker.log").read_text()
