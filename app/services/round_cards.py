"""Rounds as pages show them: state, counts, and how right their accepted pseudo-labels are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.engine import Session
from db.repositories import audits, pseudo_labels, rounds, users


@dataclass(frozen=True)
class Measured:
    """A share with its 95 % Wilson interval: `right` of `of`."""

    right: int
    of: int
    value: float
    low: float
    high: float


def measured(right: int, of: int) -> Measured | None:
    """A share with its 95 % Wilson interval, None where nothing was counted."""
    if not of:
        return None
    z, share = 1.959964, right / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return Measured(right, of, share, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True)
class RoundCard:
    """One round.

    Args:
        state: "queued", "running", "succeeded", "failed" or "cancelled".
        stopping: a stop was asked for and has not taken effect yet.
        published: pseudo-labels can be reviewed; `iteration` is the pass they come from.
        known_precision: accepted pseudo-labels against known truth, None where no truth is known.
        reviewed_precision: accepted pseudo-labels against people's verdicts, None before the first verdict.
        audited_precision: accepted pseudo-labels against people who did not see them, None before the first
            blind check. The only share here that no choice of clips has bent.
        labelled: clips with a label of people's in the frozen snapshot.
        carried: accepted pseudo-labels in it.
    """

    id: int
    number: int
    parent_number: int | None
    job_id: int
    preset: str
    config: Mapping[str, Any]
    state: str
    stopping: bool
    active: bool
    device: str | None
    published: bool
    iteration: int
    stage: str | None
    step: int
    steps: int
    eta_seconds: float | None
    message: str | None
    error: str | None
    labelled: int
    carried: int
    proposed: int
    accepted: int
    metrics: Mapping[str, float]
    known_precision: Measured | None
    reviewed_precision: Measured | None
    audited_precision: Measured | None
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def round_cards(session: Session, round_id: int | None = None) -> list[RoundCard]:
    """Rounds (or the one asked for), newest first."""
    found = rounds.listing(session, round_id=round_id)
    ids = [row.id for row, _, _ in found]
    labels = rounds.label_counts(session, round_ids=ids)
    proposed = pseudo_labels.counts(session, round_ids=ids)
    known = pseudo_labels.against_truth(session, round_ids=ids)
    reviewed = pseudo_labels.against_verdicts(session, round_ids=ids)
    audited = audits.results(session, round_ids=ids)
    people = {user.id: user.name for user in users.listing(session)}
    current = rounds.active(session)
    return [
        RoundCard(
            id=row.id,
            number=row.number,
            parent_number=parent,
            job_id=job.id,
            preset=row.preset,
            config=row.config,
            state=job.state,
            stopping=job.stop_requested,
            active=current is not None and current.id == row.id,
            device=row.device,
            published=row.iteration >= 0,
            iteration=row.iteration,
            stage=job.stage,
            step=job.step or 0,
            steps=job.steps or 0,
            eta_seconds=job.eta_seconds,
            message=job.message,
            error=job.error,
            labelled=labels.get(row.id, (0, 0))[0],
            carried=labels.get(row.id, (0, 0))[1],
            proposed=proposed.get(row.id, (0, 0))[0],
            accepted=proposed.get(row.id, (0, 0))[1],
            metrics=row.metrics,
            known_precision=measured(*known.get(row.id, (0, 0))),
            reviewed_precision=measured(*reviewed.get(row.id, (0, 0))),
            audited_precision=measured(*audited.get(row.id, (0, 0))),
            created_by=people.get(row.created_by or 0),
            created_at=row.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )
        for row, job, parent in found
    ]
