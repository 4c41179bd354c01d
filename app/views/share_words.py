"""Measured shares in words for people who know sport and not statistics."""

from app.services.round_cards import Measured


def out_of_ten(share: Measured) -> str:
    """A share as people say it: "8 of 10"; by the hundred where tens would hide what is wrong."""
    if share.right in (0, share.of):
        return f"{'all' if share.right else 'none'} of {share.of}"
    tens = round(share.value * 10)
    return f"{tens} of 10" if 0 < tens < 10 else f"{round(share.value * 100)} of 100"


def with_range(share: Measured | None) -> str:
    """A share with its range and what it was counted on, for the cell of a table."""
    if share is None:
        return "–"
    return f"{share.value:.0%}  ({share.low:.0%} to {share.high:.0%}, {share.of})"


def likely(share: Measured) -> str:
    """The range in words."""
    return f"between {share.low:.0%} and {share.high:.0%}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 clip", "1,204 clips"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def points(difference: float) -> str:
    """A difference of shares: "+12 points"."""
    whole = round(difference * 100)
    return f"{whole:+d} point{'' if abs(whole) == 1 else 's'}"
