"""The Browse page without a browser: its address, its filters, many clips at once, similar clips."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.components.clip_grid import picked_clips
from app.services import bulk_accept, clip_listing, datasets, review
from app.services.clip_cards import ClipFilter
from app.views import browse_address
from app.views.browse_address import read
from app.views.browse_bulk import Work, ask
from app.views.browse_filters import LABELS, SORTS
from tests.app.pages.test_pages import texts
from tests.db.rows import add_clips
from tests.filled_project import CLASSES, filled_project


def address(test) -> dict[str, str]:
    """The address, one value per name."""
    return {name: value[0] if isinstance(value, list) else value for name, value in test.query_params.items()}


def work_of(test) -> Work:
    return test.session_state["browse_work"]


def test_what_widgets_say_goes_into_the_address_and_back(filled, open_page):
    test = open_page(filled, "browse")
    test.selectbox(key="label").select("accepted").run()
    test.slider(key="confidence").set_value((60, 90)).run()
    test.selectbox(key="sort").select("confidence").run()
    test.button(key="order").click().run()
    test.text_input(key="search").set_value("clip 0").run()
    assert address(test) == {
        "label": "accepted", "confidence": "60-90", "sort": "confidence", "order": "up", "name": "clip 0",
    }  # fmt: skip
    shown = texts(test)
    again = open_page(filled, "browse", **address(test))
    assert texts(again) == shown
    assert again.slider(key="confidence").value == (60, 90)
    again.button(key="chip_confidence").click().run()
    assert "confidence" not in address(again)
    assert again.slider(key="confidence").value == (0, 100)
    again.button(key="unlink").click().run()
    assert address(again) == {"sort": "confidence", "order": "up"}
    assert "of 36 clips" in texts(again)


def test_the_widgets_follow_the_address_when_the_browser_goes_back(filled, open_page):
    test = open_page(filled, "browse", label="labelled")
    assert "of 12 clips" in texts(test)
    del test.query_params["label"]
    test.run()
    assert test.selectbox(key="label").value is None
    assert "of 36 clips" in texts(test)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"round": "1"}, 36), ({"round": "1", "confidence": "0-100"}, 36), ({"split": "test"}, 0),
        ({"state": "ready"}, 36), ({"by": "1"}, 0), ({"round": "7", "confidence": "1-100"}, 0),
        ({"class": "999"}, 0), ({"label": "nonsense", "sort": "x", "page": "-3"}, 36), ({"is": "x"}, 0),
    ],
)  # fmt: skip
def test_an_address_is_taken_as_it_is(filled, open_page, query, count):
    test = open_page(filled, "browse", **query)
    assert not test.error
    assert (f"of {count} clips" in texts(test)) if count else ("No clip matches" in test.info[0].value)


def test_another_round_shows_what_that_one_proposed(filled, open_page):
    wanted = {"round": "1", "sort": "confidence"}
    asked = read(wanted).filter()
    assert asked == ClipFilter(round_number=1)
    cards = clip_listing.clips(filled.studio, asked, sort="confidence", descending=True).clips
    assert cards[0].proposed.round_number == 1
    assert clip_listing.clips(filled.studio).clips[-1].proposed.round_number == 2
    assert "proposals of round 1" in texts(open_page(filled, "browse", **wanted)).replace("\\", "")


def test_a_page_behind_the_last_shows_the_last(tmp_path, open_page):
    project = filled_project(tmp_path / "project", labelled=6, unlabelled=70)
    test = open_page(project, "browse", page="9")
    assert "61 to 76 of 76 clips" in texts(test)
    assert test.button(key="Later").disabled
    test.button(key="Earlier").click().run()
    assert "1 to 60 of 76 clips" in texts(test)
    assert "page" not in address(test)
    test.button(key="Later").click().run()
    assert address(test) == {"page": "2"}
    test.selectbox(key="label").select("labelled").run()
    assert address(test) == {"label": "labelled"}
    project.studio.close()


def test_no_clip_and_one_clip_say_what_to_do(empty, open_page):
    assert "Transfer page" in open_page(empty, "browse").info[0].value
    with empty.studio.database.write() as session:
        (only,) = add_clips(session, 1)
    assert "1 to 1 of 1 clips" in texts(open_page(empty, "browse"))
    assert "Start one on the Rounds page" in texts(open_page(empty, "browse", clip=str(only)))


def test_up_to_twenty_are_accepted_at_once_and_undone_with_one_press(filled, open_page):
    test = open_page(filled, "browse")
    work_of(test).chosen = set(filled.proposed[:5])
    test.run()
    assert "5 selected" in texts(test)
    test.button(key="bulk_accept").click().run()
    assert not test.exception
    assert "5 clips accepted" in test.success[0].value.replace("\\", "")
    assert not work_of(test).chosen
    assert all(datasets.clip(filled.studio, each).decision == "accept" for each in filled.proposed[:5])
    test.button(key="undo_bulk").click().run()
    assert "5 clips taken back" in test.success[0].value.replace("\\", "")
    assert not [each for each in filled.proposed[:5] if datasets.clip(filled.studio, each).decision]
    assert "undo_bulk" not in [button.key for button in test.button]


def test_more_than_twenty_are_accepted_after_the_sample_only(filled, open_page):
    test = open_page(filled, "browse", label="unlabelled")
    work_of(test).chosen = {filled.proposed[0]}
    test.run()
    test.button(key="select_all").click().run()
    assert work_of(test).chosen == set(filled.proposed)
    test.button(key="bulk_accept").click().run()
    bulk = work_of(test).bulk
    assert "Look at 10 of 24 first" in texts(test)
    assert "carry_out" not in [button.key for button in test.button]
    test.button(key="leave_bulk").click().run()
    test.button(key="bulk_accept").click().run()
    assert work_of(test).bulk is bulk, "the same clips draw no new sample"
    looks = [
        {"uuid": f"00000000-0000-4000-8000-{each:012d}", "clip_id": each, "right": each != bulk.sample[0]}
        for each in bulk.sample
    ]
    bulk_accept.look(filled.studio, filled.owner_id, bulk, looks)
    test.run()
    assert "9 of 10 right: between 60 % and 98 % of these 24 are right" in test.warning[-1].value
    test.button(key="carry_out").click().run()
    assert not test.exception
    assert "14 clips accepted" in test.success[0].value.replace("\\", "")
    assert datasets.clip(filled.studio, bulk.sample[0]).decision == "reject"
    assert clip_listing.clips(filled.studio, ClipFilter(reviewer_id=filled.owner_id)).total == 24


def test_all_selected_are_of_one_class(filled, open_page):
    test = open_page(filled, "browse")
    work_of(test).chosen = set(filled.proposed[:3])
    test.run()
    class_id, name = review.classes(filled.studio)[3]
    assert name == CLASSES[3]
    test.selectbox(key="bulk_class").select(class_id).run()
    test.button(key="bulk_label").click().run()
    assert {datasets.clip(filled.studio, each).label_name for each in filled.proposed[:3]} == {name}


def test_flagging_many_asks_for_a_note_and_a_confirmation(filled, open_page):
    test = open_page(filled, "browse")
    work_of(test).chosen = set(filled.proposed[:22])
    test.run()
    assert test.button(key="bulk_flag").disabled
    test.text_input(key="bulk_note").set_value("<b>dark</b>").run()
    test.button(key="bulk_flag").click().run()
    test.button(key="carry_out").click().run()
    assert "22 clips flagged" in test.success[0].value


def test_a_selection_of_which_nothing_can_be_accepted_says_why(filled):
    work = Work(chosen={1, 2})
    ask(filled.studio, filled.owner_id, work, "accept", None)
    assert work.bulk is None
    assert "2 decided already" in work.told[1]


def test_similar_clips_are_shown_with_who_says_what_they_are(filled, open_page):
    test = open_page(filled, "browse", clip=str(filled.proposed[0]))
    assert "round 2 sees much the same postures and movements" in texts(test)


def test_every_word_of_the_address_has_its_name_on_the_page():
    assert set(LABELS) == set(browse_address.WORDS["label"][1])
    assert set(SORTS) == set(clip_listing.SORTS)


@given(
    some.dictionaries(
        some.sampled_from([*browse_address.FILTERS, "sort", "order", "page"]),
        some.text() | some.from_regex(r"[0-9]{0,12}-?[0-9]{0,12}", fullmatch=True),
    )
)
def test_any_address_is_read(query):
    view = read(query)
    assert view.page >= 1
    asked = view.filter()
    assert all(0 < bound < 1 or bound in (0, 1) for bound in (
        asked.least_confidence or 0, asked.most_confidence or 0, asked.least_alignability or 0,
        asked.most_alignability or 0,
    ))  # fmt: skip
    again = {name: browse_address.written(name, value) for name, value in view.asked.items()}
    assert read({name: text for name, text in again.items() if text}).asked == view.asked


@pytest.mark.parametrize(
    "sent", [None, 3, {}, {"at": "x"}, {"at": 1, "shown": 3}, {"at": 1, "clip_ids": [1]}]
)
def test_a_selection_that_is_none_selects_nothing(monkeypatch, sent):
    from app.components import clip_grid

    class State:
        session_state = {"grid": {"picked": sent}}

        class State(dict):
            def to_dict(self):
                return dict(self)

    monkeypatch.setattr(clip_grid.st, "session_state", State.State(State.session_state))
    picked = picked_clips("grid")
    assert picked is None or not picked.clip_ids
