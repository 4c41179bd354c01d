"""Labels go out, as CSV and JSON lines."""

from dataclasses import dataclass
from datetime import datetime

from app.services.studio import Studio


@dataclass(frozen=True)
class LabelRow:
    """One labelled clip. `source` is "imported", "verdict" or "pseudo"; confidence, alignability and round
    belong to pseudo-labels, reviewer and decided_at to verdicts."""

    key: str
    source_path: str
    start: float | None
    end: float | None
    split: str
    label: str
    source: str
    confidence: float | None
    alignability: float | None
    reviewer: str | None
    decided_at: datetime | None
    round: int | None


def rows(studio: Studio) -> tuple[LabelRow, ...]:
    """Every ready clip with a label: people's first of all, else the accepted pseudo-label of the active
    round; sorted by key."""
    raise NotImplementedError


def as_csv(studio: Studio) -> bytes:
    """`rows` as UTF-8 CSV with a header; cells that a spreadsheet would run as a formula are prefixed."""
    raise NotImplementedError


def as_jsonl(studio: Studio) -> bytes:
    """`rows` as one JSON object a line, UTF-8; absent values are null."""
    raise NotImplementedError
