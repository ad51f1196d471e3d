"""Checkpoints, diffs and what a merge would bring."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from maestro.core.views.reading import readable
from maestro.db import models


class CheckpointView(BaseModel):
    """A point the session branch can go back to."""

    id: str
    number: int
    commit: str
    task_id: str | None
    title: str
    created_at: datetime

    @classmethod
    def of(cls, row: models.Checkpoint) -> CheckpointView:
        """From its row."""
        return readable(cls, row.model_dump(warnings=False))


class FileChange(BaseModel):
    """One changed file of a diff."""

    path: str
    insertions: int
    deletions: int


class DiffView(BaseModel):
    """What the session branch changes against its base."""

    base: str
    head: str
    files: list[FileChange]
    insertions: int
    deletions: int
    text: str
    text_cut: bool


class MergePreviewView(BaseModel):
    """What a merge would do, in numbers, and what stands in its way."""

    target: str | None
    method: str
    before: str | None
    commits: int
    files: int
    fast_forward_possible: bool
    conflicts: list[str]
    blockers: list[str]
