"""Rounds of self-training: start, watch, compare, promote."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.services.studio import Studio


@dataclass(frozen=True)
class Measured:
    """A share with its 95 % Wilson interval: `right` of `of`."""

    right: int
    of: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class RoundCard:
    """One round.

    Args:
        state: "queued", "running", "succeeded", "failed" or "cancelled".
        stopping: a stop was asked for and has not taken effect yet.
        published: pseudo-labels can be reviewed; `iteration` is the pass they come from.
        known_precision: accepted pseudo-labels against known truth, None where no truth is known.
        reviewed_precision: accepted pseudo-labels against people's verdicts, None before the first verdict.
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
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class RoundProgress:
    """Live state of a round. `losses`: "stage/value name" -> points (step, value) after `since_step_id`;
    pass `last_step_id` as the next `since_step_id`."""

    state: str
    stopping: bool
    stage: str | None
    step: int
    steps: int
    eta_seconds: float | None
    device: str | None
    message: str | None
    error: str | None
    accepted: int
    losses: Mapping[str, tuple[tuple[int, float], ...]]
    last_step_id: int


@dataclass(frozen=True)
class Change:
    """What two rounds say about one clip; was_* is the earlier round."""

    clip_id: int
    key: str
    was: str | None
    now: str | None
    was_confidence: float | None
    now_confidence: float | None


@dataclass(frozen=True)
class RoundDifference:
    """Flipped: proposed in both with another class, accepted in at least one. Newly accepted, dropped:
    accepted in one only. Each sorted by confidence, highest first."""

    flipped: tuple[Change, ...]
    newly_accepted: tuple[Change, ...]
    dropped: tuple[Change, ...]


def presets() -> Mapping[str, Mapping[str, Any]]:
    """Preset name -> its full configuration as a nested dict."""
    raise NotImplementedError


def start(studio: Studio, preset: str, changes: Mapping[str, Any], user_id: int | None) -> RoundCard:
    """Freeze the labels as they stand and queue a round on them; `changes` holds dotted setting names.

    Raises:
        ConfigError: unknown preset or setting, or a value outside its range.
        StudioError: a round is queued or running, or the labels do not suffice; says what to do.
    """
    raise NotImplementedError


def cancel(studio: Studio, round_id: int) -> None:
    """Ask a round to stop: at once when queued, within one step when running.

    Raises:
        StudioError: there is no such round, or it is over.
    """
    raise NotImplementedError


def resume(studio: Studio, round_id: int) -> None:
    """Queue a failed or cancelled round again; it goes on from its checkpoint.

    Raises:
        StudioError: there is no such round, it is neither failed nor cancelled, or another one runs.
    """
    raise NotImplementedError


def listing(studio: Studio) -> tuple[RoundCard, ...]:
    """All rounds, newest first."""
    raise NotImplementedError


def card(studio: Studio, round_id: int) -> RoundCard | None:
    """One round, None when there is none of that id."""
    raise NotImplementedError


def progress(studio: Studio, round_id: int, since_step_id: int = 0) -> RoundProgress | None:
    """What a round is doing now, None when there is none of that id."""
    raise NotImplementedError


def difference(studio: Studio, round_id: int, earlier_id: int) -> RoundDifference:
    """What changed from the earlier round to this one."""
    raise NotImplementedError


def promote(studio: Studio, round_id: int, user_id: int) -> None:
    """Make a succeeded round the active one, which is reviewed, exported and trained on.

    Raises:
        StudioError: there is no such round, or it has not succeeded.
    """
    raise NotImplementedError


def roll_back(studio: Studio, user_id: int) -> RoundCard:
    """Make the round that was active before this one active again.

    Raises:
        StudioError: no round was active before.
    """
    raise NotImplementedError


def active(studio: Studio) -> RoundCard | None:
    """The promoted round, None before the first one has finished."""
    raise NotImplementedError
