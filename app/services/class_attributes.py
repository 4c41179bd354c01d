"""What is known about classes: takeoff, twists, position, or whatever else tells them apart."""

import csv
import io
from collections.abc import Mapping

from app.services.studio import Studio, StudioError
from db.repositories import classes

LONGEST = 60
MOST = 20
Attributes = Mapping[int, Mapping[str, str]]


def attributes(studio: Studio) -> dict[int, dict[str, str]]:
    """Class id -> attribute -> value, for every class that stands, in their order."""
    with studio.database.read() as session:
        return {row.id: dict(row.attributes) for row in classes.listing(session)}


def with_names(studio: Studio) -> tuple[tuple[int, str, dict[str, str]], ...]:
    """Every class that stands as (id, name, attribute -> value), in their order."""
    with studio.database.read() as session:
        return tuple((row.id, row.name, dict(row.attributes)) for row in classes.listing(session))


def names_of(known: Attributes) -> tuple[str, ...]:
    """The attributes that any class has, in the order in which they first come up."""
    return tuple(dict.fromkeys(name for values in known.values() for name in values))


def read_attributes(values: Mapping[str, object]) -> dict[str, str]:
    """Attribute -> value as they are kept: without spaces around them, and without empty values.

    Raises:
        StudioError: too many of them, or a name or value is too long or not printable.
    """
    read = {}
    for name, value in values.items():
        key, text = (" ".join(str(part).split()) if part is not None else "" for part in (name, value))
        if not text:
            continue
        for part in (key, text):
            if not part or len(part) > LONGEST or not part.isprintable():
                raise StudioError(
                    f"{part[:80]!r} can't be an attribute or a value; use 1 to {LONGEST} visible characters."
                )
        read[key] = text
    if len(read) > MOST:
        raise StudioError(f"A class has {len(read)} attributes; at most {MOST} are possible.")
    return read


def read_csv(studio: Studio, text: str) -> dict[int, dict[str, str]]:
    """Attributes from a table pasted as CSV, TSV or with semicolons: the first column is called class.

    Other columns are attributes; a class that is not listed keeps its own, an empty cell means none.

    Raises:
        StudioError: there is no such column, a class is unknown or listed twice, or a value is too long.
    """
    lines = text.lstrip("\ufeff").strip().splitlines()
    if len(lines) < 2:
        raise StudioError("Paste a line of column names and at least one class below it.")
    separator = max("\t;,", key=lines[0].count)
    rows = list(csv.reader(io.StringIO("\n".join(lines), newline=""), delimiter=separator))
    head = [cell.strip() for cell in rows[0]]
    if head[0].casefold() not in ("class", "name", "label"):
        raise StudioError(f"The first column is called {head[0][:40]!r}; it must be called class.")
    if len({name.casefold() for name in head}) != len(head) or not all(head):
        raise StudioError("Every column needs a name of its own.")
    with studio.database.read() as session:
        known = {row.name.casefold(): row.id for row in classes.listing(session)}
        known |= {row.name: row.id for row in classes.listing(session)}
    found: dict[int, dict[str, str]] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        name = " ".join(cells[0].split())
        class_id = known.get(name, known.get(name.casefold()))
        if class_id is None:
            raise StudioError(f"Line {number}: there is no class {name[:80]!r}; create it first.")
        if class_id in found:
            raise StudioError(f"Line {number}: {name[:80]!r} is listed twice.")
        if len(cells) > len(head):
            raise StudioError(f"Line {number} has {len(cells)} cells for {len(head)} columns.")
        found[class_id] = read_attributes(dict(zip(head[1:], cells[1:], strict=False)))
    return found
