"""The first page: how things stand and what to do next."""

from dataclasses import dataclass

from app.services import datasets, health
from app.services import rounds as round_service
from app.services.datasets import ImportCard
from app.services.round_cards import Measured, RoundCard
from app.services.studio import Studio
from db.repositories import classes, clips, pseudo_labels, rounds, verdicts

COUNTED = ("clips", "reading", "ready", "unreadable", "labelled", "imported", "test")


@dataclass(frozen=True)
class NextAction:
    """The next best thing to do: `page` is the page's name ("review", "rounds", "transfer", "today")."""

    page: str
    title: str
    detail: str


@dataclass(frozen=True)
class Today:
    """The project at a glance.

    Args:
        clips, reading, ready, unreadable: clips in all, still being read, usable, unreadable or missing.
        labelled: training clips with a label of people's (given at import, accepted or corrected).
        imported: those of them whose label came with the import.
        test: clips kept for testing.
        waiting, reviewed: clips of the round under review, still to decide on and decided.
        by_me: verdicts of this reviewer that stand.
        running_import: the import at work or next in line, if any; `running_round` the same for rounds.
        active_round: the promoted round.
        precision: accepted pseudo-labels of the round under review that people found right.
        audited_precision: the same by blind checks, drawn at random.
        known_precision: the same against known truth, None where there is none.
    """

    clips: int
    reading: int
    ready: int
    unreadable: int
    labelled: int
    imported: int
    test: int
    classes: int
    waiting: int
    reviewed: int
    by_me: int
    review_round_number: int | None
    running_import: ImportCard | None
    running_round: RoundCard | None
    active_round: RoundCard | None
    precision: Measured | None
    audited_precision: Measured | None
    known_precision: Measured | None
    worker_alive: bool
    next_action: NextAction


def overview(studio: Studio, reviewer_id: int) -> Today:
    """How the project stands for this reviewer."""
    with studio.database.read() as session:
        counts = clips.counts(session)
        row = rounds.under_review(session)
        waiting, reviewed = pseudo_labels.review_counts(session, row=row) if row else (0, 0)
        by_me = verdicts.count_standing(session, reviewer_id=reviewer_id)
        number_of_classes = len(classes.listing(session))
    cards = round_service.listing(studio)
    running = next((card for card in reversed(cards) if card.state in ("queued", "running")), None)
    active = next((card for card in cards if card.active), None)
    shown = next((card for card in cards if row and card.id == row.id), None)
    imports = datasets.imports(studio)
    importing = next((card for card in reversed(imports) if card.state in ("queued", "running")), None)
    return Today(
        **{name: counts[name] for name in COUNTED},
        classes=number_of_classes,
        waiting=waiting,
        reviewed=reviewed,
        by_me=by_me,
        review_round_number=row.number if row else None,
        running_import=importing,
        running_round=running,
        active_round=active,
        precision=shown.reviewed_precision if shown else None,
        audited_precision=shown.audited_precision if shown else None,
        known_precision=shown.known_precision if shown else None,
        worker_alive=any(worker.alive for worker in health.workers(studio)),
        next_action=_next_action(counts, waiting, reviewed, importing, running, shown),
    )


def _next_action(
    counts: dict[str, int],
    waiting: int,
    reviewed: int,
    importing: ImportCard | None,
    running: RoundCard | None,
    shown: RoundCard | None,
) -> NextAction:
    if not counts["clips"]:
        return NextAction("transfer", "Import clips", "A folder of videos, with or without a CSV of labels.")
    if waiting:
        title = "Continue reviewing" if reviewed else "Start reviewing"
        return NextAction("review", title, f"{waiting:,} pseudo-labels wait for one key each.")
    if running:
        return NextAction(
            "rounds", "Watch the round", "Its pseudo-labels appear for review as soon as they exist."
        )
    if importing:
        return NextAction("transfer", "Watch the import", "Each clip is checked once before it is used.")
    if shown:
        return NextAction(
            "rounds", "Start the next round", f"It learns from the {counts['labelled']:,} labels there are."
        )
    if not counts["labelled"]:
        return NextAction("browse", "Label a few clips", "A round needs two labelled clips of every class.")
    return NextAction("rounds", "Start the first round", "It proposes a label for every unlabelled clip.")
