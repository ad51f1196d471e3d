"""What the parts of a plan that is being edited need of the bench they stand on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

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
