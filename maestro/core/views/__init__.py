"""The shapes of the contract: what pages, REST and CLI are given. One file a subject, this face for all."""

from maestro.core.views.approvals import ApprovalView, PauseView
from maestro.core.views.delivery import CheckpointView, DiffView, FileChange, MergePreviewView
from maestro.core.views.evidence import CheckRunView
from maestro.core.views.installation import BeginningView, RepositoryView, SettingView, TemplateView
from maestro.core.views.notes import NoteView
from maestro.core.views.plan import (
    CheckForeseen,
    CheckTried,
    DecisionView,
    DraftedTask,
    FieldChange,
    HotSpot,
    PlanActual,
    PlanCommentView,
    PlanDiff,
    PlanEstimate,
    PlanFinding,
    PlannedCommand,
    PlanProgress,
    PlanReview,
    PlanTrial,
    PlanVersionView,
    PlanView,
    Range,
    Risk,
    TaskChange,
    TraceRow,
)
from maestro.core.views.reading import finite, readable, whole
from maestro.core.views.sessions import CardVersionView, MessageView, Overview, SessionView, TaskCounts
from maestro.core.views.usage import Tokens
from maestro.core.views.work import LogView, Series, TaskView, WorkerView

__all__ = [
    "ApprovalView",
    "BeginningView",
    "CardVersionView",
    "CheckForeseen",
    "CheckRunView",
    "CheckTried",
    "CheckpointView",
    "DecisionView",
    "DiffView",
    "DraftedTask",
    "FieldChange",
    "FileChange",
    "HotSpot",
    "LogView",
    "MergePreviewView",
    "MessageView",
    "NoteView",
    "Overview",
    "PauseView",
    "PlanActual",
    "PlanCommentView",
    "PlanDiff",
    "PlanEstimate",
    "PlanFinding",
    "PlanProgress",
    "PlanReview",
    "PlanTrial",
    "PlanVersionView",
    "PlanView",
    "PlannedCommand",
    "Range",
    "RepositoryView",
    "Risk",
    "Series",
    "SessionView",
    "SettingView",
    "TaskChange",
    "TaskCounts",
    "TaskView",
    "TemplateView",
    "Tokens",
    "TraceRow",
    "WorkerView",
    "finite",
    "readable",
    "whole",
]
