"""Engines and sessions. SQLite's defaults lose updates and ignore foreign keys; these do not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

BUSY_SECONDS = 30
READERS = 32  # connections to an SQLite file that are kept; each of many people's reruns takes one
DATABASE_ERRORS = (SQLAlchemyError,)
SIGNS = {  # what SQLite and PostgreSQL say
    "busy": ("database is locked", "database table is locked", "lock timeout", "deadlock detected"),
    "full": ("disk is full", "no space left"),
    "schema": ("no such table", "no such column", "undefinedtable", "undefinedcolumn"),
}


def make_engine(url: str, *, foreign_keys: bool = True) -> Engine:
    """An engine whose transactions take the write lock at their beginning, unless opened read-only.

    `foreign_keys=False` is for migrations only: SQLite rebuilds a table by dropping it, and would delete
    every row that refers to it.
    """
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(
        url, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None}, pool_size=READERS
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        # without it, INSERT OR REPLACE deletes a verdict past its DELETE trigger
        cursor.execute("PRAGMA recursive_triggers = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") == "AUTOCOMMIT":
            return
        read_only = bool(options.get("read_only"))
        connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


class Database:
    """One project's database: sessions to read in and sessions to write in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = make_engine(url)
        self._turn = threading.Lock()
        postgres = self.engine.dialect.name == "postgresql"
        # PostgreSQL's default shows every statement another state
        snapshot = {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
        read_only: dict[str, Any] = snapshot if postgres else {"read_only": True}
        self._reading = self.engine.execution_options(**read_only)

    @property
    def file(self) -> Path | None:
        """The SQLite file, None on a server."""
        name = self.engine.url.database
        return Path(name) if self.engine.dialect.name == "sqlite" and name else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one consistent state; it never takes the write lock and is rolled back at its end."""
        with Session(self._reading, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that holds the write lock from its first statement; commits, or rolls back.

        Threads of this process wait in line: SQLite's own waiting is a guess every 0.1 s, in no order, and
        with twenty people it left some of them waiting for half a minute.
        """
        in_turn = self.file is not None and self._turn.acquire(timeout=BUSY_SECONDS)
        try:
            with Session(self.engine, expire_on_commit=False) as session, session.begin():
                yield session
        finally:
            if in_turn:
                self._turn.release()

    def dispose(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def take_turns(session: Session, at: int) -> None:
    """Let nobody else who takes turns `at` the same number go on until the transaction ends.

    SQLite's write lock does so by itself.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": at})


def now(session: Session) -> datetime:
    """The database's clock, which all processes share; leases are measured by it."""
    if session.get_bind().dialect.name == "sqlite":
        stamp = session.scalar(text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')"))
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    moment = session.scalar(text("SELECT clock_timestamp()"))
    return moment.astimezone(UTC)


def trouble(error: BaseException) -> str | None:
    """What is wrong with the database: "busy", "full", "schema" or "away"; None for other errors."""
    if not isinstance(error, DATABASE_ERRORS):
        return None
    said = str(error).lower()
    for kind, signs in SIGNS.items():
        if any(sign in said for sign in signs):
            return kind
    return "away"
