"""The first tables."""

import sqlalchemy as sa
from alembic import op

from db.base import Instant
from db.triggers import make_append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DECIDES = sa.text("kind in ('accept', 'correct', 'reject', 'novel')")


def upgrade() -> None:
    """Make every table, and have the database refuse changes to the append-only ones."""
    op.create_table(
        "classes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stop_requested", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("lease_expires_at", Instant(), nullable=True),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("eta_seconds", sa.Double(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.CheckConstraint("(state = 'running') = (owner is not null)", name="owner"),
        sa.CheckConstraint("kind in ('import', 'round')", name="kind"),
        sa.CheckConstraint(
            "state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_jobs_state", "jobs", ["state", "kind", "id"])

    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.CheckConstraint("role in ('admin', 'reviewer')", name="role"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_table(
        "workers",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("lanes", sa.JSON(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("labels_csv", sa.String(), nullable=True),
        sa.Column("labelled_share", sa.Double(), nullable=False),
        sa.Column("test_share", sa.Double(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "rounds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("preset", sa.String(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("device", sa.String(), nullable=True),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("model_path", sa.String(), nullable=True),
        sa.Column("model_sha256", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["parent_id"], ["rounds.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job_id"),
        sa.UniqueConstraint("number"),
    )
    op.create_table(
        "clips",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("import_id", sa.Integer(), nullable=False),
        sa.Column("source_path", sa.String(), nullable=False),
        sa.Column("start", sa.Double(), nullable=True),
        sa.Column("end", sa.Double(), nullable=True),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("given_class_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("source_sha256", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("fps", sa.Double(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("sprite", sa.JSON(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("split in ('train', 'test')", name="split"),
        sa.CheckConstraint("state <> 'ready' or (sha256 is not null and path is not null)", name="ready"),
        sa.CheckConstraint("state in ('waiting', 'ready', 'unreadable', 'missing')", name="state"),
        sa.ForeignKeyConstraint(["given_class_id"], ["classes.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_clips_given_class_id", "clips", ["given_class_id"])
    op.create_index("ix_clips_import_id_state", "clips", ["import_id", "state"])
    op.create_index("ix_clips_state_split", "clips", ["state", "split", "given_class_id"])

    op.create_table(
        "promotions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("promoted_by", sa.Integer(), nullable=True),
        sa.Column("rolls_back_id", sa.Integer(), nullable=True),
        sa.Column("promoted_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["promoted_by"], ["users.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["rolls_back_id"], ["promotions.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("rolls_back_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "round_steps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_round_steps_round_id", "round_steps", ["round_id", "id"])

    op.create_table(
        "leases",
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["reviewer_id"], ["users.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("clip_id"),
    )
    op.create_index("ix_leases_reviewer_id", "leases", ["reviewer_id"])

    op.create_table(
        "pseudo_labels",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("iteration", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("alignability", sa.Double(), nullable=False),
        sa.Column("margin", sa.Double(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("action_probabilities", sa.LargeBinary(), nullable=False),
        sa.Column("alignability_probabilities", sa.LargeBinary(), nullable=False),
        sa.Column("probabilities", sa.LargeBinary(), nullable=False),
        sa.Column("class_alignabilities", sa.LargeBinary(), nullable=False),
        sa.Column("nearest", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("round_id", "iteration", "clip_id"),
    )
    op.create_index(
        "ix_pseudo_labels_accepted",
        "pseudo_labels",
        ["round_id", "iteration", "accepted", "clip_id", "class_id"],
    )
    op.create_index("ix_pseudo_labels_clip_id", "pseudo_labels", ["clip_id"])
    op.create_index(
        "ix_pseudo_labels_queue", "pseudo_labels", ["round_id", "iteration", "settled", "margin", "clip_id"]
    )

    op.create_table(
        "round_exemplars",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("round_id", "class_id", "clip_id"),
    )
    op.create_table(
        "truths",
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("clip_id"),
    )
    op.create_index("ix_truths_class_id", "truths", ["class_id"])

    op.create_table(
        "verdicts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(), nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=True),
        sa.Column("predicted_class_id", sa.Integer(), nullable=True),
        sa.Column("round_id", sa.Integer(), nullable=True),
        sa.Column("undoes_uuid", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.CheckConstraint("(kind = 'undo') = (undoes_uuid is not null)", name="undo"),
        sa.CheckConstraint("(kind in ('accept', 'correct')) = (class_id is not null)", name="class"),
        sa.CheckConstraint(
            "kind in ('accept', 'correct', 'reject', 'novel', 'skip', 'flag', 'undo')", name="kind"
        ),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["predicted_class_id"], ["classes.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["reviewer_id"], ["users.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["undoes_uuid"], ["verdicts.uuid"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
        sa.UniqueConstraint("undoes_uuid"),
        sa.UniqueConstraint("uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_verdicts_clip_id", "verdicts", ["clip_id"])
    op.create_index(
        "ix_verdicts_deciding",
        "verdicts",
        ["clip_id", "id", "uuid"],
        sqlite_where=DECIDES,
        postgresql_where=DECIDES,
    )
    op.create_index("ix_verdicts_reviewer_id", "verdicts", ["reviewer_id", "id"])
    op.create_index("ix_verdicts_round_id_kind", "verdicts", ["round_id", "kind", "clip_id"])

    op.create_table(
        "round_clips",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("verdict_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("role <> 'labelled' or source in ('imported', 'verdict')", name="clips_labelled"),
        sa.CheckConstraint("role in ('labelled', 'unlabelled', 'test')", name="clips_role"),
        sa.CheckConstraint("source in ('imported', 'verdict', 'pseudo')", name="clips_source"),
        sa.CheckConstraint("(source is null) = (class_id is null)", name="clips_label"),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["verdict_id"], ["verdicts.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("round_id", "clip_id"),
    )
    for table in ("verdicts", "promotions"):
        make_append_only(op.get_bind(), table)
