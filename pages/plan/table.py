"""What the parts of a plan that is being edited need of the bench they stand on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from nicegui import ui

from maestro.core.views import PlanView, SessionView
from pages.frame.view import Frame
from pages.plan.draft import Draft
from pages.plan.rows import Rows


class Table(Protocol):
    """The draft, what shows it, and the way to change it."""

    view: Frame
    draft: Draft
    rows: Rows
    selected: str
    editable: bool

    def act(self, what: str) -> None:
        """Do with the task that is shown what its buttons do."""

    def change(self, words: str, do: Callable[[], str | None]) -> bool:
        """Change the plan as one step; ``do`` may name the task to show then."""

    def step(self, *, back: bool) -> None:
        """Undo a step, or do it again."""


class Reviewed(Table, Protocol):
    """A table with what is stored: the plan under review, and commands on its session."""

    session: SessionView
    plan: PlanView

    def choose_by_hand(self, key: str) -> None:
        """Select a task as a click does."""

    async def do(self, command: Callable[..., object], *args: Any, by: ui.button | None = None, **kwargs: Any) -> bool:
        """Perform a command on the session and read everything again; whether it worked."""
