"""Rounds: their frozen snapshots, their progress, and which one is active."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, case, delete, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from db.engine import now, take_turns
from db.models import (
    Clip,
    Job,
    Promotion,
    PseudoLabel,
    Round,
    RoundClip,
    RoundExemplar,
    RoundStep,
    TestPrediction,
    Truth,
    Verdict,
)
from db.repositories import classes, exemplars, promotions, verdicts

ROUNDS_LOCK = 4_620_004


@dataclass(frozen=True)
class Member:
    """One clip of a round's snapshot.

    Args:
        role: "labelled", "unlabelled" or "test".
        import_id: the import that brought it.
        path: canonical file relative to the project; `state` and `sha256` are the clip's as of now.
        label: class it trains on, as it was called when the snapshot was made; on an unlabelled clip, the
            accepted label of the round before.
        truth: class known for measuring only, as it was called then.
    """

    clip_id: int
    key: str
    role: str
    import_id: int
    state: str
    path: str
    sha256: str
    label: str | None
    weight: float
    truth: str | None


def lock_rounds(session: Session) -> None:
    """Let nobody else start, resume or promote a round until the transaction ends."""
    take_turns(session, ROUNDS_LOCK)


def add(session: Session, *, job_id: int, preset: str, config: dict[str, Any], classes: list[int],
        parent_id: int | None, created_by: int | None) -> Round:  # fmt: skip
    """A new round with the next number."""
    last = session.scalar(select(func.max(Round.number))) or 0
    row = Round(
        number=last + 1, parent_id=parent_id, job_id=job_id, preset=preset, config=config, classes=classes,
        metrics={}, created_by=created_by, created_at=now(session),
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def freeze(session: Session, *, round_id: int, base: Round | None) -> None:
    """Copy who takes part and with which label, as it stands now, into the round's snapshot.

    Accepted pseudo-labels of `base` are carried over on clips without any verdict. A clip whose proposal
    people turned down has weight 0: it gets a new proposal, but nothing learns from that. A test clip takes
    part when its class is known; its truth stays where it is.

    What each class means and is called, and the exemplars that people chose, are kept with it, so that a
    round resumed later learns the same.
    """
    stands, merges = aliased(Verdict), classes.merged(session)
    train, test = Clip.split == "train", Clip.split == "test"
    people = case((stands.kind.is_not(None), stands.class_id), else_=Clip.given_class_id)
    known = people.is_not(None)
    meant = classes.meaning(people, merges)
    carried = and_(train, people.is_(None), stands.kind.is_(None), PseudoLabel.accepted)
    rows = (
        select(
            literal(round_id, RoundClip.round_id.type),
            Clip.id,
            case((test, "test"), (known, "labelled"), else_="unlabelled"),
            case((known, meant), (carried, classes.meaning(PseudoLabel.class_id, merges))),
            case(
                (and_(known, stands.kind.is_not(None)), "verdict"),
                (known, "imported"),
                (carried, "pseudo"),
            ),
            case((stands.kind.in_(("reject", "novel")), 0.0), else_=1.0),
            case((known, stands.id)),
        )
        .outerjoin_from(Clip, stands, stands.id == verdicts.newest(Clip.id))
        .outerjoin(
            PseudoLabel,
            and_(
                PseudoLabel.clip_id == Clip.id,
                PseudoLabel.round_id == (base.id if base else None),
                PseudoLabel.iteration == (base.iteration if base else None),
            ),
        )
        .outerjoin(Truth, Truth.clip_id == Clip.id)
        .where(Clip.state == "ready", or_(train, known, Truth.class_id.is_not(None)))
    )
    columns = ["round_id", "clip_id", "role", "class_id", "source", "weight", "verdict_id"]
    session.execute(insert(RoundClip).from_select(columns, rows))
    names = {str(class_id): name for class_id, name in classes.names(session).items()}
    chosen = exemplars.frozen_choices(session, round_id=round_id)
    kept = update(Round).where(Round.id == round_id).values(class_names=names, exemplar_choices=chosen)
    session.execute(kept.execution_options(synchronize_session=False))


def members(session: Session, *, round_id: int) -> list[Member]:
    """The round's snapshot by clip key."""
    names = class_names(session, round_id=round_id)
    rows = (
        select(
            Clip.id.label("clip_id"), Clip.key, RoundClip.role, Clip.import_id, Clip.state, Clip.path,
            Clip.sha256, RoundClip.class_id.label("label"), RoundClip.weight, Truth.class_id.label("truth"),
        )
        .join(Clip, Clip.id == RoundClip.clip_id)
        .outerjoin(Truth, Truth.clip_id == Clip.id)
        .where(RoundClip.round_id == round_id)
        .order_by(Clip.key)
    )  # fmt: skip
    return [
        Member(**{**row._mapping, "label": names.get(row.label), "truth": names.get(row.truth)})
        for row in session.execute(rows)
    ]


def class_names(session: Session, *, round_id: int) -> dict[int, str]:
    """Class id -> name of the class that it meant when the round's snapshot was made."""
    frozen = session.scalar(select(Round.class_names).where(Round.id == round_id)) or {}
    return {**classes.names(session), **{int(class_id): name for class_id, name in frozen.items()}}


def class_ids(session: Session, *, round_id: int) -> dict[str, int]:
    """Name, as it was when the snapshot was made -> id, of every class that the snapshot has labels of."""
    names = class_names(session, round_id=round_id)
    labels = select(RoundClip.class_id).where(RoundClip.round_id == round_id).distinct()
    found = session.scalars(labels.where(RoundClip.class_id.is_not(None)))
    return {names[class_id]: class_id for class_id in found if class_id is not None}


def former_names(session: Session, *, row: Round, parent: Round) -> dict[str, str | None]:
    """Class name in a round -> its name in the parent round, where that was another; None where the parent
    knew another class by that name."""
    before = {class_id: name for name, class_id in class_ids(session, round_id=parent.id).items()}
    now_called = class_ids(session, round_id=row.id)
    return {
        name: before.get(class_id)
        for name, class_id in now_called.items()
        if before.get(class_id) != name and (class_id in before or name in before.values())
    }


def exemplar_choices(session: Session, *, round_id: int) -> tuple[dict[int, list[int]], list[int]]:
    """What people wanted when the snapshot was made: class id -> clips pinned, and the clips banned."""
    frozen = session.scalar(select(Round.exemplar_choices).where(Round.id == round_id)) or {}
    pinned = {int(class_id): clip_ids for class_id, clip_ids in frozen.get("pinned", {}).items()}
    return pinned, frozen.get("banned", [])


def label_counts(session: Session, *, round_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Round id -> labels of people's and carried pseudo-labels in its snapshot."""
    carried = func.count().filter(RoundClip.source == "pseudo")
    labels = func.count().filter(RoundClip.role == "labelled")
    rows = select(RoundClip.round_id, labels, carried).where(RoundClip.round_id.in_(round_ids))
    found = session.execute(rows.group_by(RoundClip.round_id))
    return {round_id: (people, pseudo) for round_id, people, pseudo in found}


def get(session: Session, *, round_id: int) -> Round | None:
    """The round, None when there is none."""
    return session.get(Round, round_id)


def by_job(session: Session, *, job_id: int) -> Round | None:
    """The round a job runs, None when there is none."""
    return session.scalar(select(Round).where(Round.job_id == job_id))


def listing(session: Session, *, round_id: int | None = None) -> list[Row[Round, Job, int | None]]:
    """Rounds (or the one asked for) with their job and their parent's number, newest first."""
    parent = aliased(Round)
    rows = select(Round, Job, parent.number).join(Job, Job.id == Round.job_id)
    rows = rows.outerjoin(parent, parent.id == Round.parent_id).order_by(Round.number.desc())
    return list(session.execute(rows if round_id is None else rows.where(Round.id == round_id)))


def set_running(session: Session, *, round_id: int, device: str) -> None:
    """Note the device a round runs on."""
    session.execute(update(Round).where(Round.id == round_id).values(device=device))


def set_result(session: Session, *, round_id: int, metrics: Mapping[str, float],
               model_path: str | None = None, model_sha256: str | None = None) -> None:  # fmt: skip
    """Note what a round measured and where its model lies, relative to the project."""
    values: dict[str, Any] = {"metrics": dict(metrics)}
    if model_path is not None:
        values |= {"model_path": model_path, "model_sha256": model_sha256}
    session.execute(update(Round).where(Round.id == round_id).values(**values))


def add_steps(
    session: Session, *, round_id: int, steps: Sequence[tuple[str, int, int, dict[str, float]]]
) -> None:
    """Append training steps: (stage, step, steps, values)."""
    moment = now(session)
    rows = [
        {"round_id": round_id, "stage": stage, "step": step, "steps": total, "values": values, "at": moment}
        for stage, step, total, values in steps
    ]
    if rows:
        session.execute(insert(RoundStep), rows)


def steps(session: Session, *, round_id: int, after_id: int = 0) -> list[RoundStep]:
    """Training steps after one, in order."""
    rows = select(RoundStep).where(RoundStep.round_id == round_id, RoundStep.id > after_id)
    return list(session.scalars(rows.order_by(RoundStep.id)))


def set_exemplars(session: Session, *, round_id: int, exemplars: Mapping[int, Sequence[int]]) -> None:
    """Note a round's gallery, class id -> clip ids; replaces the one before."""
    session.query(RoundExemplar).where(RoundExemplar.round_id == round_id).delete()
    rows = [
        {"round_id": round_id, "class_id": class_id, "clip_id": clip_id, "rank": rank}
        for class_id, clip_ids in exemplars.items()
        for rank, clip_id in enumerate(clip_ids)
    ]
    if rows:
        session.execute(insert(RoundExemplar), rows)


def set_test_predictions(session: Session, *, round_id: int, predictions: Mapping[int, int]) -> None:
    """Note what a round says about test clips, clip id -> class id; replaces what it said before."""
    session.execute(delete(TestPrediction).where(TestPrediction.round_id == round_id))
    rows = [
        {"round_id": round_id, "clip_id": clip_id, "class_id": class_id}
        for clip_id, class_id in predictions.items()
    ]
    if rows:
        session.execute(insert(TestPrediction), rows)


def active(session: Session) -> Round | None:
    """The promoted round, None before the first promotion."""
    newest = select(Promotion.round_id).order_by(Promotion.id.desc()).limit(1).scalar_subquery()
    return session.scalar(select(Round).where(Round.id == newest))


def under_review(session: Session) -> Round | None:
    """The active round; before there is one, the newest round that has published pseudo-labels."""
    published = select(Round).where(Round.iteration >= 0).order_by(Round.number.desc()).limit(1)
    return active(session) or session.scalar(published)


def promote(session: Session, *, round_id: int, promoted_by: int | None = None) -> None:
    """Make a round the active one. Appends; does nothing when it is active already."""
    current = active(session)
    if current is None or current.id != round_id:
        session.add(Promotion(round_id=round_id, promoted_by=promoted_by, promoted_at=now(session)))
        session.flush()


def roll_back(session: Session, *, promoted_by: int) -> Round | None:
    """Make the round active that was so before, None when there was none. Appends.

    A promotion that was rolled back no longer counts, so that two rollbacks go back two rounds.
    """
    trail = promotions.trail(session)
    if len(trail) < 2:
        return None
    last, before = trail[-1], trail[-2]
    session.add(
        Promotion(
            round_id=before.round_id, promoted_by=promoted_by, rolls_back_id=last.id, promoted_at=now(session)
        )
    )
    session.flush()
    return get(session, round_id=before.round_id)
