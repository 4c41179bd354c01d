"""Columns that review queues are read by, and the draws of the blind audit."""

import hashlib

import numpy as np
import sqlalchemy as sa
from alembic import op

from db.base import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

QUEUES = {
    "disagreement": ["disagrees", "margin"],
    "flipped": ["flipped", "margin"],
    "alignability": ["alignability"],
    "class": ["class_id", "margin"],
    "random": ["shuffle"],
}
FLAGS = sa.text("kind = 'flag'")
ROWS_AT_ONCE = 1000


def upgrade() -> None:
    """Add columns, indexes and the table, and fill the columns of the proposals there are."""
    op.add_column(
        "pseudo_labels", sa.Column("disagrees", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("pseudo_labels", sa.Column("flipped", sa.Boolean(), nullable=True))
    op.add_column("pseudo_labels", sa.Column("shuffle", sa.Integer(), nullable=False, server_default="0"))
    _fill(op.get_bind())
    for name, columns in QUEUES.items():
        op.create_index(
            f"ix_pseudo_labels_{name}",
            "pseudo_labels",
            ["round_id", "iteration", "settled", *columns, "clip_id"],
        )
    op.create_index(
        "ix_verdicts_flags", "verdicts", ["clip_id", "id"], sqlite_where=FLAGS, postgresql_where=FLAGS
    )
    op.create_table(
        "audit_draws",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("iteration", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("answer_uuid", sa.String(), nullable=True),
        sa.Column("drawn_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["answer_uuid"], ["verdicts.uuid"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["class_id"], ["classes.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], ondelete="RESTRICT"),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("round_id", "iteration", "clip_id"),
    )


def _fill(connection: sa.Connection) -> None:
    """Disagreement and order for every row, and the flips of passes that are shown."""
    names = ("round_id", "iteration", "clip_id", "action_probabilities", "alignability_probabilities")
    labels = sa.table(
        "pseudo_labels", *(sa.column(name) for name in (*names, "disagrees", "flipped", "shuffle"))
    )
    keys = [labels.c[name] for name in names[:3]]
    change = labels.update().where(*(key == sa.bindparam(f"the_{key.name}") for key in keys))
    change = change.values(disagrees=sa.bindparam("apart"), shuffle=sa.bindparam("order"))
    last: tuple[int, int, int] = (0, -2, 0)
    while True:
        page = sa.select(*(labels.c[name] for name in names)).where(sa.tuple_(*keys) > last)
        rows = connection.execute(page.order_by(*keys).limit(ROWS_AT_ONCE)).all()
        if not rows:
            break
        connection.execute(change, [_values(*row) for row in rows])
        last = (rows[-1][0], rows[-1][1], rows[-1][2])
    connection.execute(
        sa.text(
            "UPDATE pseudo_labels SET flipped = (SELECT was.class_id <> pseudo_labels.class_id "
            "FROM rounds AS own JOIN rounds AS parent ON parent.id = own.parent_id "
            "JOIN pseudo_labels AS was ON was.round_id = parent.id AND was.iteration = parent.iteration "
            "WHERE own.id = pseudo_labels.round_id AND was.clip_id = pseudo_labels.clip_id)"
        )
    )


def _values(
    round_id: int, iteration: int, clip_id: int, action: bytes, alignability: bytes
) -> dict[str, object]:
    heads = [np.frombuffer(packed, "<f4") for packed in (action, alignability)]
    apart = all(head.size for head in heads) and heads[0].argmax() != heads[1].argmax()
    digest = hashlib.sha256(f"random|{round_id}|{clip_id}".encode()).digest()
    return {
        "the_round_id": round_id, "the_iteration": iteration, "the_clip_id": clip_id,
        "apart": bool(apart), "order": int.from_bytes(digest[:4]) >> 1,
    }  # fmt: skip
