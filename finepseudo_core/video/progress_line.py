"""Where a command that handles many videos is, as a line now and then."""

import sys
import time

SECONDS = 5.0  # between two lines


class ProgressLine:
    """Tells on standard error how many are done; call it with their number and the number of all.

    Args:
        what: what is counted, such as "videos".
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.said = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Say so after a while, and at the end."""
        if done == total or time.monotonic() - self.said >= SECONDS:
            sys.stderr.write(f"{done} of {total} {self.what}\n")
            self.said = time.monotonic()
