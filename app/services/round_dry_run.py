"""A dry run: what a threshold would accept of what is proposed now, and how right that would be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.services.round_cards import Measured, measured
from app.services.studio import Studio
from db.engine import Session
from db.models import Round
from db.repositories import class_counts, classes, rounds, thresholds, verdicts
from finepseudo_core import config
from finepseudo_core.config import PseudoLabelConfig

STEPS = 100  # of the threshold, from 0.00 to 0.99
# strategy -> whose probability the confidence is
JUDGES = {
    "collaborative": "both", "alignability": "f_A", "confidence": "f_E", "uncertainty": "f_E",
    "verification": "f_E", "none": "f_E",
}  # fmt: skip
FORESIGHT = ("exact", "at most", "another", "nothing")


@dataclass(frozen=True)
class Checked:
    """Proposals that something is known about, by what is known: "blind", "held back" or "verdicts".

    Args:
        right: how many of them a threshold of h / 100 lets through are right (100,).
        of: how many it lets through in all (100,).
        reach: least h that they can speak for.
    """

    kind: str
    right: np.ndarray
    of: np.ndarray
    reach: int = 0

    def at(self, step: int) -> Measured | None:
        """Share of right labels at a threshold, None where nothing is known."""
        if step < self.reach:
            return None
        return measured(int(self.right[step]), int(self.of[step]))


@dataclass(frozen=True)
class Foreseen:
    """What a threshold lets through.

    Args:
        accepted: clips.
        per_class: class name -> clips, most first.
        empty: classes of the round that get none.
        precision: share of right labels, None where nothing is known.
        source: what that rests on: "blind", "held back", "verdicts", or None.
    """

    accepted: int
    per_class: Mapping[str, int]
    empty: tuple[str, ...]
    precision: Measured | None
    source: str | None


@dataclass(frozen=True)
class DryRun:
    """What every threshold would do with the proposals of the round under review.

    Args:
        number: that round's number.
        threshold: the threshold it had.
        foresight: "exact" for these proposals; "at most", as the strategy looks at something that is not
            kept; "another", as the strategy goes by a confidence that these proposals do not have; "nothing",
            as the strategy accepts nothing.
        names: classes of the round (K,).
        clips: clips that a threshold of h / 100 lets through, by class (K, 100).
        checked: what is known about how right they are, the fairest first.
    """

    number: int
    threshold: float
    foresight: str
    names: tuple[str, ...]
    clips: np.ndarray
    checked: tuple[Checked, ...]

    @property
    def open(self) -> int:
        """Proposals that could be accepted."""
        return int(self.clips[:, 0].sum())

    @property
    def totals(self) -> np.ndarray:
        """Clips accepted at every threshold (100,)."""
        return self.clips.sum(0)

    def at(self, threshold: float) -> Foreseen:
        """What a threshold lets through."""
        step = step_of(threshold)
        counts = sorted(zip(self.names, self.clips[:, step].tolist(), strict=True), key=lambda one: -one[1])
        source = self.best(step)
        return Foreseen(
            int(self.clips[:, step].sum()),
            dict(counts),
            tuple(sorted(name for name, count in counts if not count)),
            source.at(step) if source else None,
            source.kind if source else None,
        )

    def best(self, step: int) -> Checked | None:
        """The fairest thing that speaks for a threshold: blind checks or held-back labels, whichever are
        more; verdicts only where there is neither."""
        known = [checked for checked in self.checked if checked.at(step)]
        fair = [checked for checked in known if checked.kind != "verdicts"]
        return max(fair, key=lambda checked: checked.of[step]) if fair else next(iter(known), None)


@dataclass(frozen=True)
class NextRound:
    """What a round started now would learn from.

    Args:
        labelled: class name -> labelled clips, fewest first.
        new_verdicts: decisions since the newest round was started, None before the first round.
        scarce: classes with one labelled clip, which keep a round from starting.
        without: classes with none, which it could not propose.
    """

    labelled: Mapping[str, int]
    new_verdicts: int | None
    scarce: tuple[str, ...]
    without: tuple[str, ...]


def step_of(threshold: float) -> int:
    """The place of a threshold in the arrays."""
    return min(STEPS - 1, max(0, round(threshold * 100)))


def foresight(was: str, will_be: str) -> str:
    """What the proposals of one strategy say about another one, as `DryRun.foresight`."""
    if will_be == "none":
        return "nothing"
    if JUDGES[was] != JUDGES[will_be]:
        return "another"
    return "at most" if will_be == "uncertainty" else "exact"


def dry_run(studio: Studio, preset: str, changes: Mapping[str, Any]) -> DryRun | None:
    """What the thresholds of a round with these settings would accept now, None before the first proposals.

    Raises:
        ConfigError: unknown preset or setting, or a value outside its range.
    """
    chosen = config.preset(preset).replace(changes).pseudo_labels
    with studio.database.read() as session:
        row = rounds.under_review(session)
        if row is None:
            return None
        was = _settings(row)
        will = foresight(was.strategy, chosen.strategy)
        rule = _rule(was if will in ("another", "nothing") else chosen)
        names = classes.names(session)
        shown = list(dict.fromkeys(names[class_id] for class_id in row.classes))
        counts = np.zeros((len(shown), STEPS), int)
        places = {name: place for place, name in enumerate(shown)}
        for found in thresholds.proposals(session, row=row, **rule):
            counts[places[names[found.class_id]], found.hundredth] += found.clips
        return DryRun(
            row.number,
            was.threshold,
            will,
            tuple(shown),
            _from_the_top(counts),
            tuple(_checked(session, row, was, rule)),
        )


def next_round(studio: Studio) -> NextRound:
    """What a round started now would learn from."""
    with studio.database.read() as session:
        standing = classes.listing(session)
        counted = class_counts.labelled(session)
        labelled = {row.name: counted[row.id] for row in standing}
        newest = next(iter(rounds.listing(session)), None)
        since = None if newest is None else verdicts.count_since(session, moment=newest[0].created_at)
    few = sorted(labelled.items(), key=lambda one: one[1])
    return NextRound(
        {name: count for name, count in few if count},
        since,
        tuple(name for name, count in few if count == 1),
        tuple(name for name, count in few if not count),
    )


def _settings(row: Round) -> PseudoLabelConfig:
    return PseudoLabelConfig(**row.config.get("pseudo_labels", {}))


def _rule(settings: PseudoLabelConfig) -> dict[str, Any]:
    """Which proposals a threshold is asked about, and what it is compared with."""
    summed = settings.strategy == "collaborative" and settings.combine == "sum"
    aligned = settings.verification_threshold if settings.strategy == "verification" else None
    return {"scale": 2.0 if summed else 1.0, "aligned_above": aligned}


def _checked(session: Session, row: Round, was: PseudoLabelConfig, rule: Mapping[str, Any]) -> list[Checked]:
    found = []
    # blind checks were drawn from what the round accepted: they speak for nothing that it did not
    if rule == _rule(was) and was.strategy != "none":
        drawn = thresholds.against_blind_checks(session, row=row, **rule)
        found.append(_counted("blind", drawn, step_of(was.threshold)))
    found.append(_counted("held back", thresholds.against_truth(session, row=row, **rule)))
    found.append(_counted("verdicts", thresholds.against_verdicts(session, row=row, **rule)))
    return [checked for checked in found if checked.of[checked.reach]]


def _counted(kind: str, rows: Sequence[Any], reach: int = 0) -> Checked:
    counts = np.zeros((2, STEPS), int)
    for row in rows:
        counts[:, row.hundredth] += (row.right, row.clips)
    right, of = _from_the_top(counts)
    return Checked(kind, right, of, reach)


def _from_the_top(counts: np.ndarray) -> np.ndarray:
    """Counts (..., 100) by hundredth -> counts of that hundredth and all above it."""
    return counts[..., ::-1].cumsum(-1)[..., ::-1]
