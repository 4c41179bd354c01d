"""Triggers that keep what is in a table, on SQLite and PostgreSQL."""

from sqlalchemy import Connection, text

APPEND_ONLY = ("verdicts", "promotions", "class_events", "user_events")
NEVER_DELETED = ("phase_marks",)

REFUSE = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'restrict_violation';
END $$
"""


def make_append_only(connection: Connection, table: str) -> None:
    """Have the database refuse UPDATE, DELETE (and TRUNCATE) on `table`."""
    if connection.dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    connection.exec_driver_sql(REFUSE)
    connection.exec_driver_sql(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    connection.exec_driver_sql(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def refuse_delete(connection: Connection, table: str) -> None:
    """Have the database refuse DELETE (and TRUNCATE) on `table`."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never deleted'); END"
        )
        return
    for change, each in (("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
        )


def missing(connection: Connection) -> list[str]:
    """Names of the triggers that ought to be there and are not."""
    if connection.dialect.name == "sqlite":
        endings, kept = ("no_update", "no_delete"), ["no_delete"]
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        endings, kept = ("no_change", "no_truncate"), ["no_delete", "no_truncate"]
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    present = set(connection.scalars(text(query)))
    wanted = [f"{table}_{ending}" for table in APPEND_ONLY for ending in endings]
    wanted += [f"{table}_{ending}" for table in NEVER_DELETED for ending in kept]
    return [name for name in wanted if name not in present]
