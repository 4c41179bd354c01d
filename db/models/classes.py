"""Classes of actions."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class ActionClass(Base):
    """A class a clip can belong to; `position` is its place in every list."""

    __tablename__ = "classes"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    position: Mapped[int]
    created_at: Mapped[datetime]
