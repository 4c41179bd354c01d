"""The commands that put a whole project into one file, and make a project of such a file."""

from argparse import Namespace
from contextlib import closing
from pathlib import Path

from app import settings
from app.progress_line import ProgressLine
from app.services import restore, snapshots
from app.services.studio import open_studio


def run_snapshot(options: Namespace) -> int:
    """Write the whole project into one file, also while the studio runs."""
    line = ProgressLine()
    with closing(open_studio(settings.load(options.project))) as studio:
        target = options.file.expanduser().resolve()
        snapshots.write(
            studio,
            target,
            videos=options.with_videos,
            notify=lambda done, of: line.show("megabytes", done // 1_000_000, max(1, of // 1_000_000)),
        )
    line.end()
    print(f"{target} holds the project{'' if options.with_videos else ' without its videos'}.")
    return 0


def run_restore(options: Namespace) -> int:
    """Make the project that a snapshot holds, in a new folder."""
    moved = dict(map(_moved, options.videos))
    found = restore.restore(options.file.expanduser().resolve(), settings.load(options.project), moved)
    print(f"{found.project} holds {found.clips} clips. People sign in with the tokens they have.")
    if found.stopped:
        print(f"{found.stopped} jobs were at work when the snapshot was made; resume them in the studio.")
    if found.read_again:
        print(f"{found.read_again} videos are not in the snapshot; a worker reads them from their sources.")
    if found.without_video:
        print(
            f"{found.without_video} clips have no video here: they can be reviewed, but no round learns from "
            "them. Restore again with --videos OLD=NEW, or from a snapshot made --with-videos."
        )
    for folder, count in found.missing.items():
        print(f"missing: {folder}: {count} clips came from there; --videos {folder}=NEW says where it is now")
    if found.broken_verdicts:
        print(f"{found.broken_verdicts} verdicts had been changed before the snapshot was made; see doctor.")
    return 0


def _moved(text: str) -> tuple[Path, Path]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise ValueError(f"--videos {text!r} is not like OLD=NEW; write it like /old/videos=/mnt/videos.")
    return Path(old), Path(new)
