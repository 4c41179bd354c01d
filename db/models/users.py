"""People who may use the studio, and how they came and went."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class User(Base):
    """A person. `removed_at` ends their access; their verdicts stay."""

    __tablename__ = "users"
    __table_args__ = (CheckConstraint("role in ('admin', 'reviewer')", name="role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)  # sha256 of the token, hex
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    tour_seen_at: Mapped[datetime | None]  # None: Today shows the tour


class UserEvent(Base):
    """A person was added, got another role or token, or was removed; append-only. `role` is the new one."""

    __tablename__ = "user_events"
    __table_args__ = (
        CheckConstraint("kind in ('add', 'role', 'token', 'remove')", name="kind"),
        CheckConstraint("(kind in ('add', 'role')) = (role is not null)", name="role"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    role: Mapped[str | None]
    author_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="RESTRICT")
    )  # None: the command line
    made_at: Mapped[datetime]
