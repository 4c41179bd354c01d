"""The Rounds page: the dry run's slider, what changed, and the decision which round is reviewed."""

from app.services import round_differences, round_dry_run, rounds
from app.services.round_dry_run import dry_run
from tests.app.pages.test_pages import texts

THRESHOLD = "cpu-demo|pseudo_labels.threshold"


def test_the_slider_is_the_threshold_of_the_round_that_is_started(filled, open_page):
    test = open_page(filled, "rounds")
    assert test.slider(key="cpu-demo|try").value == 0.6
    test.slider(key="cpu-demo|try").set_value(0.83).run()
    assert not test.exception
    assert test.number_input(key=THRESHOLD).value == 0.83
    assert (
        dry_run(filled.studio, "cpu-demo", {}).at(0.83).accepted
        != dry_run(filled.studio, "cpu-demo", {}).at(0.6).accepted
    )
    test.number_input(key=THRESHOLD).set_value(0.7).run()
    assert test.slider(key="cpu-demo|try").value == 0.7
    test.button(key="start").click().run()
    assert rounds.listing(filled.studio)[0].config["pseudo_labels"]["threshold"] == 0.7


def test_what_it_would_learn_from_is_counted(filled, open_page):
    test = open_page(filled, "rounds")
    test.toggle(key="learn_from").set_value(True).run()
    assert not test.exception
    shown = next(frame.value for frame in test.dataframe if "labelled clips" in frame.value)
    assert dict(shown.values) == dict(round_dry_run.next_round(filled.studio).labelled)


def test_an_empty_project_says_what_a_dry_run_needs(empty, open_page):
    assert "needs proposals" in texts(open_page(empty, "rounds"))


def test_any_two_rounds_are_compared(filled, open_page):
    test = open_page(filled, "rounds")
    test.toggle(key="differences").set_value(True).run()
    found = round_differences.difference(filled.studio, 2, 1)
    flips = next(frame.value for frame in test.dataframe if "was" in frame.value)
    assert list(flips["clips"]) == [flip.clips for flip in found.flips]
    test.selectbox(key="from_round").select(2).run()
    assert "two different rounds" in texts(test)
    test.selectbox(key="to_round").select(1).run()
    assert not test.exception


def test_a_round_is_chosen_beside_the_figures_of_the_one_under_review(filled, open_page):
    rounds.roll_back(filled.studio, filled.owner_id)
    test = open_page(filled, "rounds")
    words = [
        word for frame in test.dataframe if "the change" in frame.value for word in frame.value["the change"]
    ]
    assert words
    assert all(
        word.startswith(("▲ better", "▼ worse", "= ", "can't")) or word.endswith(("more", "fewer"))
        for word in words
    )
    assert "No verdict is touched" in texts(test)
    test.button(key="promote_2").click().run()
    assert rounds.active(filled.studio).number == 2
    history = next(frame.value for frame in test.dataframe if "chosen by" in frame.value)
    assert list(history["chosen by"])[0] == "owner"
