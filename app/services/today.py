"""The first page: how things stand and what to do next."""

from dataclasses import dataclass

from app.services.datasets import ImportCard
from app.services.rounds import Measured, RoundCard
from app.services.studio import Studio


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
    known_precision: Measured | None
    worker_alive: bool
    next_action: NextAction


def overview(studio: Studio, reviewer_id: int) -> Today:
    """How the project stands for this reviewer."""
    raise NotImplementedError
