"""Imports: a dry run first, everything that comes in once, and clips found again."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.services import datasets, review, rounds
from app.services.datasets import ClipFilter, ImportRequest
from app.services.studio import StudioError
from db.models import Clip, Truth
from db.repositories import clips, jobs
from finepseudo_core.errors import ConfigError
from tests.app.services.test_review import event
from tests.db.rows import add_round, make_ready, publish


@pytest.fixture
def folder(tmp_path) -> Path:
    """Twenty labelled clips of two classes and one without a label; nothing is decoded here."""
    place = tmp_path / "videos"
    place.mkdir()
    lines = ["path,label"]
    for number in range(20):
        (place / f"{number:02d}.mp4").write_bytes(b"\0")
        lines.append(f"{number:02d}.mp4,{'dive' if number % 2 else 'fall'}")
    (place / "unknown.mp4").write_bytes(b"\0")
    (place / "labels.csv").write_text("\n".join([*lines, "unknown.mp4,"]))
    return place


def read_all(studio, but: str = "") -> None:
    """Do the worker's part: every waiting clip is read, one of them can't be."""
    with studio.database.write() as session:
        job = jobs.claim(session, owner="test", kinds=["import"], lease_seconds=60)
        for clip in clips.waiting(session, import_id=job.payload["import_id"]):
            if clip.key == but:
                clips.mark_unusable(session, clip_id=clip.id, state="unreadable", reason="no moov atom")
            else:
                make_ready(session, clip.id)
        jobs.finish(session, jobs.Fence(job.id, job.attempt, "test"), state="succeeded")


def test_the_dry_run_says_what_comes_in_and_changes_nothing(studio, folder):
    (folder / "labels.csv").write_text("path,label\n00.mp4,dive\ngone.mp4,dive\n01.mp4,\n")
    plan = datasets.plan(studio, ImportRequest(folder))
    assert (plan.clips, plan.classes, plan.labelled, plan.unlabelled) == (2, {"dive": 1}, 1, 1)
    assert [(row.line, row.path) for row in plan.problems] == [(3, "gone.mp4")]
    assert "no such file" in plan.problems[0].reason
    assert datasets.clips(studio).total == 0
    assert review.classes(studio) == ()
    assert datasets.imports(studio) == ()


def test_what_was_planned_is_what_comes_in(studio, ada, folder):
    request = ImportRequest(folder, labelled_share=0.25, test_share=0.2)
    plan = datasets.plan(studio, request)
    assert (plan.clips, plan.labelled, plan.hidden, plan.unlabelled, plan.test) == (21, 4, 12, 1, 4)
    assert plan.classes == {"dive": 10, "fall": 10}
    number = datasets.start_import(studio, request, ada)
    with studio.database.read() as session:
        given = select(func.count()).select_from(Clip).where(Clip.given_class_id.is_not(None))
        assert session.scalar(given) == 4
        assert session.scalar(given.where(Clip.split == "test")) == 0
        assert session.scalar(select(func.count()).select_from(Truth)) == 16
        both = select(func.count()).select_from(Truth).join(Clip, Clip.id == Truth.clip_id)
        assert session.scalar(both.where(Clip.given_class_id.is_not(None))) == 0
    (card,) = datasets.imports(studio)
    assert (card.id, card.state, card.clips, card.waiting, card.ready) == (number, "queued", 21, 21, 0)
    assert (card.created_by, card.folder) == ("ada", str(folder))
    assert card.labels_csv == str(folder / "labels.csv")


def test_a_truth_is_the_class_that_the_list_names(studio, ada, folder):
    datasets.start_import(studio, ImportRequest(folder, labelled_share=0.0), ada)
    names = dict(review.classes(studio))
    with studio.database.read() as session:
        rows = session.execute(select(Clip.key, Truth.class_id).join(Truth, Truth.clip_id == Clip.id)).all()
    assert {key: names[class_id] for key, class_id in rows} == {
        f"{number:02d}.mp4": "dive" if number % 2 else "fall" for number in range(20)
    }


def test_a_split_that_the_list_names_is_kept(studio, ada, folder):
    (folder / "labels.csv").write_text(
        "path,label,split\n00.mp4,dive,test\n01.mp4,dive,train\n02.mp4,dive,test\n"
    )
    request = ImportRequest(folder, test_share=0.0)
    assert datasets.plan(studio, request).test == 2
    datasets.start_import(studio, request, ada)
    assert [clip.split for clip in datasets.clips(studio).clips] == ["test", "train", "test"]
    assert [clip.label_name for clip in datasets.clips(studio).clips] == [None, "dive", None]


def test_clips_come_in_once(studio, ada, folder):
    datasets.start_import(studio, ImportRequest(folder), ada)
    (folder / "new.mp4").write_bytes(b"\0")
    with (folder / "labels.csv").open("a") as file:
        file.write("\nnew.mp4,jump\n")
    plan = datasets.plan(studio, ImportRequest(folder))
    assert (plan.clips, plan.already, plan.classes) == (1, 21, {"jump": 1})
    datasets.start_import(studio, ImportRequest(folder / ".." / "videos"), ada)
    assert datasets.clips(studio).total == 22
    with pytest.raises(StudioError, match="nothing new to import.*already"):
        datasets.start_import(studio, ImportRequest(folder), ada)


def test_folders_may_hold_files_of_the_same_name(studio, ada, folder, tmp_path):
    others = [tmp_path / "more" / "videos", tmp_path / "yet more" / "videos"]
    for other in others:
        other.mkdir(parents=True)
        (other / "00.mp4").write_bytes(b"\0")
    for place in (folder, *others):
        datasets.start_import(studio, ImportRequest(place), ada)
    found = datasets.clips(studio, ClipFilter(search="00.mp4")).clips
    assert [(clip.key, clip.source_path) for clip in found] == [
        ("00.mp4", f"{folder}/00.mp4"),
        ("videos 2/00.mp4", f"{others[1]}/00.mp4"),
        ("videos/00.mp4", f"{others[0]}/00.mp4"),
    ]


@pytest.mark.parametrize(
    ("request_of", "reason"),
    [
        (lambda folder: ImportRequest(folder / "none"), "is not a folder"),
        (lambda folder: ImportRequest(Path("a\0b")), "null"),
        (lambda folder: ImportRequest(folder, Path("other.csv")), "other.csv can't be read"),
        (lambda folder: ImportRequest(folder, labelled_share=1.1), "labelled share is 1.1"),
        (lambda folder: ImportRequest(folder, test_share=float("nan")), "test share is nan"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_words(studio, ada, folder, request_of, reason):
    for refuse in (datasets.plan, lambda *given: datasets.start_import(*given, ada)):
        with pytest.raises(StudioError, match=reason):
            refuse(studio, request_of(folder))


def test_a_wrong_preset_is_refused_before_the_import(studio, ada, folder):
    for preset, changes in (("no-such", {}), ("cpu-demo", {"no_such_setting": 1})):
        with pytest.raises(ConfigError):
            datasets.start_import(studio, ImportRequest(folder), ada, then_round=preset, changes=changes)
    assert datasets.imports(studio) == ()


def test_the_round_that_follows_is_noted_with_the_job(studio, ada, folder):
    number = datasets.start_import(
        studio, ImportRequest(folder), ada, then_round="cpu-demo", changes={"seed": 3}
    )
    with studio.database.read() as session:
        job = jobs.running(session, kind="import")
    assert job.payload == {"import_id": number, "then_round": "cpu-demo", "changes": {"seed": 3}}


def fail(studio) -> None:
    """Let the import at hand end as on a full disk."""
    with studio.database.write() as session:
        job = jobs.claim(session, owner="test", kinds=["import"], lease_seconds=60)
        fence = jobs.Fence(job.id, job.attempt, "test")
        jobs.finish(session, fence, state="failed", error="no room on the disk")


def test_a_failed_import_goes_on_when_it_is_started_again(studio, ada, folder):
    number = datasets.start_import(studio, ImportRequest(folder), ada)
    fail(studio)
    assert datasets.imports(studio)[0].error == "no room on the disk"
    assert datasets.start_import(studio, ImportRequest(folder), ada) == number
    assert [(card.state, card.error) for card in datasets.imports(studio)] == [("queued", None)]


def test_an_import_that_stopped_goes_on_without_its_folder_being_named_again(studio, ada, folder):
    number = datasets.start_import(studio, ImportRequest(folder), ada)
    for wrong, reason in ((number, "has not stopped"), (99, "no import 99")):
        with pytest.raises(StudioError, match=reason):
            datasets.go_on(studio, wrong)
    fail(studio)
    datasets.go_on(studio, number)
    assert [(card.state, card.error) for card in datasets.imports(studio)] == [("queued", None)]
    read_all(studio)
    assert datasets.imports(studio)[0].ready == 21


def test_an_unreadable_clip_is_reported_and_can_be_checked_again(studio, ada, folder):
    datasets.start_import(studio, ImportRequest(folder), ada)
    read_all(studio, but="03.mp4")
    (card,) = datasets.imports(studio)
    assert (card.state, card.ready, card.unreadable, card.waiting) == ("succeeded", 20, 1, 0)
    (bad,) = card.reasons
    assert (bad.key, bad.reason) == ("03.mp4", "no moov atom")
    datasets.check_again(studio, bad.clip_id)
    (card,) = datasets.imports(studio)
    assert (card.state, card.waiting, card.reasons) == ("queued", 1, ())
    read_all(studio)
    assert datasets.clip(studio, bad.clip_id).state == "ready"


def test_checking_several_clips_again_is_one_job(studio, ada, folder):
    datasets.start_import(studio, ImportRequest(folder), ada)
    read_all(studio)
    with studio.database.write() as session:
        for clip_id in (1, 2):
            clips.mark_unusable(session, clip_id=clip_id, state="missing", reason="gone")
    datasets.check_again(studio, 1)
    datasets.check_again(studio, 2)
    read_all(studio)
    assert datasets.imports(studio)[0].ready == 21
    with studio.database.read() as session:
        assert jobs.running(session, kind="import") is None


def test_what_needs_no_check_is_not_checked_again(studio, ada, folder):
    datasets.start_import(studio, ImportRequest(folder), ada)
    for clip_id, reason in ((1, "00.mp4 is waiting"), (99, "no clip 99")):
        with pytest.raises(StudioError, match=reason):
            datasets.check_again(studio, clip_id)
    with studio.database.write() as session:
        jobs.claim(session, owner="test", kinds=["import"], lease_seconds=60)
        clips.mark_unusable(session, clip_id=1, state="unreadable", reason="no moov atom")
    with pytest.raises(StudioError, match="still at work"):
        datasets.check_again(studio, 1)


def test_a_clip_shows_its_label_its_decision_and_what_is_proposed(studio, ada, folder):
    datasets.start_import(studio, ImportRequest(folder, labelled_share=0.2), ada)
    read_all(studio)
    clip = next(clip for clip in datasets.clips(studio).clips if clip.label_id is None)
    assert (clip.label_source, clip.decision, clip.proposed) == (None, None, None)
    names = {name: class_id for class_id, name in review.classes(studio)}
    with studio.database.write() as session:
        publish(session, add_round(session), {clip.id: (names["dive"], 0.25, True)})
    shown = datasets.clip(studio, clip.id)
    proposed = shown.proposed
    assert (proposed.round_number, proposed.class_name, proposed.accepted) == (1, "dive", True)
    assert (shown.label_name, shown.sprite.frames, shown.sprite.step) == (None, 50, 1.0)
    assert [card.id for card in datasets.clips(studio, ClipFilter(label="accepted")).clips] == [clip.id]
    review.record(studio, ada, [event("correct", clip.id, class_id=names["fall"])])
    shown = datasets.clip(studio, clip.id)
    assert (shown.label_name, shown.label_source, shown.decision) == ("fall", "verdict", "correct")
    assert shown.reviewer == "ada"
    given = datasets.clips(studio, ClipFilter(label="labelled", class_id=names["dive"])).clips
    assert {card.label_source for card in given} == {"imported"}


@pytest.mark.parametrize("clip_id", [0, -1, 7, 2**31, 10**30])
def test_a_number_that_is_no_clip_shows_nothing(studio, clip_id):
    assert datasets.clip(studio, clip_id) is None


def test_pages_of_clips_follow_each_other(studio, ada, folder):
    datasets.start_import(studio, ImportRequest(folder), ada)
    pages = [datasets.clips(studio, offset=offset, limit=8) for offset in (0, 8, 16, 24)]
    assert [len(page.clips) for page in pages] == [8, 8, 5, 0]
    assert {page.total for page in pages} == {21}
    keys = [clip.key for page in pages for clip in page.clips]
    assert keys == sorted(keys)


def test_a_first_round_can_start_on_what_came_in(studio, ada, folder):
    datasets.start_import(studio, ImportRequest(folder, labelled_share=0.3, test_share=0.2), ada)
    read_all(studio)
    card = rounds.start(studio, "cpu-demo", {}, ada)
    assert (card.labelled, card.state) == (4, "queued")
