"""Changes to classes on record, exemplars that people choose, and predictions on test clips."""

import sqlalchemy as sa
from alembic import op

from db.base import Instant
from db.triggers import make_append_only

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and columns; every round so far meant the classes as they are called now."""
    with op.batch_alter_table("classes") as table:
        table.add_column(sa.Column("merged_into_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("removed", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("attributes", sa.JSON(), nullable=False, server_default="{}"))
        table.create_foreign_key(
            "fk_classes_merged_into_id", "classes", ["merged_into_id"], ["id"], ondelete="RESTRICT"
        )
        table.create_check_constraint("merged", "merged_into_id <> id")
    for column in ("class_names", "exemplar_choices"):
        op.add_column("rounds", sa.Column(column, sa.JSON(), nullable=False, server_default="{}"))
    names = {str(id): name for id, name in op.get_bind().execute(sa.text("SELECT id, name FROM classes"))}
    frozen = sa.table("rounds", sa.column("class_names", sa.JSON()))
    op.execute(frozen.update().values(class_names=names))
    op.create_table(
        "class_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("undoes_id", sa.Integer(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.CheckConstraint("kind in ('create', 'rename', 'merge', 'attributes', 'undo')", name="kind"),
        sa.CheckConstraint("(kind = 'undo') = (undoes_id is not null)", name="undo"),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["undoes_id"], ["class_events.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes_id"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "exemplar_choices",
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.CheckConstraint("choice in ('pinned', 'banned')", name="choice"),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("class_id", "clip_id"),
    )
    op.create_index("ix_exemplar_choices_clip_id", "exemplar_choices", ["clip_id"])
    op.create_table(
        "test_predictions",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("round_id", "clip_id"),
    )
    make_append_only(op.get_bind(), "class_events")
