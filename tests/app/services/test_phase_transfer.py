"""Marks carried over to a class: where they land, how sure they are, and whose stay."""

import json
import time
import uuid
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import func, select

from app.services import comparison, datasets, pair_alignment, phase_marks, phase_transfer, review, users
from app.services.embeddings import embeddings_file, kept, keys_file
from app.services.pair_distances import pair_distances
from app.services.studio import StudioError
from db.models import PhaseMark
from db.repositories import phase_marks as mark_rows
from db.repositories import rounds
from tests.app.services.test_phase_marks import mark
from tests.app.services.test_review import event
from tests.db.rows import add_clips, add_round, publish
from tests.dive_project import Dives, dive_project
from tests.kept_embeddings import leave_embeddings

FRAMES, FEATURES = 24, 16


def embed(studio, clip_ids, number: int = 1, iteration: int = 0, noise: float = 0.05) -> None:
    """Embeddings that tell the moment of a clip, every other clip at another pace."""
    chance = np.random.default_rng(0)
    moments = (np.arange(FRAMES) + 0.5) / FRAMES
    centres = np.linspace(0, 1, FEATURES)
    content = [
        np.exp(-((((moments ** (1.0 + 0.5 * (clip_id % 2)))[:, None] - centres) / 0.1) ** 2))
        + noise * chance.normal(size=(FRAMES, FEATURES))
        for clip_id in clip_ids
    ]
    leave_embeddings(studio, number, clip_ids, np.array(content), iteration)


@pytest.fixture
def clip_ids(studio) -> list[int]:
    """Twelve labelled clips of three classes in turn, and a round with their embeddings."""
    with studio.database.write() as session:
        ids = add_clips(session, 12, labelled=12)
        row = add_round(session)
        publish(session, row, {})
    embed(studio, ids)
    return ids


def transfer(studio, user_id, clip_id) -> phase_transfer.TransferProgress:
    return list(phase_transfer.transfer(studio, user_id, clip_id))[-1]


def standing(studio, clip_id) -> dict[str, phase_marks.MarkCard]:
    return {card.phase: card for card in phase_marks.standing(studio, [clip_id])}


def test_marks_go_to_every_clip_of_the_class_and_to_no_other(studio, ada, clip_ids):
    phase_marks.record(studio, ada, [mark(clip_ids[0], "flight", 12), mark(clip_ids[0], "entry", 30)])
    assert phase_transfer.targets(studio, clip_ids[0]) == ("dive", (clip_ids[3], clip_ids[6], clip_ids[9]))
    done = transfer(studio, ada, clip_ids[0])
    assert (done.done, done.total, done.marks, done.kept, done.left_out) == (3, 3, 6, 0, 0)
    for clip_id in clip_ids[1:]:
        cards = standing(studio, clip_id)
        assert set(cards) == (
            {"flight", "entry"} if clip_id in (clip_ids[3], clip_ids[6], clip_ids[9]) else set()
        )
        for card in cards.values():
            assert (card.source, card.from_clip_id, card.author) == ("transferred", clip_ids[0], "ada")
            assert 0 <= card.confidence <= 1


def test_a_second_run_changes_nothing(studio, ada, clip_ids):
    phase_marks.record(studio, ada, [mark(clip_ids[0], "flight", 12), mark(clip_ids[0], "entry", 30)])
    transfer(studio, ada, clip_ids[0])
    before = phase_marks.standing(studio, clip_ids)
    assert transfer(studio, ada, clip_ids[0]).kept == 6
    assert phase_marks.standing(studio, clip_ids) == before


def test_what_people_said_stays_and_a_moved_source_moves_the_rest(studio, ada, bea, clip_ids):
    phase_marks.record(studio, ada, [mark(clip_ids[0], "entry", 30)])
    transfer(studio, ada, clip_ids[0])
    before = standing(studio, clip_ids[6])["entry"]
    phase_marks.record(studio, bea, [mark(clip_ids[3], "entry", 7), mark(clip_ids[0], "entry", 40)])
    done = transfer(studio, ada, clip_ids[0])
    assert (done.marks, done.kept) == (2, 1)
    assert standing(studio, clip_ids[3])["entry"].start_frame == 7
    after = standing(studio, clip_ids[6])["entry"]
    assert after.start_frame > before.start_frame
    with studio.database.read() as session:
        gone = session.scalar(select(PhaseMark).where(PhaseMark.uuid == before.uuid))
    assert (gone.start_frame, gone.removed_by) == (before.start_frame, ada)


def test_a_surer_mark_from_another_clip_stays(studio, ada, clip_ids):
    sure = {"source": "transferred", "from_clip_id": clip_ids[6], "author_id": ada}
    with studio.database.write() as session:
        for clip_id, confidence in ((clip_ids[3], 1.0), (clip_ids[9], 0.0)):
            values = {"clip_id": clip_id, "phase": "entry", "start_frame": 5, "confidence": confidence}
            row = session.get_one(PhaseMark, _added(session, {**values, **sure}))
            assert row.confidence == confidence
    phase_marks.record(studio, ada, [mark(clip_ids[0], "entry", 30)])
    transfer(studio, ada, clip_ids[0])
    assert standing(studio, clip_ids[3])["entry"].from_clip_id == clip_ids[6]
    assert standing(studio, clip_ids[9])["entry"].from_clip_id == clip_ids[0]


def _added(session, values: dict) -> int:
    author_id = values.pop("author_id")
    mark_rows.add(session, author_id=author_id, rows=[{"uuid": str(uuid.uuid4()), **values}])
    return session.scalar(select(func.max(PhaseMark.id)))


def test_phases_keep_their_order_and_frames_of_their_own(studio, ada, clip_ids):
    starts = [0, *range(20, 32)]
    phase_marks.record(studio, ada, [mark(clip_ids[0], f"part {start:02d}", start) for start in starts])
    phase_marks.record(studio, ada, [mark(clip_ids[3], "elsewhere", 21)])
    transfer(studio, ada, clip_ids[0])
    for clip_id in (clip_ids[3], clip_ids[6], clip_ids[9]):
        cards = sorted(standing(studio, clip_id).values(), key=lambda card: card.start_frame)
        parts = [card.phase for card in cards if card.phase.startswith("part")]
        assert parts == sorted(parts)
        assert cards[0].start_frame == 0
        assert len({card.start_frame for card in cards}) == len(cards)
        assert max(card.start_frame for card in cards) < 50


def test_a_clip_the_round_never_saw_is_counted_and_left_out(studio, ada, clip_ids):
    embed(studio, clip_ids[:9])
    phase_marks.record(studio, ada, [mark(clip_ids[0], "entry", 30)])
    done = transfer(studio, ada, clip_ids[0])
    assert (done.done, done.marks, done.left_out) == (3, 2, 1)


def test_what_can_t_be_carried_over_says_what_to_do(studio, ada, clip_ids):
    with pytest.raises(StudioError, match="no phase marks yet; set one with M"):
        transfer(studio, ada, clip_ids[0])
    phase_marks.record(studio, ada, [mark(clip_ids[0], "entry", 30), mark(clip_ids[1], "entry", 30)])
    embed(studio, clip_ids[1:])
    with pytest.raises(StudioError, match="kept no embeddings of clip 000.mp4; run a round"):
        transfer(studio, ada, clip_ids[0])
    review.record(studio, ada, [event("reject", clip_ids[1])])
    with pytest.raises(StudioError, match="clip 001.mp4 has no class yet"):
        transfer(studio, ada, clip_ids[1])
    users.remove(studio, ada)
    with pytest.raises(StudioError, match="not signed in"):
        transfer(studio, ada, clip_ids[0])


def test_the_round_s_list_of_keys_tells_whose_embeddings_they_are(studio, ada, clip_ids):
    file = embeddings_file(studio.settings, 1, 0)
    keys = [datasets.clip(studio, clip_id).key for clip_id in clip_ids]
    keys_file(studio.settings, 1).write_text(json.dumps(["no longer there.mp4", *keys[1:]]))
    found = kept(studio, 1, 0)
    assert set(found.places) == set(clip_ids[1:])
    assert np.linalg.norm(found.of([clip_ids[5]]), axis=2) == pytest.approx(1.0, abs=1e-3)
    a, b = (datasets.clip(studio, clip_id) for clip_id in clip_ids[:2])
    assert "did not see clip 000.mp4" in comparison.compare(studio, a, b).unaligned_because
    file.write_bytes(b"damaged")
    assert kept(studio, 1, 0) is None
    assert "kept no embeddings" in comparison.compare(studio, a, b).unaligned_because


def test_without_a_round_a_pair_says_what_to_do(studio, ada):
    with studio.database.write() as session:
        ids = add_clips(session, 2)
    pair = comparison.compare(studio, *(datasets.clip(studio, clip_id) for clip_id in ids))
    assert (pair.features, pair.round_number) == (0, None)
    assert "start one on the Rounds page" in pair.unaligned_because


@pytest.fixture(scope="module")
def dives(tmp_path_factory) -> Iterator[Dives]:
    """Drawn dives of three classes; their embeddings are made from the true phases (tests/dive_project)."""
    made = dive_project(tmp_path_factory.mktemp("dives"), dives=36)
    yield made
    made.project.studio.close()


def test_carried_over_phases_of_dives_begin_within_two_frames_of_the_true_ones(dives):
    """Embeddings derived from the true phases plus noise; the paces of the dives differ by up to a half."""
    studio, owner = dives.project.studio, dives.project.owner_id
    errors, stretched, sureness = [], [], []
    for label in sorted(set(dives.labels.values())):
        source, *others = dives.of_class(label)
        truth = dives.phases[source]
        pairs = list(zip(truth.names, truth.starts, strict=True))
        phase_marks.record(studio, owner, [mark(source, name, start) for name, start in pairs])
        assert transfer(studio, owner, source).marks == 3 * len(others)
        for other in others:
            cards, own = standing(studio, other), dives.phases[other]
            for (name, start), expected in zip(pairs[1:], own.starts[1:], strict=True):
                errors.append(abs(cards[name].start_frame - expected))
                stretched.append(abs(round(start / truth.frames * own.frames) - expected))
                sureness.append(cards[name].confidence)
    print(f"boundary errors: median {np.median(errors)}, p90 {np.quantile(errors, 0.9)}, "
          f"linear stretch {np.median(stretched)}; confidence {np.median(sureness):.2f}")  # fmt: skip
    assert np.median(errors) <= 2
    assert np.mean(errors) < np.mean(stretched)


def test_pairs_of_a_class_are_closer_than_others_and_measured_once(dives):
    studio = dives.project.studio
    with studio.database.read() as session:
        row = rounds.under_review(session)
    found = pair_distances(studio, row)
    assert len(found.same) == 3 * 12 * 11 // 2
    assert 300 < len(found.other) <= 400
    assert list(found.same) == sorted(found.same)
    assert np.median(found.same) < np.median(found.other)
    assert pair_distances(studio, row) is found


def test_less_sure_marks_are_more_often_wrong(dives):
    """Noise that hides the course of clips shows in the confidence of what is carried over to them."""
    studio = dives.project.studio
    with studio.database.read() as session:
        usual = pair_distances(studio, rounds.under_review(session))
    found = kept(studio, 1, 0)
    label = next(iter(dives.labels.values()))
    source, *others = dives.of_class(label)
    chance = np.random.default_rng(0)
    clear = found.of(others)
    hidden = clear + chance.normal(size=clear.shape) * 0.35
    hidden /= np.linalg.norm(hidden, axis=2, keepdims=True)
    lengths = [dives.phases[other].frames for other in others]
    sure = []
    for embedded in (clear, hidden):
        aligned = pair_alignment.align(pair_alignment.cosine_costs(found.of([source])[0], embedded))
        places = phase_transfer.carry(
            dives.phases[source].starts, dives.phases[source].frames, aligned, lengths, usual
        )
        sure.append(np.mean([each.confidence for clip in places for each in clip]))
    assert sure[0] > 2 * sure[1]


def test_five_hundred_clips_of_a_class_take_seconds(studio, ada, engine_name):
    with studio.database.write() as session:
        ids = add_clips(session, 501, labelled=501, class_names=("dive",))
        publish(session, add_round(session), {})
    embed(studio, ids)
    names = ("takeoff", "flight", "entry")
    phase_marks.record(studio, ada, [mark(ids[0], name, 12 * place) for place, name in enumerate(names)])
    started = time.perf_counter()
    steps = list(phase_transfer.transfer(studio, ada, ids[0]))
    seconds = time.perf_counter() - started
    print(f"{steps[-1].total} clips, {steps[-1].marks} marks on {engine_name}: {seconds:.2f} s")
    assert (len(steps), steps[-1].marks) == (8, 1500)
    assert seconds < 20
