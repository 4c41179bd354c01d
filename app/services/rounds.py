"""Rounds of self-training: start, watch, compare, promote."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.services.round_cards import RoundCard, round_cards
from app.services.studio import Studio, StudioError
from app.services.users import current
from db.engine import Session
from db.models import Job, Round
from db.repositories import classes, clips, jobs, promotions, pseudo_labels, rounds
from finepseudo_core import config

SHAPES = ("action_encoder", "alignability_encoder", "alignment.score_hidden", "pretraining.projection")


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
class Choice:
    """Somebody made a round the one under review; `by` is None where it became so by finishing."""

    number: int
    by: str | None
    at: datetime
    rolled_back: bool


def presets() -> Mapping[str, Mapping[str, Any]]:
    """Preset name -> its full configuration as a nested dict."""
    return {name: config.preset(name).to_dict() for name in config.PRESETS}


def start(studio: Studio, preset: str, changes: Mapping[str, Any], user_id: int | None) -> RoundCard:
    """Freeze the labels as they stand and queue a round on them; `changes` holds dotted setting names.

    The round starts from the active round's model, unless it asks for other encoders. `user_id` is None
    where the studio starts it by itself, after an import.

    Raises:
        ConfigError: unknown preset or setting, or a value outside its range.
        StudioError: a round is queued or running, or the labels do not suffice; says what to do.
    """
    chosen = config.preset(preset).replace(changes).to_dict()
    with studio.database.write() as session:
        if user_id is not None:
            current(session, user_id)
        _refuse_a_second(session)
        labelled = _enough_labels(session)
        active = rounds.active(session)
        job = jobs.enqueue(session, kind="round", payload={"preset": preset})
        ids = {row.name: row.id for row in classes.listing(session)}
        row = rounds.add(
            session,
            job_id=job.id,
            preset=preset,
            config=chosen,
            classes=[ids[name] for name in sorted(labelled)],
            parent_id=active.id if active and _fits(active, chosen) else None,
            created_by=user_id,
        )
        rounds.freeze(session, round_id=row.id, base=active)
        _enough_exemplars(session, row)
        return round_cards(session, row.id)[0]


def cancel(studio: Studio, round_id: int) -> None:
    """Ask a round to stop: at once when queued, within one step when running.

    Raises:
        StudioError: there is no such round, or it is over.
    """
    with studio.database.write() as session:
        row = _present(session, round_id)
        state = _job(session, row).state
        if state not in ("queued", "running"):
            raise StudioError(f"Round {row.number} is over ({state}); there is nothing to cancel.")
        jobs.request_stop(session, job_id=row.job_id)


def resume(studio: Studio, round_id: int) -> None:
    """Queue a failed or cancelled round again; it goes on from its checkpoint.

    Raises:
        StudioError: there is no such round, it is neither failed nor cancelled, or another one runs.
    """
    with studio.database.write() as session:
        row = _present(session, round_id)
        _refuse_a_second(session)
        if not jobs.resume(session, job_id=row.job_id):
            raise StudioError(f"Round {row.number} has succeeded; start a new one instead.")


def listing(studio: Studio) -> tuple[RoundCard, ...]:
    """All rounds, newest first."""
    with studio.database.read() as session:
        return tuple(round_cards(session))


def card(studio: Studio, round_id: int) -> RoundCard | None:
    """One round, None when there is none of that id."""
    with studio.database.read() as session:
        return next(iter(round_cards(session, round_id)), None)


def progress(studio: Studio, round_id: int, since_step_id: int = 0) -> RoundProgress | None:
    """What a round is doing now, None when there is none of that id."""
    with studio.database.read() as session:
        row = rounds.get(session, round_id=round_id)
        if row is None:
            return None
        job = _job(session, row)
        _, accepted = pseudo_labels.counts(session, round_ids=[row.id]).get(row.id, (0, 0))
        losses: dict[str, list[tuple[int, float]]] = {}
        for step in rounds.steps(session, round_id=row.id, after_id=since_step_id):
            since_step_id = step.id
            for name, value in step.values.items():
                losses.setdefault(f"{step.stage}/{name}", []).append((step.step, value))
        return RoundProgress(
            state=job.state,
            stopping=job.stop_requested,
            stage=job.stage,
            step=job.step or 0,
            steps=job.steps or 0,
            eta_seconds=job.eta_seconds,
            device=row.device,
            message=job.message,
            error=job.error,
            accepted=accepted,
            losses={name: tuple(points) for name, points in losses.items()},
            last_step_id=since_step_id,
        )


def promote(studio: Studio, round_id: int, user_id: int) -> None:
    """Make a succeeded round the active one, which is reviewed, exported and trained on.

    Raises:
        StudioError: there is no such round, it has not succeeded, or the person is not there any more.
    """
    with studio.database.write() as session:
        current(session, user_id)
        row = _present(session, round_id)
        state = _job(session, row).state
        if state != "succeeded":
            raise StudioError(f"Round {row.number} is {state}; only a round that succeeded can be promoted.")
        rounds.promote(session, round_id=row.id, promoted_by=user_id)


def roll_back(studio: Studio, user_id: int) -> RoundCard:
    """Make the round that was active before this one active again.

    Raises:
        StudioError: no round was active before, or the person is not there any more.
    """
    with studio.database.write() as session:
        current(session, user_id)
        rounds.lock_rounds(session)
        row = rounds.roll_back(session, promoted_by=user_id)
        if row is None:
            raise StudioError("No round was active before this one; there is nothing to roll back to.")
        return round_cards(session, row.id)[0]


def active(studio: Studio) -> RoundCard | None:
    """The promoted round, None before the first one has finished."""
    with studio.database.read() as session:
        row = rounds.active(session)
        return round_cards(session, row.id)[0] if row else None


def rolls_back_to(studio: Studio) -> int | None:
    """Id of the round that a roll back would make active, None when there is none."""
    with studio.database.read() as session:
        return promotions.rolls_back_to(session)


def choices(studio: Studio) -> tuple[Choice, ...]:
    """Which rounds were under review, since when and by whose choice, newest first."""
    with studio.database.read() as session:
        return tuple(
            Choice(number, name, promotion.promoted_at, promotion.rolls_back_id is not None)
            for promotion, number, name in promotions.listing(session)
        )


def _refuse_a_second(session: Session) -> None:
    rounds.lock_rounds(session)
    if jobs.running(session, kind="round"):
        raise StudioError("A round is queued or running already. Wait for its end, or cancel it first.")


def _enough_labels(session: Session) -> dict[str, int]:
    """Class name -> labelled clips, where every class has two and there are two classes."""
    labelled = clips.labelled_per_class(session)
    if len(labelled) < 2:
        raise StudioError(
            f"{len(labelled)} classes have labelled clips, a round needs two. Import a CSV with labels, "
            "or give clips a class on the Browse page."
        )
    scarce = sorted(name for name, count in labelled.items() if count < 2)
    if scarce:
        raise StudioError(
            f"{', '.join(scarce[:5])} has only one labelled clip. Label at least two clips of every class; "
            "the Browse page finds more of them."
        )
    return labelled


def _enough_exemplars(session: Session, row: Round) -> None:
    """Refuse a round in which every labelled clip of a class is banned from standing for it."""
    _, banned = rounds.exemplar_choices(session, round_id=row.id)
    members = rounds.members(session, round_id=row.id)
    labelled = {member.label for member in members if member.role == "labelled"}
    usable = {
        member.label for member in members if member.role == "labelled" and member.clip_id not in banned
    }
    if bare := sorted(str(name) for name in labelled - usable):
        raise StudioError(
            f"{', '.join(bare[:5])} has no clip left that may stand for it: all are banned as exemplars. "
            "Lift a ban on the Classes page, or label more clips."
        )


def _fits(parent: Round, chosen: Mapping[str, Any]) -> bool:
    """Whether a round with this configuration can start from the parent's model."""
    return parent.model_path is not None and all(
        _setting(parent.config, name) == _setting(chosen, name) for name in SHAPES
    )


def _setting(values: Mapping[str, Any], name: str) -> Any:
    for part in name.split("."):
        values = values.get(part, {})
    return values


def _present(session: Session, round_id: int) -> Round:
    row = rounds.get(session, round_id=round_id)
    if row is None:
        raise StudioError(f"There is no round with the id {round_id}.")
    return row


def _job(session: Session, row: Round) -> Job:
    job = jobs.get(session, job_id=row.job_id)
    if job is None:
        raise StudioError(f"Round {row.number} has lost its job; restore the database from a backup.")
    return job
