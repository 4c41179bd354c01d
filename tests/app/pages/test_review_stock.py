"""What a reviewer's browser has ahead: a verdict takes its clip out, and only a low stock asks the queue."""

import uuid

import pytest

from app.resources import Visit
from app.services import queue, users
from app.views import review_stock
from app.views.review_stock import AHEAD, FEWEST, ReviewStock
from tests.filled_project import filled_project

MARGIN = ("margin", None)


class Reviewer:
    """A person with a screen; `asked` counts how often the queue was asked."""

    def __init__(self, project, monkeypatch) -> None:
        self.guest = Visit(project.studio, users.get(project.studio, project.owner_id))
        self.stock, self.asked = ReviewStock(), 0
        whole = queue.next_items

        def counted(*arguments, **options):
            self.asked += 1
            return whole(*arguments, **options)

        monkeypatch.setattr(queue, "next_items", counted)

    def shown(self, name: str = "margin") -> dict:
        return self.stock.data(self.guest, name, None)

    def say(self, *events: dict) -> dict:
        self.stock.record(self.guest.studio, self.guest.user.id, events)
        return self.shown()


def said(kind: str, item: dict, **values) -> dict:
    """An event on an item as the browser sends it."""
    values = {
        "class_id": item["predicted_class_id"],
        "predicted_class_id": item["predicted_class_id"],
    } | values
    return {
        "uuid": str(uuid.uuid4()),
        "kind": kind,
        "clip_id": item["clip_id"],
        "round_id": item["round_id"],
    } | values


@pytest.fixture
def ada(tmp_path, monkeypatch):
    project = filled_project(tmp_path / "project", unlabelled=60)
    yield Reviewer(project, monkeypatch)
    project.studio.close()


def clips(data: dict) -> list[int]:
    return [item["clip_id"] for item in data["items"]]


def test_a_verdict_takes_its_clip_out_and_asks_for_no_other(ada):
    before = ada.shown()
    event = said("novel", before["items"][1], class_id=None)
    after = ada.say(event)
    assert clips(after) == [clips(before)[0], *clips(before)[2:]]
    assert after["acknowledged"] == [event["uuid"]]
    assert (after["reviewed"], after["waiting"]) == (before["reviewed"] + 1, before["waiting"] - 1)
    again = ada.say(event)  # sent once more, because the answer was slow
    assert again["acknowledged"] == [event["uuid"]]
    assert (again["reviewed"], again["items"]) == (after["reviewed"], after["items"])
    assert ada.asked == 1


def test_clips_set_aside_are_not_counted_as_reviewed(ada):
    before = ada.shown()
    after = ada.say(said("skip", before["items"][0], class_id=None))
    assert clips(after) == clips(before)[1:]
    assert (after["reviewed"], after["waiting"]) == (before["reviewed"], before["waiting"])


def test_a_low_stock_asks_the_queue_and_keeps_its_order(ada):
    data = ada.shown()
    assert len(data["items"]) == AHEAD
    judged = []
    while ada.asked == 1:
        judged.append(data["items"][0]["clip_id"])
        data = ada.say(said("novel", data["items"][0], class_id=None))
    assert len(judged) == AHEAD - FEWEST + 1
    assert len(data["items"]) == AHEAD
    assert not set(judged) & set(clips(data))
    assert data["reviewed"] == len(judged)


def test_undo_brings_the_clip_back(ada):
    first = ada.shown()["items"][0]
    event = said("novel", first, class_id=None)
    assert first["clip_id"] not in clips(ada.say(event))
    undo = {
        "uuid": str(uuid.uuid4()),
        "kind": "undo",
        "clip_id": first["clip_id"],
        "undoes_uuid": event["uuid"],
    }
    assert first["clip_id"] in clips(ada.say(undo))


def test_a_refused_verdict_leaves_its_clip_to_be_decided_on(ada):
    first = ada.shown()["items"][0]
    data = ada.say(said("correct", first, class_id=999_999))
    assert [reason for _, reason in data["refused"]] == ["There is no class 999999."]
    assert first["clip_id"] in clips(data)


def test_another_queue_and_a_minute_ask_anew(ada, monkeypatch):
    ada.shown()
    ada.shown("random")
    assert ada.asked == 2
    ada.shown("random")
    assert ada.asked == 2
    monkeypatch.setattr(review_stock, "RENEW_AFTER", -1.0)
    ada.shown("random")
    assert ada.asked == 3


def test_a_page_that_is_drawn_whole_learns_what_undo_takes_back(ada):
    first = ada.shown()["items"][0]
    event = said("novel", first, class_id=None)
    assert ada.say(event)["last"] is None  # this browser knows
    ada.stock.forget()
    last = ada.shown()["last"]
    assert (last["uuid"], last["item"]["clip_id"]) == (event["uuid"], first["clip_id"])
