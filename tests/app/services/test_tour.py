"""The tour: shown until a person puts it away, and in step with the project."""

from dataclasses import replace

from app.services import today, tour, users
from tests.db.rows import add_clips


def test_the_tour_is_due_until_this_person_puts_it_away(studio, ada, bea):
    assert tour.is_due(studio, ada)
    tour.put_away(studio, ada)
    assert (tour.is_due(studio, ada), tour.is_due(studio, bea)) == (False, True)
    tour.show_again(studio, ada)
    assert tour.is_due(studio, ada)
    users.remove(studio, ada)
    assert not tour.is_due(studio, ada)


def test_the_first_card_says_what_happens_now(studio, ada):
    def cards():
        steps = tour.steps(today.overview(studio, ada))
        assert len(steps) == 4
        return steps[0].title, [step.here for step in steps].index(True)

    assert cards() == ("Bring clips in", 0)
    with studio.database.write() as session:
        add_clips(session, 3, labelled=1)
    now = today.overview(studio, ada)
    assert tour.steps(replace(now, running_import=None))[0].title == "No round has run yet"
    waiting = replace(now, waiting=1, review_round_number=2, next_action=today.NextAction("review", "", ""))
    first, review, *_ = tour.steps(waiting)
    assert first.title == "Proposals wait"
    assert "Round 2" in first.words
    assert "1 clip waits" in first.words
    assert review.here
    done = replace(waiting, waiting=0, next_action=today.NextAction("rounds", "", ""))
    assert tour.steps(replace(done, running_import=None))[0].title == "All proposals are answered"
    assert tour.steps(done)[3].here
