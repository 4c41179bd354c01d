"""The first page's figures, and the next best action at every state of a project."""

import uuid

from app.services import queue, review, rounds, today
from app.services.studio import Studio
from db.repositories import jobs
from tests.filled_project import empty_project, filled_project


def page(studio: Studio, owner_id: int) -> str:
    """Where Today sends a person next."""
    return today.overview(studio, owner_id).next_action.page


def test_an_empty_project_is_sent_to_the_import(tmp_path):
    empty = empty_project(tmp_path / "project")
    found = today.overview(empty.studio, empty.owner_id)
    assert found.next_action.page == "transfer"
    assert (found.clips, found.labelled, found.review_round_number, found.precision) == (0, 0, None, None)
    assert not found.worker_alive
    empty.studio.close()


def test_labelled_clips_without_a_round_are_sent_to_the_rounds(tmp_path):
    project = filled_project(tmp_path / "project", finished_rounds=0)
    found = today.overview(project.studio, project.owner_id)
    assert (found.clips, found.ready, found.labelled, found.imported, found.classes) == (52, 52, 12, 12, 6)
    assert found.next_action.page == "rounds"
    rounds.start(project.studio, "cpu-demo", {}, project.owner_id)
    found = today.overview(project.studio, project.owner_id)
    assert found.running_round.number == 1
    assert found.next_action.title == "Watch the round"
    project.studio.close()


def test_review_comes_first_while_clips_wait_and_then_the_next_round(tmp_path):
    project = filled_project(tmp_path / "project", unlabelled=6)
    studio, me = project.studio, project.owner_id
    assert page(studio, me) == "review"
    for item in queue.next_items(studio, me).items:
        sent = {"uuid": str(uuid.uuid4()), "clip_id": item.clip_id, "kind": "accept",
                "predicted_class_id": item.predicted_class_id, "round_id": item.round_id}  # fmt: skip
        assert review.record(studio, me, [sent]).saved
    found = today.overview(studio, me)
    assert (found.waiting, found.reviewed, found.by_me, found.labelled) == (0, 6, 6, 18)
    assert (found.next_action.page, found.next_action.title) == ("rounds", "Start the next round")
    studio.close()


def test_a_worker_shows_as_alive(tmp_path):
    empty = empty_project(tmp_path / "project")
    with empty.studio.database.write() as session:
        jobs.see_worker(session, owner="w", host="h", pid=1, device="cpu", lanes=["import"])
    assert today.overview(empty.studio, empty.owner_id).worker_alive
    empty.studio.close()
