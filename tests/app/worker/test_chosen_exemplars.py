"""A round of the studio obeys pins and bans as they stood when it was queued, under the names of then."""

import pytest
from sqlalchemy import select

from app.services import class_exemplars, users
from db.models import TestPrediction
from db.repositories import classes, clips, exemplars, rounds
from tests.app.worker import squares


def labelled(studio, name: str) -> list[int]:
    """Training clips that are labelled with a class, by key."""
    with studio.database.read() as session:
        ids = {row.name: row.id for row in classes.listing(session)}
        found, _ = clips.page(
            session, round_id=None, iteration=-1, split="train", label="labelled", class_id=ids[name]
        )
        return [row.Clip.id for row in found]


@pytest.mark.slow
def test_pins_bans_and_names_are_those_of_the_start(imported):
    ada = users.create(imported, "ada")[0].id
    with imported.database.read() as session:
        ids = {row.name: row.id for row in classes.listing(session)}
    (up, up_too), (down, down_too) = labelled(imported, "up"), labelled(imported, "down")
    class_exemplars.choose(imported, ada, ids["up"], up_too, "pinned")
    class_exemplars.choose(imported, ada, ids["down"], down, "banned")
    first = squares.queue_round(imported)
    class_exemplars.choose(imported, ada, ids["up"], up_too, "banned")  # too late for this round
    class_exemplars.choose(imported, ada, ids["down"], down, None)
    with imported.database.write() as session:
        classes.change(session, after={str(ids["up"]): {"name": "above"}})
    assert squares.work(imported, first, seconds=180) == "succeeded"
    row = squares.round_of(imported, first)
    with imported.database.read() as session:
        galleries = exemplars.of_round(session, round_id=row.id)
        told = list(session.scalars(select(TestPrediction).where(TestPrediction.round_id == row.id)))
    assert (galleries[ids["up"]], galleries[ids["down"]]) == ([up_too], [down_too])
    assert len(galleries[ids["left"]]) == 2
    assert len(told) == 4
    assert {one.class_id for one in told} <= set(ids.values())

    second = squares.queue_round(imported)
    assert squares.work(imported, second, seconds=180) == "succeeded"
    row = squares.round_of(imported, second)
    with imported.database.read() as session:
        assert exemplars.of_round(session, round_id=row.id)[ids["up"]] == [up]
        assert sorted(rounds.class_ids(session, round_id=row.id)) == ["above", "down", "left", "right"]
        parent = rounds.get(session, round_id=row.parent_id)
        assert rounds.former_names(session, row=row, parent=parent) == {"above": "up"}
