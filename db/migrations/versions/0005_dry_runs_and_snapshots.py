"""An index that thresholds and differences of rounds are read by, and jobs that make snapshots."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS = [
    "round_id",
    "iteration",
    "clip_id",
    "class_id",
    "confidence",
    "accepted",
    "settled",
    "alignability",
]


def upgrade() -> None:
    """Add the index, and let jobs be of one more kind."""
    op.create_index("ix_pseudo_labels_confidence", "pseudo_labels", COLUMNS)
    with op.batch_alter_table("jobs") as table:
        table.drop_constraint(op.f("ck_jobs_kind"), type_="check")
        table.create_check_constraint("kind", "kind in ('import', 'round', 'snapshot')")
