"""Backups: made and checked by admins, fetched by a signed address, and a damaged one is told."""

import pytest

from app.services import backups, users
from app.services.studio import Studio, StudioError, create_project
from app.settings import load
from db.engine import Database
from tests.db.rows import add_clips, decide


@pytest.fixture
def project(tmp_path):
    """A project in a file, with a verdict, and its admin."""
    studio = create_project(load(tmp_path / "project", {}))
    boss = users.create(studio, "boss", "admin")[0].id
    with studio.database.write() as session:
        decide(session, boss, add_clips(session, 1)[0], "reject")
    yield studio, boss
    studio.close()


def only(studio: Studio, boss: int) -> backups.Backup:
    (copy,) = backups.listing(studio, boss)
    return copy


def test_a_backup_holds_everything_and_is_checked(project):
    studio, boss = project
    name = backups.make(studio, boss)
    copy = only(studio, boss)
    assert (copy.name, copy.made_by, copy.problem) == (name, "boss", "")
    assert copy.checked_at is not None
    database = Database(f"sqlite:///{studio.settings.project / 'backups' / name}")
    with database.read() as session:
        assert users.repository.current(session, user_id=boss).name == "boss"
    database.dispose()


def test_a_damaged_backup_is_found_by_checking_it(project):
    studio, boss = project
    path = studio.settings.project / "backups" / backups.make(studio, boss)
    content = bytearray(path.read_bytes())
    content[5000:9000] = b"\xff" * 4000
    path.write_bytes(content)
    assert only(studio, boss).checked_at is None
    backups.check(studio, path.name, boss)
    assert only(studio, boss).problem


def test_a_backup_with_a_changed_verdict_is_told(project):
    studio, boss = project
    path = studio.settings.project / "backups" / backups.make(studio, boss)
    database = Database(f"sqlite:///{path}")
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER verdicts_no_update")
        connection.exec_driver_sql("UPDATE verdicts SET note = 'other'")
    database.dispose()
    backups.check(studio, path.name, boss)
    assert "verdicts were changed or removed at 1" in only(studio, boss).problem


def test_only_admins_make_see_check_delete_and_fetch_backups(project):
    studio, boss = project
    eve = users.create(studio, "eve")[0].id
    name = backups.make(studio, boss)
    for attempt in (
        lambda: backups.make(studio, eve),
        lambda: backups.listing(studio, eve),
        lambda: backups.check(studio, name, eve),
        lambda: backups.delete(studio, name, eve),
    ):
        with pytest.raises(StudioError, match="Only an admin can"):
            attempt()
    signed = dict(
        part.split("=") for part in backups.address(studio.secret, name, boss).split("?")[1].split("&")
    )
    assert backups.addressed(studio, name, signed["u"], signed["s"]).name == name
    assert backups.addressed(studio, name, str(eve), signed["s"]) is None
    users.create(studio, "second", "admin")
    users.set_role(studio, boss, "reviewer")
    assert backups.addressed(studio, name, signed["u"], signed["s"]) is None


def test_a_deleted_backup_is_gone_and_no_other_file_can_be_named(project):
    studio, boss = project
    name = backups.make(studio, boss)
    backups.delete(studio, name, boss)
    assert backups.listing(studio, boss) == ()
    for wanted in (name, "studio.db", "../studio.db", "../secret", "x"):
        with pytest.raises(StudioError, match="There is no backup"):
            backups.delete(studio, wanted, boss)
    assert (studio.settings.project / "studio.db").exists()
