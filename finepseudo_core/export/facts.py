"""What is known about a round besides its networks, for the model card. Free of torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Share:
    """A counted share, `right` of `of`, and its 95 % interval in [0, 1]."""

    right: int
    of: int
    low: float
    high: float


@dataclass(frozen=True)
class DataSource:
    """Where clips came from, by names that say nothing of the machine they lay on.

    Args:
        folder: name of the folder of videos, without those above it.
        annotation: name of the file or folder that its labels were read from; None where none was named.
        clips: clips of the round that came from there.
    """

    folder: str
    annotation: str | None
    clips: int


@dataclass(frozen=True)
class RoundFacts:
    """Where a model comes from. What is None or empty is not known, and the card says so.

    Args:
        round: number of the round.
        project: name of the project.
        sources: where its clips came from.
        preset: name of the settings that it started from.
        device: what it was trained on.
        finished_at: when, ISO 8601.
        continues: number of the round whose model it went on from; None where it started anew.
        counted: "clips" where the counts are those of the readable clips that took part, "snapshot" where
            they are those of the round's list of clips.
        labelled: class -> clips labelled by people that it was trained on.
        unlabelled: clips without a label.
        test: test clips of its classes, which took no part in training.
        accepted: class -> accepted pseudo-labels of its last pass.
        proposed: pseudo-labels of that pass, accepted or not.
        carried: accepted pseudo-labels of the round before that it began with.
        top1: accuracy on the test clips by whose answer it is: "f_E", "f_A" or "both".
        known_precision: accepted pseudo-labels against classes known for measuring.
        reviewed_precision: accepted pseudo-labels against people's verdicts.
        data_licence: licence of the clips, as whoever exports states it.
    """

    round: int | None = None
    project: str | None = None
    sources: Sequence[DataSource] = ()
    preset: str | None = None
    device: str | None = None
    finished_at: str | None = None
    continues: int | None = None
    counted: str = "clips"
    labelled: Mapping[str, int] | None = None
    unlabelled: int | None = None
    test: int | None = None
    accepted: Mapping[str, int] | None = None
    proposed: int | None = None
    carried: int | None = None
    top1: Mapping[str, Share] = field(default_factory=dict)
    known_precision: Share | None = None
    reviewed_precision: Share | None = None
    data_licence: str | None = None
