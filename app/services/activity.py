"""The audit log: who did what when, newest first, put together from the tables that have it on record."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from app.services import backups, class_changes
from app.services.studio import Studio
from app.services.users import admin
from db.engine import Session
from db.repositories import activity, promotions, snapshots

KINDS = ("verdicts", "rounds", "imports", "classes", "people", "snapshots", "backups")
BY_STUDIO = "the studio"
BY_COMMAND = "command line"
MOST_CLASS_CHANGES = 10_000
ROLES = {"admin": "an admin", "reviewer": "a reviewer"}
NAMED = {
    "accept": "accepted",
    "correct": "corrected",
    "reject": "rejected",
    "novel": "in no class",
    "skip": "skipped",
    "flag": "flagged",
    "undo": "taken back",
}


@dataclass(frozen=True)
class Entry:
    """One line of the log; verdicts are counted per person and day, `at` being the last of them."""

    at: datetime
    who: str
    kind: str
    words: str


@dataclass(frozen=True)
class Page:
    """Some lines of the log, how many match in all, and everybody who can be in it."""

    entries: tuple[Entry, ...]
    total: int
    people: tuple[str, ...]


def listing(
    studio: Studio, user_id: int, *, who: str | None = None, kind: str | None = None, offset: int = 0,
    limit: int = 50,
) -> Page:  # fmt: skip
    """Lines of the log that match, newest first.

    Raises:
        StudioError: the person is no admin.
    """
    with studio.database.read() as session:
        admin(session, user_id, "read the audit log")
        entries = list(_entries(session, verdicts=kind in (None, "verdicts")))
        people = (*activity.names(session), BY_COMMAND, BY_STUDIO)
    if studio.database.file is not None:
        entries += [
            Entry(copy.made_at, copy.made_by, "backups", f"made the backup {copy.name}")
            for copy in backups.kept(studio)
            if copy.made_by
        ]
    entries += [
        Entry(change.made_at, change.author, "classes",
              f"{change.words}{' (undone since)' if change.undone else ''}")
        for change in class_changes.history(studio, MOST_CLASS_CHANGES)
    ]  # fmt: skip
    matching = [entry for entry in entries if who in (None, entry.who) and kind in (None, entry.kind)]
    matching.sort(key=lambda entry: entry.at, reverse=True)
    return Page(tuple(matching[offset : offset + limit]), len(matching), people)


def _entries(session: Session, *, verdicts: bool) -> Iterator[Entry]:
    for day in activity.verdict_days(session) if verdicts else ():
        counted = ", ".join(
            f"{count:,} {words}" for kind, words in NAMED.items() if (count := day.counts.get(kind))
        )
        total = sum(day.counts.values())
        yield Entry(
            day.last_at, day.reviewer, "verdicts", f"gave {total:,} verdict{'s' * (total > 1)}: {counted}"
        )
    for row in activity.rounds_started(session):
        yield Entry(row.created_at, row.name or BY_STUDIO, "rounds",
                    f"started round {row.number} ({row.preset})")  # fmt: skip
    for promotion, number, name in promotions.listing(session):
        back = promotion.rolls_back_id is not None
        words = f"rolled back to round {number}" if back else f"put round {number} under review"
        yield Entry(promotion.promoted_at, name or BY_STUDIO, "rounds", words)
    for row in activity.imports_started(session):
        yield Entry(row.created_at, row.name or BY_COMMAND, "imports", f"imported clips from {row.folder}")
    for row in activity.user_events(session):
        words = {
            "add": f"added {row.name} as {ROLES.get(row.role, row.role)}",
            "role": f"made {row.name} {ROLES.get(row.role, row.role)}",
            "token": f"gave {row.name} a new sign-in link",
            "remove": f"removed {row.name}",
        }[row.kind]
        yield Entry(row.made_at, row.author or BY_COMMAND, "people", words)
    for job in snapshots.made(session):
        who = str(job.payload.get("made_by", BY_STUDIO))
        videos = "with" if job.payload.get("videos") else "without"
        yield Entry(job.created_at, who, "snapshots", f"made a snapshot {videos} videos")
