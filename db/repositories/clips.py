"""Clips, the imports that brought them, and their known truths."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, case, func, insert, or_, select, update
from sqlalchemy.orm import Session, aliased

from db.engine import now, take_turns
from db.models import (
    ActionClass,
    Clip,
    Import,
    Job,
    PseudoLabel,
    Truth,
    User,
    Verdict,
)
from db.repositories import classes, clip_filters, verdicts

IMPORTS_LOCK = 4_620_005

Values = dict[str, Any]


def lock_imports(session: Session) -> None:
    """Let nobody else register clips until the transaction ends."""
    take_turns(session, IMPORTS_LOCK)


def add_import(session: Session, *, folder: str, labels_csv: str | None, labelled_share: float,
               test_share: float, seed: int, created_by: int | None, job_id: int) -> Import:  # fmt: skip
    """A new import."""
    row = Import(
        folder=folder, labels_csv=labels_csv, labelled_share=labelled_share, test_share=test_share, seed=seed,
        created_by=created_by, created_at=now(session), job_id=job_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def imports(session: Session) -> list[Row[Import, Job, str | None]]:
    """Imports with their job and the name of who started them, newest first."""
    rows = select(Import, Job, User.name).join(Job, Job.id == Import.job_id)
    return list(
        session.execute(rows.outerjoin(User, User.id == Import.created_by).order_by(Import.id.desc()))
    )


def import_of(session: Session, *, clip: Clip) -> Import:
    """The import that brought a clip."""
    return session.get_one(Import, clip.import_id)


def set_job(session: Session, *, import_id: int, job_id: int) -> None:
    """Let another job read the clips of an import."""
    session.execute(update(Import).where(Import.id == import_id).values(job_id=job_id))


def states(session: Session) -> dict[int, dict[str, int]]:
    """Import id -> clip state -> number of clips."""
    counts: dict[int, dict[str, int]] = {}
    rows = select(Clip.import_id, Clip.state, func.count()).group_by(Clip.import_id, Clip.state)
    for import_id, state, count in session.execute(rows):
        counts.setdefault(import_id, {})[state] = count
    return counts


def unusable(session: Session, *, limit: int = 1000) -> list[Clip]:
    """Unreadable and missing clips, by key."""
    rows = select(Clip).where(Clip.state.in_(("unreadable", "missing")))
    return list(session.scalars(rows.order_by(Clip.key).limit(limit)))


def keys(session: Session) -> set[str]:
    """Keys of every clip."""
    return set(session.scalars(select(Clip.key)))


def ids(session: Session) -> dict[str, int]:
    """Key -> id of every clip."""
    return {row.key: row.id for row in session.execute(select(Clip.key, Clip.id))}


def sources(session: Session) -> set[tuple[str, float | None, float | None]]:
    """Source, start and end of every clip."""
    rows = session.execute(select(Clip.source_path, Clip.start, Clip.end))
    return {(path, start, end) for path, start, end in rows}


def add(session: Session, *, import_id: int, rows: Sequence[Values]) -> None:
    """New clips in state "waiting". A row holds key, source_path, start, end, split, given_class_id, and
    truth_class_id where the class is known for measuring."""
    moment = now(session)
    fresh = [
        {**{name: value for name, value in row.items() if name != "truth_class_id"},
         "import_id": import_id, "state": "waiting", "created_at": moment}
        for row in rows
    ]  # fmt: skip
    if not fresh:
        return
    ids = session.scalars(insert(Clip).returning(Clip.id, sort_by_parameter_order=True), fresh).all()
    truths = [
        {"clip_id": clip_id, "class_id": row["truth_class_id"]}
        for clip_id, row in zip(ids, rows, strict=True)
        if row["truth_class_id"] is not None
    ]
    if truths:
        session.execute(insert(Truth), truths)


def get(session: Session, *, clip_id: int) -> Clip | None:
    """The clip, None when there is none."""
    return session.get(Clip, clip_id)


def by_id(session: Session, *, clip_ids: Collection[int]) -> dict[int, Clip]:
    """Clip id -> clip, for those there are."""
    return {row.id: row for row in session.scalars(select(Clip).where(Clip.id.in_(clip_ids)))}


def with_author(session: Session, *, clip_ids: Collection[int]) -> dict[int, tuple[Clip, str | None]]:
    """Clip id -> clip and who gave it the label it has; None where the label came with the import."""
    stands = aliased(Verdict)
    rows = (
        select(Clip, User.name)
        .outerjoin_from(Clip, stands, stands.id == verdicts.newest(Clip.id))
        .outerjoin(User, User.id == stands.reviewer_id)
        .where(Clip.id.in_(clip_ids))
    )
    return {clip.id: (clip, name) for clip, name in session.execute(rows)}


def waiting(session: Session, *, import_id: int, limit: int | None = None) -> list[Clip]:
    """Clips of an import that are still to be read, by id."""
    rows = select(Clip).where(Clip.import_id == import_id, Clip.state == "waiting")
    return list(session.scalars(rows.order_by(Clip.id).limit(limit)))


def mark_ready(session: Session, *, clip_id: int, source_sha256: str, sha256: str, path: str, fps: float,
               frames: int, width: int, height: int, sprite: dict[str, int] | None) -> None:  # fmt: skip
    """A clip was read; its canonical file lies at `path`, relative to the project."""
    values = {"source_sha256": source_sha256, "sha256": sha256, "path": path, "fps": fps, "frames": frames}
    values |= {"width": width, "height": height, "sprite": sprite, "state": "ready", "reason": None}
    session.execute(update(Clip).where(Clip.id == clip_id).values(**values))


def mark_unusable(session: Session, *, clip_id: int, state: str, reason: str) -> None:
    """A clip can't take part: "unreadable" (its source) or "missing" (its canonical file), and why."""
    session.execute(update(Clip).where(Clip.id == clip_id).values(state=state, reason=reason))


def mark_waiting(session: Session, *, clip_id: int) -> None:
    """Have a clip read again."""
    session.execute(update(Clip).where(Clip.id == clip_id).values(state="waiting", reason=None))


def counts(session: Session) -> dict[str, int]:
    """clips, reading, ready, unreadable, test, imported, labelled, in one pass.

    `labelled` counts training clips with a label of people's, `imported` those whose label came with them.
    """
    stands = aliased(Verdict)
    ready_train = and_(Clip.state == "ready", Clip.split == "train")
    given = and_(ready_train, Clip.given_class_id.is_not(None), stands.kind.is_(None))
    decided = and_(ready_train, stands.class_id.is_not(None))
    row = session.execute(
        select(
            func.count().label("clips"),
            _count(Clip.state == "waiting").label("reading"),
            _count(Clip.state == "ready").label("ready"),
            _count(Clip.state.in_(("unreadable", "missing"))).label("unreadable"),
            _count(and_(Clip.state == "ready", Clip.split == "test")).label("test"),
            _count(given).label("imported"),
            _count(or_(given, decided)).label("labelled"),
        ).outerjoin_from(Clip, stands, stands.id == verdicts.newest(Clip.id))
    ).one()
    return {name: int(value or 0) for name, value in row._mapping.items()}


def labels(session: Session, *, round_id: int | None, iteration: int) -> Select[Any]:
    """Query of every clip with its label as it stands and what a round proposes for it.

    Columns: Clip, kind, class_id (people's), reviewer, recorded_at, verdict_id, and PseudoLabel's class_id,
    confidence, alignability, margin, accepted as proposed_class_id, confidence, alignability, margin,
    accepted. Classes are what they mean now: a merged one is the one it was merged into.
    """
    stands, merges = aliased(Verdict), classes.merged(session)
    shown = and_(
        PseudoLabel.clip_id == Clip.id, PseudoLabel.round_id == round_id, PseudoLabel.iteration == iteration
    )
    people = case((stands.kind.is_not(None), stands.class_id), else_=Clip.given_class_id)
    return (
        select(
            Clip,
            stands.kind.label("kind"),
            classes.meaning(people, merges).label("class_id"),
            User.name.label("reviewer"),
            stands.recorded_at.label("recorded_at"),
            stands.id.label("verdict_id"),
            classes.meaning(PseudoLabel.class_id, merges).label("proposed_class_id"),
            PseudoLabel.confidence.label("confidence"),
            PseudoLabel.alignability.label("alignability"),
            PseudoLabel.margin.label("margin"),
            PseudoLabel.accepted.label("accepted"),
        )
        .outerjoin_from(Clip, stands, stands.id == verdicts.newest(Clip.id))
        .outerjoin(User, User.id == stands.reviewer_id)
        .outerjoin(PseudoLabel, shown)
    )


def label_sources(session: Session, *, round_id: int | None, iteration: int) -> dict[str, int]:
    """Where the labels of ready clips come from -> how many: "verdict", "imported", or "pseudo" for a label
    that the round proposes and accepts for a training clip nobody has decided on."""
    rows = labels(session, round_id=round_id, iteration=iteration).where(Clip.state == "ready")
    kind, people, accepted = (rows.selected_columns[name] for name in ("kind", "class_id", "accepted"))
    source = case(
        (and_(people.is_not(None), kind.is_not(None)), "verdict"),
        (people.is_not(None), "imported"),
        (and_(kind.is_(None), accepted, Clip.split == "train"), "pseudo"),
    )
    counted = rows.with_only_columns(source.label("source"), func.count()).group_by("source")
    return {name: count for name, count in session.execute(counted) if name}


def page(session: Session, *, round_id: int | None, iteration: int, sort: str = "name",
         descending: bool = False, offset: int = 0, limit: int | None = None,
         **which: Any) -> tuple[list[Row[Any]], int]:  # fmt: skip
    """Rows of `labels` that match, in one of the orders of `clip_filters`, and how many match in all.

    `which` holds the conditions of `clip_filters.narrowed`.
    """
    rows = labels(session, round_id=round_id, iteration=iteration)
    asked = select(Clip) if clip_filters.is_of_clips(sort, which) and limit is not None else rows
    matching = clip_filters.narrowed(session, asked, round_id=round_id, iteration=iteration, **which)
    total = session.scalar(select(func.count()).select_from(matching.with_only_columns(Clip.id).subquery()))
    ordered = clip_filters.in_order(matching, sort, descending)
    if limit is None:
        return list(session.execute(ordered.offset(offset))), total or 0
    # ids first: whole rows are not carried through the sort
    found = session.scalars(ordered.with_only_columns(Clip.id).offset(offset).limit(limit)).all()
    by_id = {row.Clip.id: row for row in session.execute(rows.where(Clip.id.in_(found)))}
    return [by_id[clip_id] for clip_id in found], total or 0


def matching_ids(session: Session, *, round_id: int | None, iteration: int, **which: Any) -> list[int]:
    """Ids of the clips that match the conditions of `clip_filters.narrowed`, by id."""
    rows = labels(session, round_id=round_id, iteration=iteration)
    matching = clip_filters.narrowed(session, rows, round_id=round_id, iteration=iteration, **which)
    return list(session.scalars(matching.with_only_columns(Clip.id).order_by(Clip.id)))


def labelled_per_class(session: Session) -> dict[str, int]:
    """Class name -> ready training clips that people labelled with it; classes without any are absent."""
    stands = aliased(Verdict)
    people = case((stands.kind.is_not(None), stands.class_id), else_=Clip.given_class_id)
    people = classes.meaning(people, classes.merged(session))
    rows = (
        select(ActionClass.name, func.count().label("clips"))
        .select_from(Clip)
        .outerjoin(stands, stands.id == verdicts.newest(Clip.id))
        .join(ActionClass, ActionClass.id == people)
        .where(Clip.state == "ready", Clip.split == "train")
        .group_by(ActionClass.name, ActionClass.position, ActionClass.id)
        .order_by(ActionClass.position, ActionClass.id)
    )
    return {row.name: row.clips for row in session.execute(rows)}


def _count(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))
