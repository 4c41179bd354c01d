"""The Evaluation and Quality pages: what they say of the rows, where they lead, and what is missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services import evaluation, queue, review, review_quality, users
from app.services.agreement import agreement
from app.services.queue import BareItem
from app.views.evaluation_confidence import sure_sentence, threshold_sentence
from app.views.quality_agreement import strength
from app.views.share_words import out_of_ten, points
from app.views.tables import shortened
from tests.app.pages.test_pages import texts
from tests.app.services.test_review import event
from tests.filled_project import CLASSES, Filled, filled_project

VIEWS = [("evaluation", view) for view in ("rounds", "classes", "confusion", "confidence", "cost")]
VIEWS += [("quality", view) for view in ("agreement", "conflicts", "audit", "pace")]


def judge(folder: Path) -> Filled:
    """Two rounds with test clips and blind checks; the owner and bea judged 20 clips of the second one."""
    project = filled_project(folder, unlabelled=40, tested=24, finished_rounds=2, audited=True)
    studio, bea = project.studio, users.create(project.studio, "bea *star*")[0].id
    kinds = [class_id for class_id, _ in review.classes(studio)]
    items = queue.next_items(studio, project.owner_id, limit=20).items
    for place, item in enumerate(items):
        blind = isinstance(item, BareItem)
        said = {"class_id": kinds[place % 2], "round_id": 2, "seconds": 3.0, "blind": blind}
        other = {**said, "class_id": kinds[place % 2 if place % 5 else 2], "blind": False}
        review.record(studio, project.owner_id, [event("correct", item.clip_id, **said)])
        review.record(studio, bea, [event("correct", item.clip_id, **other)])
    return project


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> Iterator[Filled]:
    """A project that no test changes."""
    project = judge(tmp_path_factory.mktemp("judged") / "project")
    yield project
    project.studio.close()


@pytest.mark.parametrize(("page", "view"), VIEWS)
def test_every_view_opens_on_an_empty_project_and_says_what_to_do(empty, open_page, page, view):
    test = open_page(empty, page, view=view)
    assert len(test.info) == 1
    assert test.info[0].value.endswith(".")


def test_every_view_opens_where_nobody_has_judged_anything(filled, open_page):
    for page, view in VIEWS:
        assert texts(open_page(filled, page, view=view))


@pytest.mark.parametrize(("page", "view"), VIEWS)
def test_every_view_opens_where_much_was_judged(judged, open_page, page, view):
    test = open_page(judged, page, view=view)
    assert not test.info
    assert not [line for line in texts(test).splitlines() if "<img src=x" in line and "\\" not in line]


def test_rounds_stand_side_by_side_with_the_first_as_baseline(judged, open_page):
    table = open_page(judged, "evaluation").dataframe[0].value
    second, first = evaluation.scores(judged.studio)[::-1]
    assert list(table["Round"]) == [2, 1]
    difference = second.action.value - first.action.value
    assert list(table["Since round 1"]) == [points(difference), "–"]
    assert table["Test: action encoder"][0].endswith(", 24)")


def test_the_view_and_the_round_are_in_the_address(judged, open_page):
    test = open_page(judged, "evaluation", view="classes", round="1")
    assert test.selectbox(key="round").value == 1
    rows = evaluation.by_class(evaluation.confusion(judged.studio, 1))
    assert f"{rows[0].right.right} of its {rows[0].right.of} test clips" in texts(test)
    test.segmented_control(key="evaluation_view").set_value("confusion").run()
    assert test.query_params["view"] in ("confusion", ["confusion"])
    for bad in ("x", "99", "٣", "-1"):
        assert open_page(judged, "evaluation", view="classes", round=bad).selectbox(key="round").value == 2
    assert "Test clips told right" in texts(open_page(judged, "evaluation", view="nothing"))


def test_two_classes_chosen_show_their_clips(judged, open_page):
    found = evaluation.confusion(judged.studio, 2)
    most = found.mix_ups[0]
    test = open_page(judged, "evaluation", view="confusion")
    assert list(test.dataframe[0].value["Clips"]) == [mixed.clips for mixed in found.mix_ups]
    test.selectbox(key="really_2_test").select(most.is_id).run()
    test.selectbox(key="taken_2_test").select(most.said_id).run()
    assert not test.exception
    assert f"#### {most.clips} clip" in texts(test)
    test.segmented_control(key="side").set_value("accepted").run()
    assert not test.exception


def test_agreement_is_said_in_words_with_names_as_text(judged, open_page):
    found = agreement(judged.studio)
    test = open_page(judged, "quality")
    assert f"**{out_of_ten(found.alike)}**" in texts(test)
    assert strength(found.kappa.value) in texts(test)
    assert test.dataframe[0].value["People"][0] == "owner, bea *star*"
    assert test.dataframe[1].value["Clips"].sum() == found.alike.of - found.alike.right


def test_conflicts_lead_to_the_queue(judged, open_page):
    test = open_page(judged, "quality", view="conflicts")
    assert f"**{review_quality.conflicts(judged.studio)[1]} clips**" in texts(test)
    test.button(key="settle").click().run()
    assert not test.exception
    assert test.query_params["queue"] in ("conflicts", ["conflicts"])


def test_undone_verdicts_leave_every_figure(tmp_path, open_page):
    project = judge(tmp_path / "project")
    for card in review.history(project.studio, project.owner_id, limit=50):
        undo = event("undo", card.clip_id, undoes_uuid=card.uuid)
        review.record(project.studio, project.owner_id, [undo])
    assert "No clip has been judged by two people" in texts(open_page(project, "quality"))
    assert "No blind check is answered yet" in texts(open_page(project, "quality", view="audit"))
    project.studio.close()


def test_sentences_say_what_the_figures_show():
    def bin_of(low: float, right: int, of: int):
        return evaluation.Bin(low, low + 0.1, low + 0.05, evaluation.measured(right, of))

    known = [bin_of(0.6, 12, 20), bin_of(0.9, 18, 20)]
    assert sure_sentence(known) == (
        "Of 10 proposals that the round is 90% to 100% sure of, **9** are right. On the whole it is 80% sure "
        "and 75% right: about as sure as it should be."
    )
    assert "60% to 70% sure of, **6** are right" in sure_sentence([known[0], bin_of(0.9, 1, 1)])
    assert "surer than it should be" in sure_sentence([bin_of(0.9, 12, 20)])
    steps = [
        evaluation.Threshold(0.5, 1.0, 40, evaluation.measured(30, 40)),
        evaluation.Threshold(0.9, 0.5, 20, evaluation.measured(18, 20)),
    ]
    assert threshold_sentence(steps, 0.5).endswith("For 9 right of 10, accept from 90% on: 50% of them.")
    assert "accepted, and **8 of 10** of them are right" in threshold_sentence(steps, 0.5)
    assert "No threshold" in threshold_sentence(steps[:1], 0.5)


@pytest.mark.parametrize(
    ("right", "of", "words"),
    [
        (12, 12, "all of 12"),
        (0, 3, "none of 3"),
        (17, 20, "8 of 10"),
        (97, 100, "97 of 100"),
        (1, 50, "2 of 100"),
    ],
)
def test_shares_are_said_by_ten_or_by_a_hundred(right, of, words):
    assert out_of_ten(evaluation.measured(right, of)) == words


def test_names_keep_their_end_when_they_are_shortened():
    assert shortened(CLASSES[0], 60) == CLASSES[0]
    short = shortened("forward 1½ somersaults, 2 twists, straight", 20)
    assert len(short) <= 20
    assert (short[:7], short[-8:]) == ("forward", "straight")
