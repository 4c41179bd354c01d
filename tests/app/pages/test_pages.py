"""Every page through the router, on an empty and on a filled project."""

import pytest
from sqlalchemy import select

from app.services import datasets, phase_marks, rounds, users
from app.services.datasets import ClipFilter
from app.signatures import make_cookie
from db.models import Verdict
from db.repositories import jobs
from tests.db.rows import add_clips

PAGES = (
    "today", "review", "compare", "browse", "classes", "rounds", "evaluation", "quality", "transfer", "admin",
)  # fmt: skip


def texts(test) -> str:
    """Everything a page says."""
    kinds = ("title", "markdown", "caption", "text", "info", "error", "warning", "subheader", "button")
    said = [
        getattr(element, "value", "") or getattr(element, "label", "")
        for kind in kinds
        for element in test.get(kind)
    ]
    said += [element.label for element in test.button]
    said += [element.proto.body for element in test.get("html")]
    return "\n".join(map(str, said))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_an_empty_project(empty, open_page, page):
    open_page(empty, page)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_a_filled_project(filled, open_page, page):
    open_page(filled, page)


@pytest.mark.parametrize("page", PAGES)
def test_no_page_says_anything_to_a_stranger(filled, open_page, page):
    for cookie in (None, "1.9999999999.forged", make_cookie(b"another secret", filled.owner_id)):
        test = open_page(filled, page, cookie=cookie)
        assert [error.value for error in test.error] == [test.error[0].value]
        assert "not signed in" in test.error[0].value
        assert not test.title


def test_a_removed_person_is_shown_out_at_the_next_rerun(filled, open_page):
    user, _ = users.create(filled.studio, "guest")
    test = open_page(filled, "rounds", cookie=make_cookie(filled.studio.secret, user.id))
    assert not test.error
    users.remove(filled.studio, user.id)
    test.run()
    assert "not signed in" in test.error[0].value


def test_an_empty_project_is_led_to_the_import(empty, open_page):
    test = open_page(empty)
    assert "How it works" in texts(test)
    assert test.button(key="next").label == "Import clips"


def test_today_leads_to_review_when_proposals_wait(filled, open_page):
    test = open_page(filled)
    assert test.button(key="next").label == "Review now"


def test_a_missing_worker_is_said(filled, open_page):
    assert "No worker is running" in open_page(filled, "rounds").warning[0].value
    with filled.studio.database.write() as session:
        jobs.see_worker(session, owner="one", host="here", pid=1, device="cpu", lanes=["import", "round"])
    assert not open_page(filled, "rounds").warning


def test_a_deep_link_opens_the_clip_and_saving_its_label_is_one_row(filled, open_page):
    clip_id = filled.proposed[0]
    test = open_page(filled, "browse", clip=str(clip_id))
    clip = datasets.clip(filled.studio, clip_id)
    assert clip.key in texts(test)
    test.button(key=f"Save_{clip_id}").click().run()
    assert not test.exception
    with filled.studio.database.read() as session:
        (row,) = session.scalars(select(Verdict))
        assert (row.clip_id, row.kind, row.class_id) == (clip_id, "accept", clip.proposed.class_id)
    assert datasets.clip(filled.studio, clip_id).label_source == "verdict"
    assert "you accepted" in texts(test)


def test_the_same_press_twice_is_saved_once(filled):
    from app.services import review
    from app.views.clip_detail import _event

    clip = datasets.clip(filled.studio, filled.proposed[0])

    class Guest:
        studio, user = filled.studio, users.get(filled.studio, filled.owner_id)

    event = _event(Guest, clip, "novel", None, None)
    for _ in range(2):
        review.record(filled.studio, filled.owner_id, [event])
    with filled.studio.database.read() as session:
        assert len(session.scalars(select(Verdict)).all()) == 1


@pytest.mark.parametrize("wanted", ["999999", "x", "-1", "1e3", "٣"])
def test_a_link_to_no_clip_says_so(filled, open_page, wanted):
    assert "There is no clip" in open_page(filled, "browse", clip=wanted).error[0].value


def test_filters_narrow_the_grid(filled, open_page):
    test = open_page(filled, "browse")
    test.selectbox(key="label").select("labelled").run()
    assert "of 12 clips" in texts(test)
    test.text_input(key="search").set_value("no such file").run()
    assert "No clip matches" in test.info[0].value


def test_starting_a_round_queues_it_with_the_changed_setting(filled, open_page):
    test = open_page(filled, "rounds")
    test.number_input(key="cpu-demo|pseudo_labels.threshold").set_value(0.75).run()
    test.button(key="start").click().run()
    assert not test.exception
    newest = rounds.listing(filled.studio)[0]
    assert (newest.number, newest.state) == (3, "queued")
    assert newest.config["pseudo_labels"]["threshold"] == 0.75
    assert "start" not in [button.key for button in test.button]
    test.button(key="cancel").click().run()
    assert rounds.listing(filled.studio)[0].state == "cancelled"


def test_a_round_that_can_not_start_says_what_to_do(empty, open_page):
    test = open_page(empty, "rounds")
    test.button(key="start").click().run()
    assert test.error
    assert rounds.listing(empty.studio) == ()


def test_rolling_back_makes_the_round_before_active(filled, open_page):
    test = open_page(filled, "rounds")
    test.button(key="roll_back").click().run()
    assert rounds.active(filled.studio).number == 1


def test_a_dry_run_shows_bad_rows_and_changes_nothing(empty, open_page, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "one.mp4").write_bytes(b"\0" * 64)
    (folder / "labels.csv").write_text("path,label\none.mp4,dive\ngone.mp4,dive\n")
    test = open_page(empty, "transfer")
    test.text_input(key="folder").set_value(str(folder)).run()
    test.button(key="check").click().run()
    assert not test.exception
    assert "gone.mp4" in test.dataframe[0].value.to_string()
    assert datasets.clips(empty.studio).total == 0
    test.button(key="import").click().run()
    assert datasets.clips(empty.studio).total == 1
    assert datasets.imports(empty.studio)[0].state == "queued"


def test_a_slider_moved_after_the_dry_run_takes_the_plan_along(empty, open_page, tmp_path):
    videos = [f"{name}.mp4" for name in "abcdefgh"]
    for name in videos:
        (tmp_path / name).write_bytes(b"\0" * 64)
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(f"{name},dive\n" for name in videos))
    test = open_page(empty, "transfer")
    test.text_input(key="folder").set_value(str(tmp_path)).run()
    test.button(key="check").click().run()
    test.slider(key="labelled").set_value(50).run()
    test.button(key="import").click().run()
    assert not test.exception
    assert datasets.clips(empty.studio, ClipFilter(label="labelled")).total == 4


def test_a_folder_that_is_not_there_is_refused_in_words(empty, open_page):
    test = open_page(empty, "transfer")
    test.text_input(key="folder").set_value("/no/such/folder").run()
    test.button(key="check").click().run()
    assert "folder" in test.error[0].value


def compared(test) -> list[int]:
    """Clips that the address names."""
    values = (test.query_params[side] for side in "ab")
    return [int(value[0] if isinstance(value, list) else value) for value in values]


def test_comparing_needs_two_clips(empty, open_page):
    assert "two readable clips" in open_page(empty, "compare").info[0].value
    with empty.studio.database.write() as session:
        add_clips(session, 1)
    assert "two readable clips" in open_page(empty, "compare").info[0].value
    with empty.studio.database.write() as session:
        add_clips(session, 1, prefix="other")
    assert not open_page(empty, "compare").info


def test_a_link_names_the_two_clips_and_swapping_turns_them(filled, open_page):
    one, other = filled.proposed[:2]
    test = open_page(filled, "compare", a=str(one), b=str(other))
    assert compared(test) == [one, other]
    test.button(key="swap").click().run()
    assert not test.exception
    assert compared(test) == [other, one]


def test_without_a_link_two_clips_of_a_class_are_compared(filled, open_page):
    test = open_page(filled, "compare")
    one, other = (datasets.clip(filled.studio, clip_id) for clip_id in compared(test))
    assert one.id != other.id
    assert one.label_id == other.label_id is not None


def test_a_clip_found_by_name_and_class_is_compared(filled, open_page):
    test = open_page(filled, "compare")
    test.text_input(key="b_search").set_value("clip 01").run()
    label = datasets.clips(filled.studio, datasets.ClipFilter(search="clip 011")).clips[0]
    test.selectbox(key="b_class").select(label.label_id).run()
    options = test.selectbox(key="b_clip").options
    assert all("clip 01" in option and label.label_name in option for option in options)
    place = next(place for place, option in enumerate(options) if option.startswith("clip 011"))
    test.selectbox(key="b_clip").select_index(place).run()
    assert not test.exception
    assert compared(test)[1] == label.id


def test_stepping_takes_the_next_clip_as_b_and_comes_round(filled, open_page):
    clips = [clip.id for clip in datasets.clips(filled.studio).clips]
    test = open_page(filled, "compare", a=str(clips[3]), b=str(clips[-1]))
    test.button(key="later").click().run()
    assert compared(test)[1] == clips[0]
    test.button(key="earlier").click().run()
    assert compared(test)[1] == clips[-1]


@pytest.mark.parametrize("wanted", ["999999", "x", "-1", "٣"])
def test_a_comparison_with_no_clip_says_so_and_shows_another(filled, open_page, wanted):
    test = open_page(filled, "compare", a=str(filled.proposed[0]), b=wanted)
    assert "There is no clip" in test.error[0].value


def test_browse_leads_to_a_comparison(filled, open_page):
    clip_id = filled.proposed[0]
    test = open_page(filled, "browse", clip=str(clip_id))
    test.button(key=f"compare_{clip_id}").click().run()
    assert not test.exception
    assert compared(test)[0] == clip_id != compared(test)[1]


def test_phases_go_out_on_the_transfer_page(filled, open_page):
    assert "phases.csv" in texts(open_page(filled, "transfer"))
    name = "4a8f2b0e-6a53-4a3f-9d5c-1f3a2b4c5d6e"
    event = {"uuid": name, "kind": "mark", "clip_id": 1, "phase": "entry", "start_frame": 3}
    phase_marks.record(filled.studio, filled.owner_id, [event])
    test = open_page(filled, "transfer")
    assert "Clips with phases" in texts(test)
