"""The tables, one file per noun."""

from db.models.classes import ActionClass
from db.models.clips import Clip, Import, Truth
from db.models.jobs import Job, Worker
from db.models.pseudo_labels import PseudoLabel
from db.models.rounds import Promotion, Round, RoundClip, RoundExemplar, RoundStep
from db.models.users import User
from db.models.verdicts import Lease, Verdict

__all__ = [
    "ActionClass", "Clip", "Import", "Job", "Lease", "Promotion", "PseudoLabel", "Round", "RoundClip",
    "RoundExemplar", "RoundStep", "Truth", "User", "Verdict", "Worker",
]  # fmt: skip
