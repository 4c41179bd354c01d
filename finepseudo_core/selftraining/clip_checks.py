"""What is refused before anything is learnt: lists, classes and exemplars that no round can learn from."""

from collections.abc import Collection, Mapping, Sequence

from finepseudo_core.config import RoundConfig
from finepseudo_core.errors import DatasetError
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.schedule import clips_per_batch


def check_clips(*lists: Sequence[ClipRecord]) -> tuple[str, ...]:
    """Class names of the labelled clips, the first list, once nothing speaks against any list.

    Raises:
        DatasetError: a clip is listed twice, a labelled one has no label, all of them weigh nothing, or as
            `check_classes`.
    """
    keys: set[str] = set()
    for record in (record for records in lists for record in records):
        if record.key in keys:
            raise DatasetError(f"the clip {record.key!r} is listed twice; give every clip once.")
        keys.add(record.key)
    for record in lists[0]:
        if record.label is None:
            raise DatasetError(
                f"the labelled clip {record.key!r} has no label; move it to the unlabelled ones."
            )
    if lists[0] and not any(record.weight > 0 for record in lists[0]):
        raise DatasetError("every labelled clip has weight 0; give at least some a weight above it.")
    classes = tuple(sorted({record.label for record in lists[0] if record.label is not None}))
    check_classes(lists[0], classes)
    return classes


def check_classes(labelled: Sequence[ClipRecord], classes: Sequence[str]) -> None:
    """Every class has two clips to learn from.

    Raises:
        DatasetError: a class has none or one, or there are fewer than two classes.
    """
    counts = dict.fromkeys(classes, 0)
    for record in labelled:
        counts[str(record.label)] += 1
    empty = [name for name, count in counts.items() if count == 0]
    if empty:
        raise DatasetError(
            f"none of the labelled clips of {', '.join(empty[:5])} can be read; "
            "label others, or take the class out."
        )
    if len(counts) < 2:
        raise DatasetError(f"{len(counts)} classes have labelled clips; label clips of at least two classes.")
    scarce = sorted(name for name, count in counts.items() if count < 2)
    if scarce:
        raise DatasetError(
            f"{', '.join(scarce[:5])} has only one readable labelled clip; "
            "label at least two clips of every class."
        )


def check_processes(config: RoundConfig, classes: int, clips: int, *, warm: bool) -> None:
    """Every batch can be divided among the processes, before any of them has worked for nothing.

    Raises:
        ConfigError: a batch has fewer clips than there are processes.
    """
    pretrains = {"finepseudo": not warm, "fixmatch": False, "timebalance": True}[config.method]
    if pretrains and config.pretraining.epochs:
        distributed.shares(min(config.pretraining.batch_size, clips), config.accumulate)
    distributed.shares(clips_per_batch(config, classes), config.accumulate)


def check_exemplars(labelled: Sequence[ClipRecord], exemplars: Mapping[str, Sequence[str]]) -> None:
    """Exemplars are labelled clips of their class.

    Raises:
        DatasetError: one is not.
    """
    labels = {record.key: record.label for record in labelled}
    for name, keys in exemplars.items():
        for key in keys:
            if labels.get(key) != name:
                raise DatasetError(
                    f"the clip {key!r} is to be an exemplar of {name!r} but is not labelled with it; "
                    "label it, or leave it out of the exemplars."
                )


def check_bans(labelled: Sequence[ClipRecord], banned: Collection[str]) -> None:
    """Every class keeps a labelled clip that may be an exemplar.

    Raises:
        DatasetError: a class keeps none.
    """
    usable = {record.label for record in labelled if record.key not in banned}
    bare = sorted({str(record.label) for record in labelled if record.label not in usable})
    if bare:
        raise DatasetError(
            f"every readable labelled clip of {', '.join(bare[:5])} is banned from being an exemplar; "
            "lift one of the bans or label more clips."
        )
