"""Bring a database to this version's schema, or say that it is not there yet.

Migrations run on an engine of their own with foreign keys off (a rebuilt parent table would otherwise take
its children along), after a backup, in one transaction, and are undone unless every assertion holds.
"""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from db import triggers
from db.engine import Database, make_engine
from db.repositories import verdicts

ADVISORY_LOCK = 4_620_001
FOLDER = Path(__file__).parent / "migrations"


class SchemaError(Exception):
    """The database has another schema than this version needs; the message names the command to run."""


def upgrade(url: str) -> Path | None:
    """Migrate to the newest schema; returns the backup made before (SQLite with older data), else None.

    Raises:
        SchemaError: a migration lost rows or triggers and was undone, or the schema is unknown.
    """
    engine = make_engine(url, foreign_keys=False)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            revision = _revision(connection)
        if revision == newest():
            return None
        refuse_unknown(revision)
        copy = backup(url, _backup_file(url, revision)) if revision and _is_sqlite(url) else None
        with engine.begin() as connection:
            _migrate(connection)
        return copy
    finally:
        engine.dispose()


def is_empty(database: Database) -> bool:
    """True for a database without any schema."""
    with database.engine.connect() as connection:
        return _revision(connection) is None


def check(database: Database) -> None:
    """Refuse a database whose schema is not this version's.

    Raises:
        SchemaError: names the command to run.
    """
    with database.engine.connect() as connection:
        revision = _revision(connection)
    if revision == newest():
        return
    refuse_unknown(revision)
    folder = database.file.parent if database.file else "DIR"
    raise SchemaError(
        f"The project's database has schema {revision or 'none'}, this version needs {newest()}. "
        f"Stop the studio and run: python -m app upgrade --project {folder}"
    )


def backup(url: str, target: Path) -> Path:
    """A complete copy of a SQLite database, also under writers; a plain file copy would miss rows."""
    engine = make_engine(url)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM INTO :target"), {"target": str(target)})
    finally:
        engine.dispose()
    return target


def damage(file: Path) -> str | None:
    """What is wrong with a SQLite database that nobody writes to; None for a sound one of this schema.

    Its pages are read as a whole, and its chain of verdicts too.
    """
    engine = create_engine(f"sqlite:///file:{quote(str(file))}?mode=ro&immutable=1&uri=true")
    try:
        with Session(engine) as session:
            said = session.scalars(text("PRAGMA integrity_check(3)")).all()
            if said != ["ok"]:
                return "; ".join(map(str, said))
            revision = _revision(session.connection())
            if revision != newest():
                return None  # of another version: restoring it brings it up to date, and checks it
            if broken := verdicts.broken(session):
                return f"verdicts were changed or removed at {', '.join(map(str, broken[:3]))}"
    except DatabaseError as error:
        return str(error.orig)
    finally:
        engine.dispose()
    return None


def newest() -> str:
    """The revision this version needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise SchemaError("The migrations are missing from this installation; install it again.")
    return head


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    before = _counts(connection)
    head_before = _chain_head(connection)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    after = _counts(connection)
    lost = [f"{table}: {rows} rows became {after[table]}" for table, rows in before.items()
            if table in after and after[table] != rows]  # fmt: skip
    if connection.dialect.name == "sqlite":
        lost += [
            f"broken reference {tuple(row)}" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")
        ]
    lost += [f"trigger {name} is missing" for name in triggers.missing(connection)]
    if head_before is not None and _chain_head(connection) != head_before:
        lost.append("the newest verdict is another one")
    if lost:
        raise SchemaError(f"The migration was undone, it would have done damage: {'; '.join(lost)}.")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def refuse_unknown(revision: str | None) -> None:
    """Refuse a schema that this version does not know.

    Raises:
        SchemaError: it was made by a newer version.
    """
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaError(
            f"The project's database has schema {revision}, which this version does not know. "
            "It was made by a newer version: install that one, or restore a backup."
        )


def _counts(connection: Connection) -> dict[str, int]:
    tables = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
    return {name: connection.scalar(text(f'SELECT count(*) FROM "{name}"')) or 0 for name in tables}


def _chain_head(connection: Connection) -> str | None:
    if not inspect(connection).has_table("verdicts"):
        return None
    return connection.scalar(text("SELECT hash FROM verdicts ORDER BY id DESC LIMIT 1"))


def _is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def _backup_file(url: str, revision: str) -> Path:
    file = Path(make_url(url).database or "")
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    return file.with_name(f"{file.stem}.before-{revision}.{stamp}.db")
