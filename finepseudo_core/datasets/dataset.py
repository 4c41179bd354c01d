"""A folder of clips and what annotates it: the one thing that every command without the studio is given."""

import zlib
from dataclasses import dataclass
from pathlib import Path

from finepseudo_core.datasets.formats import VARIANTS
from finepseudo_core.datasets.formats.listing import ImportList
from finepseudo_core.datasets.whole_clips import OnClip, read_whole


@dataclass(frozen=True)
class Dataset:
    """Where clips are, and what is known of them.

    Args:
        folder: folder of the clips.
        format: what the annotation is, a name as `formats.read_format` takes it.
        annotations: where it is, None for the folder.
        cuts: folder for clips that the annotation cuts out of longer videos, found there the next time.
        least_frames: clips with fewer frames are told and left out; 0 for none.
        phases: a CSV `path,phase,start_frame,end_frame` whose paths are the clips' keys; None where the
            annotation itself tells their phases.
    """

    folder: Path
    format: str = "csv_folder"
    annotations: Path | None = None
    cuts: Path = Path("build/cuts")
    least_frames: int = 0
    phases: Path | None = None

    @property
    def name(self) -> str:
        """Name of the folder, and which of its clips: results and scratch files go by it."""
        base, colon, part = self.format.partition(":")
        chosen = [base] if base in VARIANTS or colon else []
        chosen += [Path(part).stem] if colon else []
        if Path(part).is_file():  # lists of classes may share a name
            chosen.append(f"{zlib.crc32(Path(part).read_bytes()):08x}")
        return "-".join(
            [self.folder.name, *chosen, *([f"least{self.least_frames}"] if self.least_frames else [])]
        )

    def read(self, on_clip: OnClip = lambda done, clips: None) -> ImportList:
        """The clips that the annotation lists, each a whole video.

        Args:
            on_clip: called with the number of clips cut and of all to cut, where clips are parts of videos.

        Raises:
            DatasetError: a file is absent or malformed, or `cuts` can't be written.
            ValueError: there is no such format or part.
        """
        return read_whole(
            self.folder,
            self.format,
            self.annotations,
            cuts=self.cuts,
            least_frames=self.least_frames,
            on_clip=on_clip,
        )
