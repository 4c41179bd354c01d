"""What every command that reads an annotation takes: its format, and how short a clip may be."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable

from finepseudo_core.datasets.formats import FORMATS, check_name


def add_arguments(parser: ArgumentParser) -> None:
    """`--format` and `--least-frames`."""
    parser.add_argument(
        "--format",
        type=checked(check_name),
        default="csv_folder",
        metavar="NAME[:PART]",
        help=f"what the annotation is, csv_folder if not told: {', '.join(FORMATS)}; with :PART some of its "
        "classes, as finegym288:VT, or ssv2:FILE with a class name on each line",
    )
    parser.add_argument(
        "--least-frames",
        type=whole_number,
        default=0,
        metavar="N",
        help="list clips with fewer frames and leave them out; opens every video",
    )


def checked(check: Callable[[str], str]) -> Callable[[str], str]:
    """A check that raises ValueError, as a type of argparse, which then shows its words."""

    def convert(text: str) -> str:
        try:
            return check(text)
        except ValueError as error:
            raise ArgumentTypeError(f"{error}") from error

    return convert


def whole_number(text: str) -> int:
    """A whole number, 0 or more."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a whole number, 0 or more")
    return int(text)
