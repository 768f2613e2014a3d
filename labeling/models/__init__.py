"""Everything that is stored: one file a noun."""

from labeling.models.adapter import Adapter, HoldoutPrediction, TrainingItem
from labeling.models.agreement import AgreementReport, Alarm, ErrorModel
from labeling.models.audit import Audit, AuditItem
from labeling.models.audit_log import AuditLogEntry
from labeling.models.consensus import Consensus
from labeling.models.gold import GoldPair, TrainingAnswer
from labeling.models.guideline import GuidelinePath, GuidelineVersion
from labeling.models.inquiry import Inquiry
from labeling.models.invitation import Invitation
from labeling.models.job import Job, ScoringShard, TrainingStep
from labeling.models.judgment import Judgment
from labeling.models.membership import Membership, Role
from labeling.models.pair import ImportedCount, ImportedLabel, ImportSource, Pair, PairAttribute
from labeling.models.pool import PoolReport
from labeling.models.prediction import Prediction
from labeling.models.product import Product, ProductRevision
from labeling.models.project import Project
from labeling.models.query import Query, Split
from labeling.models.queue import QueueEntry, Slot, Stream
from labeling.models.relabel import Relabel
from labeling.models.round import Round
from labeling.models.ruling import Ruling
from labeling.models.scheme import Label, LabelScheme
from labeling.models.set_aside import SetAside
from labeling.models.skip import Skip
from labeling.models.user import User

__all__ = [
    "Adapter",
    "AgreementReport",
    "Alarm",
    "Audit",
    "AuditItem",
    "AuditLogEntry",
    "Consensus",
    "ErrorModel",
    "GoldPair",
    "GuidelinePath",
    "GuidelineVersion",
    "HoldoutPrediction",
    "ImportSource",
    "ImportedCount",
    "ImportedLabel",
    "Inquiry",
    "Invitation",
    "Job",
    "Judgment",
    "Label",
    "LabelScheme",
    "Membership",
    "Pair",
    "PairAttribute",
    "PoolReport",
    "Prediction",
    "Product",
    "ProductRevision",
    "Project",
    "Query",
    "QueueEntry",
    "Relabel",
    "Role",
    "Round",
    "Ruling",
    "ScoringShard",
    "SetAside",
    "Skip",
    "Slot",
    "Split",
    "Stream",
    "TrainingAnswer",
    "TrainingItem",
    "TrainingStep",
    "User",
]
