"""Triggers that keep a table append-only, on SQLite and PostgreSQL."""

from sqlalchemy import Connection, text

APPEND_ONLY = ("verdicts", "promotions")

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


def missing(connection: Connection) -> list[str]:
    """Names of the triggers that ought to be there and are not."""
    if connection.dialect.name == "sqlite":
        endings, query = ("no_update", "no_delete"), "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        endings, query = ("no_change", "no_truncate"), "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    present = set(connection.scalars(text(query)))
    wanted = [f"{table}_{ending}" for table in APPEND_ONLY for ending in endings]
    return [name for name in wanted if name not in present]
