"""What a round tells becomes rows: progress and losses as they come, pseudo-labels and the end at once."""

import logging
import time
from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import artifacts, logs
from app.services.studio import Studio
from db.models import Round
from db.repositories import audits, jobs, pseudo_labels, rounds
from db.repositories.jobs import Fence
from db.repositories.rounds import Member
from finepseudo_core.events import (
    CheckpointSaved,
    ClipLeftOut,
    Event,
    PseudoLabelsProposed,
    RoundFinished,
    StageStarted,
    StepDone,
)
from finepseudo_core.records import Proposal, PseudoLabel, RoundResult
from finepseudo_core.selftraining.remaining_time import RemainingTime

FLUSH_SECONDS = 0.5
ROWS_AT_ONCE = 500  # with a pause after each, so that reviewers' saves come in between
PAUSE_SECONDS = 0.05

logger = logging.getLogger(__name__)


class RoundObserver:
    """Call it with every event of a round.

    Args:
        fence: shown with every write; LeaseLost ends the round from inside.
        members: the round's snapshot, which gives clip keys their ids.
        remaining: the clock of the round.
    """

    def __init__(
        self, studio: Studio, fence: Fence, row: Round, members: Sequence[Member], remaining: RemainingTime
    ) -> None:
        self.studio, self.fence, self.row, self.remaining = studio, fence, row, remaining
        self.clip_ids = {member.key: member.clip_id for member in members}
        self.message: str | None = None
        self.device = row.device
        self.shown = row.iteration
        self._steps: list[tuple[str, int, int, dict[str, float]]] = []
        self._flushed_at = 0.0
        self._survived = False
        with studio.database.read() as session:
            self.class_ids = rounds.class_ids(session, round_id=row.id)

    def __call__(self, event: Event) -> None:
        """Write down what the event says.

        Raises:
            LeaseLost: another worker has taken the round over.
        """
        self.remaining(event)
        match event:
            case StageStarted():
                self._note_device(event.device)
                self._flush()
            case StepDone():
                if event.values:
                    self._steps.append((event.stage, event.step, event.steps, dict(event.values)))
                if event.step == event.steps or time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
                    self._flush()
            case ClipLeftOut():
                logger.warning("round %d leaves a clip out: %s", self.row.number, event.reason)
            case CheckpointSaved():
                self._survive()
            case PseudoLabelsProposed():
                self.publish(event.proposal, event.metrics)
            case RoundFinished():
                self.finish(event.result)

    def publish(self, proposal: Proposal, metrics: Mapping[str, float]) -> None:
        """Put a pass over the unlabelled clips before the reviewers, all of it at one moment.

        Its rows are written unseen first. A pass that is shown already (the round was resumed right after
        it) stays as it is: people may have judged it.
        """
        if proposal.iteration <= self.shown:
            return
        database, row = self.studio.database, self.row
        with database.read() as session:
            turned_down = pseudo_labels.turned_down(session)
            first = rounds.under_review(session) is None
        self._clear_hidden()
        rows = [self._row(label, proposal, turned_down) for label in proposal.pseudo_labels]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            with database.write() as session:
                jobs.hold(session, self.fence)
                pseudo_labels.add(session, rows=rows[start : start + ROWS_AT_ONCE])
            time.sleep(PAUSE_SECONDS)
        accepted = sum(row["accepted"] for row in rows)
        self.message = f"{accepted} of {len(rows)} pseudo-labels accepted"
        with database.write() as session:
            self._progress(session)
            self._show(session, proposal)
            rounds.set_result(session, round_id=row.id, metrics=metrics)
        self.shown = proposal.iteration
        logger.info("round %d, pass %d: %s", row.number, proposal.iteration, self.message)
        if first:
            self._announce_the_first()
        self._clear_hidden()

    def finish(self, result: RoundResult) -> None:
        """End the round: what it measured, its model, its promotion and its job's end are one transaction."""
        self.publish(result.proposal, result.metrics)
        self._flush()
        with self.studio.database.write() as session:
            jobs.finish(session, self.fence, state="succeeded", message=self.message)
            rounds.set_result(
                session,
                round_id=self.row.id,
                metrics=result.metrics,
                model_path=artifacts.relative(self.studio.settings, result.model),
                model_sha256=result.model_sha256,
            )
            predicted = {self.clip_ids[key]: self.class_ids[name] for key, name in result.tested.items()}
            rounds.set_test_predictions(session, round_id=self.row.id, predictions=predicted)
            rounds.promote(session, round_id=self.row.id)
        logger.info("round %d succeeded: %s", self.row.number, dict(result.metrics))

    def _flush(self) -> None:
        """Write progress and the steps since the last time; they wait while the database can't be reached."""
        self._flushed_at = time.monotonic()
        try:
            with self.studio.database.write() as session:
                self._progress(session)
                rounds.add_steps(session, round_id=self.row.id, steps=self._steps)
        except OperationalError as error:
            logger.warning("progress can't be written yet: %s", error.orig)
            return
        self._steps = []

    def _progress(self, session: Session) -> None:
        remaining = self.remaining
        jobs.progress(
            session,
            self.fence,
            stage=remaining.stage,
            step=remaining.done,
            steps=remaining.steps,
            eta_seconds=remaining.seconds(),
            message=self.message,
        )

    def _survive(self) -> None:
        """Having got further than before, the round is not one that dies on the spot again and again."""
        if not self._survived:
            with self.studio.database.write() as session:
                jobs.survive(session, self.fence)
        self._survived = True

    def _note_device(self, device: str) -> None:
        if device == self.device:
            return
        with self.studio.database.write() as session:
            jobs.hold(session, self.fence)
            rounds.set_running(session, round_id=self.row.id, device=device)
        self.device = device

    def _show(self, session: Session, proposal: Proposal) -> None:
        order = [self.class_ids[name] for name in proposal.classes]
        pseudo_labels.show(session, round_id=self.row.id, iteration=proposal.iteration, classes=order)
        exemplars = {
            self.class_ids[name]: [self.clip_ids[key] for key in keys]
            for name, keys in proposal.exemplars.items()
        }
        rounds.set_exemplars(session, round_id=self.row.id, exemplars=exemplars)
        if row := rounds.get(session, round_id=self.row.id):
            audits.draw(session, row=row)

    def _clear_hidden(self) -> None:
        gone = ROWS_AT_ONCE
        while gone == ROWS_AT_ONCE:
            with self.studio.database.write() as session:
                jobs.hold(session, self.fence)
                gone = pseudo_labels.clear_hidden(session, round_id=self.row.id, limit=ROWS_AT_ONCE)
            time.sleep(PAUSE_SECONDS)

    def _row(self, label: PseudoLabel, proposal: Proposal, turned_down: set[int]) -> pseudo_labels.Values:
        clip_id = self.clip_ids[label.key]
        second, best = np.sort(label.probabilities)[-2:]
        nearest = [
            {
                "clip_id": self.clip_ids[match.key],
                "class_id": self.class_ids[match.label],
                "alignability": match.alignability,
            }
            for match in label.nearest
        ]
        return {
            "round_id": self.row.id,
            "clip_id": clip_id,
            "iteration": proposal.iteration,
            "class_id": self.class_ids[label.label],
            "confidence": label.confidence,
            "alignability": label.alignability,
            "margin": float(best - second),
            "accepted": label.accepted and clip_id not in turned_down,
            "action_probabilities": _packed(label.action_probabilities),
            "alignability_probabilities": _packed(label.alignability_probabilities),
            "probabilities": _packed(label.probabilities),
            "class_alignabilities": _packed(label.class_alignabilities),
            "nearest": nearest,
        }

    def _announce_the_first(self) -> None:
        started_at = self.studio.settings.started_at
        if started_at is None:
            return
        logger.info("first pseudo-label after %.1f s", time.time() - started_at, extra=logs.ANNOUNCE)


def _packed(values: np.ndarray) -> bytes:
    return values.astype("<f4").tobytes()
