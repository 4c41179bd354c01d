"""The round job: from the frozen snapshot to the core's main loop, with an observer that writes rows."""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch

from app import artifacts
from app.services.studio import Studio, StudioError
from app.worker import paces
from app.worker.handlers import Assignment
from app.worker.observer import RoundObserver
from db.models import Round
from db.repositories import clips, jobs, rounds
from db.repositories.rounds import Member
from finepseudo_core.config import RoundConfig
from finepseudo_core.errors import Stopped
from finepseudo_core.events import Notify, ignore
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining import algorithm, checkpoint, distributed, schedule
from finepseudo_core.selftraining.remaining_time import RemainingTime

LOCK_SECONDS = 30.0

logger = logging.getLogger(__name__)


def train(assignment: Assignment) -> None:
    """Run a round, or go on with it from its checkpoint."""
    studio, settings = assignment.studio, assignment.studio.settings
    with studio.database.read() as session:
        row = rounds.by_job(session, job_id=assignment.fence.job_id)
        if row is None:
            raise StudioError(f"job {assignment.fence.job_id} belongs to no round; start a new one.")
        members = rounds.members(session, round_id=row.id)
        parent = rounds.get(session, round_id=row.parent_id) if row.parent_id else None
        former_names = rounds.former_names(session, row=row, parent=parent) if parent else {}
        names = rounds.class_names(session, round_id=row.id)
        pinned, banned = rounds.exemplar_choices(session, round_id=row.id)
    torch.set_num_threads(distributed.threads())
    workspace = artifacts.round_folder(settings, row.number)
    with distributed.together(), only_one(workspace) if distributed.is_main() else nullcontext():
        checked = distributed.from_main(lambda: _check_files(assignment, members))
        if checked is None:
            raise Stopped("stopped while checking files; resume to check them again.")
        labelled, unlabelled, carried, test = _records(settings.project, checked)
        distributed.from_main(lambda: _start_anew_if_clips_differ(workspace, checked))
        config = RoundConfig.from_dict(row.config)
        classes = len({record.label for record in labelled})

        def plan(accepted: int | None) -> Sequence[schedule.PlannedStage]:
            counts = len(labelled), len(unlabelled), classes
            warm = parent is not None
            return schedule.plan(config, *counts, test=len(test), warm=warm, pseudo_labelled=accepted)

        notify: Notify = ignore
        remaining: RemainingTime | None = None
        if distributed.is_main():
            remaining = RemainingTime(plan, len(carried) if parent else None)
            remaining.expected = paces.recall(settings, config, remaining.stages)
            notify = RoundObserver(studio, assignment.fence, row, checked, remaining)
        keys = {member.clip_id: member.key for member in checked}
        algorithm.run(
            config,
            labelled,
            unlabelled,
            workspace,
            test=test,
            pseudo_labelled=carried,
            initial_model=distributed.from_main(lambda: _model_of(studio, parent) if parent else None),
            exemplars={
                names[class_id]: [keys[clip_id] for clip_id in clip_ids if clip_id in keys]
                for class_id, clip_ids in pinned.items()
            },
            banned=[keys[clip_id] for clip_id in banned if clip_id in keys],
            former_names=former_names,
            rehearsed=distributed.from_main(lambda: remaining is not None and not remaining.expected),
            notify=notify,
            should_stop=assignment.should_stop,
        )
        if remaining is not None:
            paces.remember(settings, config, remaining.measured())
            shutil.rmtree(workspace / "frames", ignore_errors=True)
            (workspace / "checkpoint.pt").unlink(missing_ok=True)


@contextmanager
def only_one(workspace: Path, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the workspace against any other process, such as one that lost its lease and has not noticed yet.

    Raises:
        StudioError: another process still holds it after `seconds`.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + seconds
    with (workspace / "lock").open("a+", encoding="utf-8") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    file.seek(0)
                    raise StudioError(
                        f"process {file.read()} still writes to {workspace}; end it, then resume the round."
                    ) from None
                time.sleep(0.1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _check_files(assignment: Assignment, members: Sequence[Member]) -> list[Member] | None:
    """Members whose canonical file is the one imported; the others become "missing", with the reason.

    None where the round is to stop.
    """
    studio, kept = assignment.studio, []
    for member in members:
        if assignment.should_stop():
            return None
        if member.state != "ready":
            continue
        path = artifacts.inside(studio.settings, member.path)
        if path.is_file() and artifacts.sha256_of(path) == member.sha256:
            kept.append(member)
            continue
        what = "was changed" if path.is_file() else "is gone"
        reason = f"{path} {what} since its import; the clip takes no part in rounds. Press Check again."
        logger.warning("%s", reason)
        with studio.database.write() as session:
            jobs.hold(session, assignment.fence)
            clips.mark_unusable(session, clip_id=member.clip_id, state="missing", reason=reason)
    return kept


def _records(
    project: Path, members: Sequence[Member]
) -> tuple[list[ClipRecord], list[ClipRecord], list[ClipRecord], list[ClipRecord]]:
    """Labelled, unlabelled, those of the unlabelled that carry an accepted pseudo-label, and test clips."""

    def of(wanted: Callable[[Member], bool]) -> list[ClipRecord]:
        return [
            ClipRecord(member.key, project / member.path, member.label, member.truth, member.weight)
            for member in members
            if wanted(member)
        ]

    labelled = of(lambda member: member.role == "labelled")
    unlabelled = of(lambda member: member.role == "unlabelled")
    carried = [record for record in unlabelled if record.label is not None]
    test = of(lambda member: member.role == "test")
    return labelled, [replace(record, label=None) for record in unlabelled], carried, test


def _start_anew_if_clips_differ(workspace: Path, members: Sequence[Member]) -> None:
    """Drop a checkpoint made with other clips: its batches would not be the ones that it continues."""
    note, saved = workspace / "clips.sha256", workspace / "checkpoint.pt"
    listed = json.dumps([[member.key, member.sha256, member.role, member.label] for member in members])
    digest = hashlib.sha256(listed.encode()).hexdigest()
    if saved.exists() and note.exists() and note.read_text() != digest:
        logger.warning("the clips in %s are not those of its checkpoint; the round starts anew", workspace)
        saved.unlink()
    note.write_text(digest)


def _model_of(studio: Studio, parent: Round) -> Path:
    if parent.model_path is None or parent.model_sha256 is None:
        raise StudioError(f"round {parent.number} has no model to go on from; promote another round.")
    path = artifacts.inside(studio.settings, parent.model_path)
    checkpoint.load(path, sha256=parent.model_sha256)  # a flipped bit would load without a word
    return path
