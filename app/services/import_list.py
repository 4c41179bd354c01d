"""What an import asks for, and the clips of it that the project does not have yet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.services import import_formats
from app.services.import_division import PlacedClip, divide
from app.services.studio import StudioError
from db.engine import Session
from db.repositories import clips
from finepseudo_core.datasets.formats.listing import ImportList, ListedClip
from finepseudo_core.errors import DatasetError

LABELS_CSV = "labels.csv"


@dataclass(frozen=True)
class ImportRequest:
    """What to bring in.

    Args:
        folder: folder of videos.
        labels_csv: `path,label[,split,start,end]`; None reads `labels.csv` of the folder, if there. In
            another format: its file, or the folder of its files; None looks for them in the folder.
        labelled_share: share of each class's training clips whose label is trained on; the other labels
            are held back as known truth, for measuring only. At least two of a class with four clips or more
            are trained on, unless it is 0.
        test_share: share of each class kept for testing, where the list names no split.
        seed: seed of both choices.
        format: one of `import_formats.FORMATS`, how the labels are written, with `:PART` for some classes.
        least_frames: clips with fewer frames are told and left out; 0 opens no video.
    """

    folder: Path
    labels_csv: Path | None = None
    labelled_share: float = 1.0
    test_share: float = 0.0
    seed: int = 0
    format: str = import_formats.CSV
    least_frames: int = 0

    @property
    def source(self) -> Path:
        """The folder, absolute and without links, as the project remembers it."""
        return self.folder.expanduser().resolve()

    @property
    def labels(self) -> Path | None:
        """The list that is named (relative to the folder), else `labels.csv` of the folder, if there."""
        if self.labels_csv is not None:
            return self.source / self.labels_csv.expanduser()
        if self.format != import_formats.CSV:
            return None
        beside = self.source / LABELS_CSV
        return beside if beside.is_file() else None


def read_list(request: ImportRequest) -> ImportList:
    """The clips that the request names, each with its resolved path.

    Raises:
        StudioError: the folder or list can't be read, or a share lies outside [0, 1].
    """
    for name, share in (("labelled", request.labelled_share), ("test", request.test_share)):
        if not 0 <= share <= 1:
            raise StudioError(f"The {name} share is {share}; it must lie between 0 and 1.")
    try:
        listed = import_formats.read(
            request.source, request.labels, request.format, least_frames=request.least_frames
        )
        return replace(listed, clips=tuple(replace(clip, path=clip.path.resolve()) for clip in listed.clips))
    except (DatasetError, OSError, RuntimeError, ValueError) as error:
        raise StudioError(f"{error}") from error


def place_fresh(session: Session, request: ImportRequest, listed: Sequence[ListedClip]) -> list[PlacedClip]:
    """The clips that the project does not have yet, placed, under keys that no other clip bears."""
    keys, sources = clips.keys(session), clips.sources(session)
    fresh = []
    for clip in listed:
        if (str(clip.path), clip.start, clip.end) in sources:
            continue
        key, number = clip.key, 1
        while key in keys:  # another folder has a clip of this name
            folder = request.source.name if number == 1 else f"{request.source.name} {number}"
            key, number = f"{folder}/{clip.key}", number + 1
        keys.add(key)
        fresh.append(replace(clip, key=key))
    return divide(
        fresh, labelled_share=request.labelled_share, test_share=request.test_share, seed=request.seed
    )
