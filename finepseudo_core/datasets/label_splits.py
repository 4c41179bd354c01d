"""Which clips of a dataset are labelled: 5, 10 or 20 % of every class, drawn by a seed, kept in a file.

FinePseudo (Dave et al., ECCV 2024), Sec. 4, reports the mean top-1 of three independent label splits.
`python -m finepseudo_core.datasets.label_splits FOLDER_OR_CSV --share 0.1 --seed 0 --out FILE` writes one,
`--all DIR` the nine of those shares and three seeds.

A clip's place in the draw is the SHA-256 of seed, class and key, and all rows of the annotation take part,
those of missing or short videos too. So a split is the same on every machine, whatever videos it has, and in
every version of Python; the smaller share of one seed lies within the larger; another class more or less
moves no clip of the others.
"""

import argparse
import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from finepseudo_core.datasets.formats import read_listed
from finepseudo_core.datasets.formats.annotation_files import read_json, write_text
from finepseudo_core.datasets.formats.arguments import add_arguments, whole_number
from finepseudo_core.datasets.formats.listing import ImportList, ListedClip
from finepseudo_core.errors import DatasetError, FinePseudoError

SHARES = (0.05, 0.1, 0.2)
SEEDS = (0, 1, 2)
LEAST = 2  # of each class, as a round needs them


@dataclass(frozen=True)
class LabelSplit:
    """The clips whose labels are trained on.

    Args:
        share: share of every class that was asked for, in (0, 1].
        seed: seed of the draw.
        dataset: digest of the clips and classes that it was drawn from.
        labelled: keys of the labelled clips, sorted.
    """

    share: float
    seed: int
    dataset: str
    labelled: tuple[str, ...]

    def divide(self, clips: Iterable[ListedClip]) -> tuple[list[ListedClip], list[ListedClip]]:
        """(labelled, unlabelled) among the clips, each in their order."""
        chosen = set(self.labelled)
        labelled: list[ListedClip] = []
        unlabelled: list[ListedClip] = []
        for clip in clips:
            (labelled if clip.key in chosen else unlabelled).append(clip)
        return labelled, unlabelled


def split(labels: Mapping[str, str], share: float, seed: int, *, least: int = LEAST) -> LabelSplit:
    """Draw the labelled clips: of each class its share, halves rounded up, and no fewer than `least`.

    Args:
        labels: key -> class of every clip that may be labelled, so of the training clips; see `labels_of`.
        share: in (0, 1]; taken as the decimal number it is written as, so 0.1 of 25 is 2.5 and gives 3.
        seed: 0 or more.
        least: labelled clips that each class gets at least.

    Raises:
        DatasetError: there are no clips, or a class has fewer than `least`.
        ValueError: share or seed is out of its range.
    """
    if not 0 < share <= 1 or seed < 0:
        raise ValueError(f"share {share} must lie in (0, 1] and seed {seed} must be 0 or more")
    members: dict[str, list[str]] = {}
    for key, label in labels.items():
        members.setdefault(label, []).append(key)
    few = sorted(label for label, keys in members.items() if len(keys) < least)
    if few or not members:
        raise DatasetError(
            f"{len(few)} classes have fewer than {least} clips ({', '.join(few[:5])}). Leave them out."
            if few
            else "There are no labelled training clips to draw from. Give a list with labels."
        )
    labelled: list[str] = []
    for label, keys in members.items():
        count = max(least, _rounded(share, len(keys)))
        labelled += [key for _, key in sorted(_draw(seed, label, key) for key in keys)[:count]]
    return LabelSplit(share, seed, digest(labels), tuple(sorted(labelled)))


def hold_out(groups: Mapping[str, str], share: float, seed: int) -> frozenset[str]:
    """Keys of whole groups kept for testing, so that no speaker, subject or repetition is on both sides.

    Groups are drawn by the seed until they hold `share` of the clips, the last one included when that comes
    nearer to it; at least one group is held out and one stays.

    Args:
        groups: key -> group of every clip.
        share: share of the clips to hold out, in (0, 1).
        seed: 0 or more.

    Raises:
        DatasetError: there are fewer than two groups.
        ValueError: share or seed is out of its range.
    """
    if not 0 < share < 1 or seed < 0:
        raise ValueError(f"share {share} must lie in (0, 1) and seed {seed} must be 0 or more")
    sizes = Counter(groups.values())
    if len(sizes) < 2:
        raise DatasetError(f"There are {len(sizes)} groups; holding some out needs two at least.")
    order = sorted(sizes, key=lambda group: _draw(seed, "", group))
    wanted, held = Fraction(str(share)) * len(groups), 0
    chosen: set[str] = set()
    for group in order[:-1]:
        if chosen and abs(held + sizes[group] - wanted) >= abs(held - wanted):
            break
        chosen.add(group)
        held += sizes[group]
    return frozenset(key for key, group in groups.items() if group in chosen)


def labels_of(listed: ImportList) -> dict[str, str]:
    """Key -> class of the clips that a split is drawn from: labelled ones that are not kept for testing.

    Those whose video is missing, short or unreadable are among them.
    """
    return {row.key: row.label for row in listed.rows if row.label is not None and row.split != "test"}


def digest(labels: Mapping[str, str]) -> str:
    """SHA-256 over keys and classes, whatever their order."""
    rows = json.dumps(sorted(labels.items()), ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(rows.encode()).hexdigest()


def write(found: LabelSplit, path: str | Path) -> None:
    """Write a split as JSON; the file appears whole or not at all."""
    content = {
        "share": found.share,
        "seed": found.seed,
        "dataset": found.dataset,
        "labelled": sorted(found.labelled),
    }
    write_text(Path(path), json.dumps(content, indent=1) + "\n")


def read(path: str | Path, labels: Mapping[str, str]) -> LabelSplit:
    """A split from its file, for the clips that it was drawn from.

    Args:
        path: the file.
        labels: key -> class, as for `split`.

    Raises:
        DatasetError: the file is malformed, or was drawn from other clips or classes.
    """
    content = read_json(Path(path))
    types: dict[str, type | tuple[type, ...]] = {
        "share": (int, float),
        "seed": int,
        "dataset": str,
        "labelled": list,
    }
    if not isinstance(content, dict) or not all(isinstance(content.get(name), types[name]) for name in types):
        raise DatasetError(f"{path} is no label split with {', '.join(types)}. Write it again.")
    keys = content["labelled"]
    if content["dataset"] != digest(labels):
        missing = [str(key) for key in keys if key not in labels] if _texts(keys) else []
        found = (
            f"{len(missing)} of its {len(keys)} clips are not here"
            if missing
            else "its classes or clips differ"
        )
        raise DatasetError(
            f"{path} was drawn from another dataset ({found}; here are {len(labels)} clips of "
            f"{len(set(labels.values()))} classes). Give the dataset it belongs to, or draw a new split."
        )
    if not _texts(keys) or len(set(keys)) < len(keys) or not set(keys) <= labels.keys():
        raise DatasetError(f"{path} lists clips that the dataset doesn't have, or one twice. Write it again.")
    return LabelSplit(float(content["share"]), content["seed"], content["dataset"], tuple(sorted(keys)))


def _texts(keys: list[object]) -> bool:
    return all(isinstance(key, str) for key in keys)


def _rounded(share: float, clips: int) -> int:
    """share x clips to the nearest whole, halves up; 0.35 is 35/100 here, not the float next to it."""
    return math.floor(Fraction(str(share)) * clips + Fraction(1, 2))


def _draw(seed: int, label: str, key: str) -> tuple[bytes, str]:
    return hashlib.sha256(json.dumps([seed, label, key]).encode()).digest(), key


def main() -> None:
    """The command line."""
    options = _options()
    try:
        listed = read_listed(
            options.source, options.format, options.annotations, least_frames=options.least_frames
        )
        labels = labels_of(listed)
        found = {
            options.out or options.all / f"labels-{share:g}-seed{seed}.json": split(labels, share, seed)
            for share in (SHARES if options.all else (options.share,))
            for seed in (SEEDS if options.all else (options.seed,))
        }
        for file, drawn in found.items():
            write(drawn, file)
    except (FinePseudoError, ValueError) as error:
        sys.exit(f"{error}")
    for problem in listed.problems:
        sys.stderr.write(f"{problem.source} {problem.line} {problem.path}: {problem.reason}\n".lstrip())
    here = {clip.key for clip in listed.clips}
    for file, drawn in found.items():
        missing = len(set(drawn.labelled) - here)
        without = f", {missing} of them without a usable video here" if missing else ""
        classes = len(set(labels.values()))
        sys.stdout.write(f"{file}: {len(drawn.labelled)} labelled clips of {classes} classes{without}\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="folder of clips, or the CSV of one")
    add_arguments(parser)
    parser.add_argument("--annotations", type=Path, help="where the annotation is, if not in the folder")
    parser.add_argument("--share", type=float, help="share of every class, such as 0.05 or 0.2; else 0.1")
    parser.add_argument("--seed", type=whole_number, help="0 if not told")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", type=Path, metavar="FILE", help="the JSON file to write")
    target.add_argument(
        "--all", type=Path, metavar="DIR", help="write 5, 10 and 20 %% by seeds 0, 1 and 2, a file each"
    )
    options = parser.parse_args()
    if options.all and (options.share, options.seed) != (None, None):
        parser.error("--all writes every share and seed; leave --share and --seed out, or give --out")
    options.share = 0.1 if options.share is None else options.share
    options.seed = options.seed or 0
    return options


if __name__ == "__main__":
    main()
