"""The audit log: everything on record in one list, for admins."""

import pytest

from app.services import activity, class_changes, users
from app.services.studio import StudioError
from tests.db.rows import add_clips, decide


@pytest.fixture
def boss(studio) -> int:
    """An admin."""
    return users.create(studio, "boss", "admin")[0].id


def test_only_admins_read_the_log(studio, ada):
    with pytest.raises(StudioError, match="Only an admin can read the audit log"):
        activity.listing(studio, ada)


def test_changes_to_people_say_who_made_them(studio, boss):
    new, _ = users.create(studio, "eve", by=boss)
    users.set_role(studio, new.id, "admin", boss)
    users.new_token(studio, new.id, boss)
    users.remove(studio, new.id, boss)
    found = activity.listing(studio, boss, kind="people").entries
    assert [(entry.who, entry.words) for entry in found] == [
        ("boss", "removed eve"),
        ("boss", "gave eve a new sign-in link"),
        ("boss", "made eve an admin"),
        ("boss", "added eve as a reviewer"),
        ("command line", "added boss as an admin"),
    ]


def test_verdicts_are_counted_per_person_and_day(studio, boss, ada, bea):
    with studio.database.write() as session:
        clips = add_clips(session, 4)
        for clip_id in clips[:3]:
            decide(session, ada, clip_id, "reject")
        decide(session, bea, clips[3], "skip")
    found = activity.listing(studio, boss, kind="verdicts").entries
    assert sorted((entry.who, entry.words) for entry in found) == [
        ("ada", "gave 3 verdicts: 3 rejected"),
        ("bea", "gave 1 verdict: 1 skipped"),
    ]


def test_the_log_is_filtered_and_paged(studio, boss, ada):
    class_changes.create(studio, boss, "vault", "1")
    with studio.database.write() as session:
        decide(session, ada, add_clips(session, 1)[0], "reject")
    everything = activity.listing(studio, boss)
    assert [entry.at for entry in everything.entries] == sorted(
        (entry.at for entry in everything.entries), reverse=True
    )
    assert {"verdicts", "classes", "people"} <= {entry.kind for entry in everything.entries}
    assert everything.people == ("ada", "boss", "command line", "the studio")
    parts = [activity.listing(studio, boss, offset=place, limit=2).entries for place in range(0, 20, 2)]
    assert tuple(entry for part in parts for entry in part) == everything.entries
    mine = activity.listing(studio, boss, who="boss")
    assert [entry.words for entry in mine.entries] == ["created 'vault'"]
    assert (mine.total, mine.people) == (1, everything.people)
