"""How high tables are, and long names in little room."""

from typing import Literal

ROWS = 12  # rows up to which a table is as high as what it holds
MOST = 430  # pixels of a longer one, which scrolls


def table_height(rows: int) -> int | Literal["content"]:
    """Height of a table of so many rows."""
    return "content" if rows <= ROWS else MOST


def shortened(name: str, longest: int) -> str:
    """A name in little room; the middle goes, as names that begin alike are told apart by their end."""
    if len(name) <= longest:
        return name
    end = (longest - 1) // 2
    return f"{name[: longest - 1 - end].rstrip()}…{name[-end:].lstrip()}"
