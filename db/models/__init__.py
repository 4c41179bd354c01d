"""The tables, one file per noun."""

from db.models.audits import AuditDraw
from db.models.classes import ActionClass, ClassEvent, ExemplarChoice
from db.models.clips import Clip, Import, Truth
from db.models.jobs import Job, Worker
from db.models.phase_marks import PhaseMark
from db.models.pseudo_labels import PseudoLabel
from db.models.rounds import Promotion, Round, RoundClip, RoundExemplar, RoundStep, TestPrediction
from db.models.users import User, UserEvent
from db.models.verdicts import Lease, Verdict

__all__ = [
    "ActionClass", "AuditDraw", "ClassEvent", "Clip", "ExemplarChoice", "Import", "Job", "Lease", "PhaseMark",
    "Promotion", "PseudoLabel", "Round", "RoundClip", "RoundExemplar", "RoundStep", "TestPrediction", "Truth",
    "User", "UserEvent", "Verdict", "Worker",
]  # fmt: skip
