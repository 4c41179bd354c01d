"""Changes to people on record, who has seen the tour, and jobs that look after pictures."""

import sqlalchemy as sa
from alembic import op

from db.base import Instant
from db.triggers import make_append_only

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table and a column, and let jobs be of one more kind; people here so far see the tour once."""
    op.add_column("users", sa.Column("tour_seen_at", Instant(), nullable=True))
    op.create_table(
        "user_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.CheckConstraint("kind in ('add', 'role', 'token', 'remove')", name="kind"),
        sa.CheckConstraint("(kind in ('add', 'role')) = (role is not null)", name="role"),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    make_append_only(op.get_bind(), "user_events")
    with op.batch_alter_table("jobs") as table:
        table.drop_constraint(op.f("ck_jobs_kind"), type_="check")
        table.create_check_constraint("kind", "kind in ('import', 'round', 'snapshot', 'media')")
