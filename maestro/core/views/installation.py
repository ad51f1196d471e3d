"""Settings, templates and repositories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel


class SettingView(BaseModel):
    """One setting for the settings page."""

    name: str
    variable: str
    value: Any  # secrets: only whether they are set
    default: Any
    origin: str
    storable: bool
    secret: bool
    place: str | None = None  # where a key is kept, or would be, in words
    needs_restart: bool
    help: str
    choices: list[str] | None = None


class TemplateView(BaseModel):
    """A session template."""

    name: str
    title: str
    description: str
    shipped: bool
    origin: str = "own"  # shipped, own, repository (its name is then repository/NAME)
    problem: str = ""  # why it cannot be used: line and field
    left_out: list[str] = []  # what a repository's template says that is not taken from it
    body: dict[str, Any]


class RepositoryView(BaseModel):
    """A repository that a session can begin in."""

    root: Path
    head_commit: str
    branch: str | None  # None: detached
    branches: list[str]
    dirty_files: int
    shallow: bool
    has_submodules: bool


class BeginningView(BaseModel):
    """What the first commit of a folder would hold; ``names``: the first of its files."""

    root: Path
    is_repository: bool
    branch: str
    files: int
    total_bytes: int
    names: list[str]
    secrets: list[str]
    large: list[str]
    nested: list[str]
