"""Progress of a command on the terminal."""

import sys
from typing import TextIO


class ProgressLine:
    """One line that is written over in a terminal; elsewhere a line per stage.

    Args:
        out: where to; standard output by default. A command whose result goes there says standard error.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.stage = ""
        self.written = False

    def show(self, stage: str, step: int, steps: int, eta_seconds: float | None = None) -> None:
        """Say where the work is."""
        if self.out.isatty():
            eta = f", {eta_seconds:.0f} s to go" if eta_seconds else ""
            print(f"\r{f'{stage} {step}/{steps}{eta}':<70}", end="", flush=True, file=self.out)
            self.written = True
        elif stage != self.stage:
            print(f"{stage} ({steps})", flush=True, file=self.out)
        self.stage = stage

    def end(self) -> None:
        """Leave the line as it is."""
        if self.written:
            print(file=self.out)
