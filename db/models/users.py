"""People who may use the studio."""

from datetime import datetime

from sqlalchemy import CheckConstraint
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
