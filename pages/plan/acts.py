"""What the page's script asks for (``plan.js``): selecting, moving, linking, undoing; by mouse, touch or keyboard."""

from __future__ import annotations

from typing import Annotated, Literal

from nicegui.events import GenericEventArguments
from pydantic import BaseModel, Field, ValidationError

from pages.plan import groups
from pages.plan.picked import Picked
from pages.plan.table import Table

_Key = Annotated[str, Field(max_length=40)]


class _Asked(BaseModel):
    do: Literal["pick", "extend", "clear", "move", "place", "link", "unlink", "remove", "undo", "redo"]
    key: _Key = ""
    to: _Key = ""  # the other end: of a range, of a dependency; the task to stand before ("": at the end)
    step: Literal[-1, 1] = 1


class Acts:
    """Performs what a script's event asks for, if it makes sense now."""

    def __init__(self, bench: Table, picked: Picked) -> None:
        self.bench = bench
        self.picked = picked

    def heard(self, event: GenericEventArguments) -> None:
        """An event of the page's script."""
        try:
            asked = _Asked.model_validate(event.args)
        except ValidationError:
            return
        bench, picked = self.bench, self.picked
        if asked.do in {"undo", "redo"}:
            bench.step(back=asked.do == "undo")
        elif asked.do == "clear":
            picked.clear()
        elif bench.draft.task(asked.key) is None:
            return
        elif asked.do == "pick":
            picked.toggle(asked.key)
        elif asked.do == "extend":
            picked.extend(asked.key, asked.to)
        else:
            self._edit(asked)

    def _edit(self, asked: _Asked) -> None:
        bench, tasks = self.bench, self.bench.draft.tasks
        group = self.picked.keys if asked.key in self.picked.keys else [asked.key]
        what = group[0] if len(group) == 1 else f"{len(group)} tasks"
        if asked.do == "move":
            bench.change(f"Move {what}", lambda: groups.move(tasks, group, asked.step))
        elif asked.do == "place":
            bench.change(f"Move {what}", lambda: groups.place(tasks, group, asked.to or None))
        elif asked.do == "remove":
            self.picked.remove(group)
        elif asked.do == "link" and bench.draft.task(asked.to):
            bench.change(f"{asked.to} waits for {asked.key}", lambda: groups.link(tasks, asked.key, asked.to))
        elif asked.do == "unlink" and bench.draft.task(asked.to):
            words = f"{asked.to} no longer waits for {asked.key}"
            bench.change(words, lambda: groups.unlink(tasks, asked.key, asked.to))
