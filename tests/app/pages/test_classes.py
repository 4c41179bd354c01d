"""The Classes page: what it shows, who may change what, and that a link leads to the class that is meant."""

from collections.abc import Iterator

import pytest

from app.services import class_attributes, class_changes, class_exemplars, datasets, review, users
from app.signatures import make_cookie
from tests.app.pages.test_pages import texts
from tests.app.services.test_review import event
from tests.filled_project import CLASSES, Filled, filled_project


@pytest.fixture
def tested(tmp_path) -> Iterator[Filled]:
    """A project with test clips, and a correction: a proposal turned into another class."""
    project = filled_project(tmp_path / "project", unlabelled=24, tested=12)
    clip = datasets.clip(project.studio, project.proposed[0])
    known = dict(review.classes(project.studio))
    other = next(class_id for class_id in known if class_id != clip.proposed.class_id)
    said = {"predicted_class_id": clip.proposed.class_id, "round_id": clip.proposed.round_id}
    review.record(project.studio, project.owner_id, [event("correct", clip.id, class_id=other, **said)])
    yield project
    project.studio.close()


def name_of(project: Filled, class_id: int) -> str:
    return dict(review.classes(project.studio))[class_id]


def test_the_overview_counts_every_class(filled, open_page):
    test = open_page(filled, "classes")
    table = test.dataframe[0].value
    assert list(table["Class"]) == list(CLASSES)
    assert list(table["Labelled"]) == [2] * 6
    assert table["Waiting"].sum() == 24
    assert "1 is a perfect match. Round 2 measured it on" in texts(test)


def test_an_empty_project_says_where_classes_come_from(empty, open_page):
    assert "They come with the labels of an import" in open_page(empty, "classes").info[0].value


def test_names_are_shown_as_text(filled, open_page):
    place = CLASSES.index("<img src=x onerror=alert(1)> & <b>bold</b>")
    test = open_page(filled, "classes", **{"class": str(review.classes(filled.studio)[place][0])})
    (title,) = [element.value for element in test.markdown if element.value.startswith("### ")]
    assert title == r"### \<img src\=x onerror\=alert\(1\)\> \& \<b\>bold\<\/b\>"
    assert not [line for line in texts(test).splitlines() if "<img src=x" in line]


@pytest.mark.parametrize("wanted", ["999999", "x", "-1", "٣", "99999999999999"])
def test_a_link_to_no_class_says_so(filled, open_page, wanted):
    assert "There is no class" in open_page(filled, "classes", **{"class": wanted}).error[0].value


def test_a_class_is_created_and_the_change_undone(filled, open_page):
    test = open_page(filled, "classes")
    test.text_input(key="new_class").set_value("inward dive").run()
    test.button(key="create_class").click().run()
    assert not test.exception
    assert "inward dive" in dict(review.classes(filled.studio)).values()
    change = class_changes.history(filled.studio)[0]
    test.button(key=f"undo_change_{change.id}").click().run()
    assert not test.exception
    assert "inward dive" not in dict(review.classes(filled.studio)).values()


def test_a_bad_name_is_refused_in_words(filled, open_page):
    test = open_page(filled, "classes")
    test.text_input(key="new_class").set_value(CLASSES[0]).run()
    test.button(key="create_class").click().run()
    assert "already" in test.error[0].value
    assert class_changes.history(filled.studio) == ()


def test_renaming_and_merging_from_the_class_s_page(filled, open_page):
    first, second = (class_id for class_id, _ in review.classes(filled.studio)[:2])
    test = open_page(filled, "classes", **{"class": str(first)})
    test.text_input(key=f"rename_{first}_0").set_value("front dive").run()
    test.button(key="rename_class").click().run()
    assert name_of(filled, first) == "front dive"
    test.selectbox(key=f"merge_{first}_1").select(second).run()
    test.button(key="merge_class").click().run()
    assert not test.exception
    assert first not in dict(review.classes(filled.studio))
    assert test.query_params["class"] in (str(second), [str(second)])
    assert "merged: front dive" in texts(test)
    again = open_page(filled, "classes", **{"class": str(first)})
    assert "merged: front dive" in texts(again)


def test_a_reviewer_changes_nothing(filled, open_page):
    user, _ = users.create(filled.studio, "guest")
    cookie = make_cookie(filled.studio.secret, user.id)
    for query in ({}, {"class": str(review.classes(filled.studio)[0][0])}):
        test = open_page(filled, "classes", cookie=cookie, **query)
        keys = {button.key for button in test.button}
        assert not keys & {
            "create_class",
            "rename_class",
            "merge_class",
            "save_attributes",
            "read_attributes",
        }


def test_a_pasted_table_describes_the_classes(filled, open_page):
    test = open_page(filled, "classes")
    names = [name.replace('"', '""') for name in CLASSES[:2]]
    text = f'class,takeoff\n"{names[0]}",forward\n"{names[1]}",back'
    test.text_area(key="pasted_0").set_value(text).run()
    test.button(key="read_attributes").click().run()
    assert not test.exception
    assert not test.error
    assert [values.get("takeoff") for values in class_attributes.attributes(filled.studio).values()][:3] == [
        "forward", "back", None,
    ]  # fmt: skip
    assert "At most **1 question** leads through 6 classes" in texts(test)
    test.text_area(key="pasted_1").set_value("nonsense").run()
    test.button(key="read_attributes").click().run()
    assert "at least one class" in test.error[0].value


def test_a_confusion_leads_to_its_clips(tested, open_page):
    clip = datasets.clip(tested.studio, tested.proposed[0])
    said = clip.proposed.class_id
    test = open_page(tested, "classes", **{"class": str(clip.label_id)})
    assert f"said_{said}_{clip.label_id}_class" in [button.key for button in test.button]
    assert "owner corrected as" in texts(test).replace("\\", "")
    browse = open_page(tested, "browse", said=str(said), **{"is": str(clip.label_id)})
    assert "1 to 1 of 1 clips" in texts(browse)
    browse.button(key="unlink").click().run()
    assert "of 48 clips" in texts(browse)


def test_test_clips_are_told_against_what_they_are(tested, open_page):
    from app.services import class_cards

    class_id = review.classes(tested.studio)[0][0]
    found = class_cards.confusion(tested.studio, class_id).tested
    assert sum(mixed.clips for mixed in found if mixed.is_id == class_id) == 2
    wrong = next(mixed for mixed in found if mixed.said_id != mixed.is_id)
    browse = open_page(tested, "browse", tested=str(wrong.said_id), **{"is": str(wrong.is_id)})
    assert f"of {wrong.clips} clips" in texts(browse)


def test_pinning_is_what_the_page_says(filled, open_page):
    class_id = review.classes(filled.studio)[0][0]
    found, _ = class_exemplars.of_class(filled.studio, class_id)
    assert "Pin some, and it uses those alone" in texts(
        open_page(filled, "classes", **{"class": str(class_id)})
    )
    class_exemplars.choose(filled.studio, filled.owner_id, class_id, found[0].clip.id, "pinned")
    said = texts(open_page(filled, "classes", **{"class": str(class_id)}))
    assert "compares clips with the one you pinned, and no others" in said


def test_deciding_in_a_callback_reads_what_was_typed_without_a_rerun():
    """`st.session_state[...]` in a callback may end it before anything is saved."""
    import ast

    from tests.app.pages.test_transactions import APP, calls, functions

    for path in ("views/class_changes.py", "views/class_attributes.py", "views/class_detail.py"):
        for name in ("create", "rename", "merge", "read", "save", "choose"):
            if saving := functions(APP / path).get(name):
                reads = [call for call in calls(saving) if call.startswith("st.")]
                assert not reads, (path, name, ast.unparse(saving))
