"""Where phases begin in clips."""

import sqlalchemy as sa
from alembic import op

from db.base import Instant
from db.triggers import refuse_delete

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STANDS = sa.text("removed_at is null")


def upgrade() -> None:
    """Add the table, and have the database refuse to delete from it."""
    op.create_table(
        "phase_marks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("start_frame", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("from_clip_id", sa.Integer(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.Column("removed_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("source in ('person', 'transferred')", name="source"),
        sa.CheckConstraint("phase <> '' and start_frame >= 0", name="place"),
        sa.CheckConstraint("(from_clip_id is null) = (confidence is null)", name="carried"),
        sa.CheckConstraint("source <> 'transferred' or from_clip_id is not null", name="transferred"),
        sa.CheckConstraint("confidence between 0 and 1", name="confidence"),
        sa.CheckConstraint("(removed_at is null) = (removed_by is null)", name="removed"),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["from_clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["removed_by"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_index("ix_phase_marks_clip_id", "phase_marks", ["clip_id"])
    for column in ("phase", "start_frame"):
        op.create_index(
            f"ix_phase_marks_{column}",
            "phase_marks",
            ["clip_id", column],
            unique=True,
            sqlite_where=STANDS,
            postgresql_where=STANDS,
        )
    refuse_delete(op.get_bind(), "phase_marks")
