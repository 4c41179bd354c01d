"""Alembic runs this for every migration; the connection comes from db.migrate."""

from alembic import context

import db.models  # noqa: F401  fills the metadata
from db.base import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
