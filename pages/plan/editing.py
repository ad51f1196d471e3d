"""The details of what is selected, every part editable where it stands: a task, or the plan as a whole."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import shorten

from pages.components.buttons import button, icon_button
from pages.components.section import section
from pages.components.tag import box, tag, text
from pages.plan.agent_fields import agent_fields
from pages.plan.check_notes import CheckNotes, Foreseen, check_notes
from pages.plan.draft import Data, Draft
from pages.plan.fields import Fields

_PRIORITIES = {0: "0, first", 1: "1, early", 2: "2, usual", 3: "3, later"} | {n: str(n) for n in range(4, 10)}


class Editor:
    """Details that can be edited. ``changed`` is told which member changed; ``act`` does what ``Bench.act`` knows.

    ``foreseen`` says of the stored checks what they will tell; ``drafts`` is how the names begin under which the browser
    keeps what is typed.
    """

    def __init__(
        self, draft: Draft, changed: Callable[[str], None], act: Callable[[str], None], foreseen: Foreseen, drafts: str
    ) -> None:
        self.draft = draft
        self._foreseen = foreseen
        self._notes: CheckNotes | None = None
        self._drafts = drafts
        self._changed = changed
        self._act = act
        self._key = ""
        self._fields: dict[str, Fields] = {}

    def show_task(self, task: Data) -> None:
        """Make the fields of a task."""
        self._key = task["id"]
        self._task_head(task)
        made = Fields(task, self._changed, f"{self._drafts}/{task['id']}")
        self._fields = {"task": made}
        made.line("title", "Title", placeholder="What it achieves, in a few words")
        made.text("description", "Description", hint="all the agent needs to know")
        made.lines("acceptance", "Acceptance", hint="verifiable statements, one per line")
        made.lines("checks", "Checks", hint="commands, one per line", mono=True)
        self._notes = check_notes(task["checks"], self._foreseen)
        made.lines("files", "Files", hint="paths or patterns it changes, one per line", mono=True)
        made.several("depends_on", "Depends on", self._others(), hint="tasks whose work it needs")
        with box("p-pair"):
            made.choice("priority", "Priority", _PRIORITIES)
            made.number("estimate_minutes", "Estimate", suffix="min")
        made.switch("requires_approval", "Ask me before it starts")
        agent_fields(made, task)
        self.show_place()
        self.show_errors()

    def _others(self) -> dict[str, str]:
        return {
            t["id"]: f"{t['id']} · {shorten(t['title'], 56, placeholder='…')}"
            for t in self.draft.tasks
            if t["id"] != self._key
        }

    def show_place(self) -> None:
        """Bring up to date what depends on where the task stands, and among which others."""
        if not self._key:
            return
        tasks = self.draft.tasks
        self._up.set_enabled(tasks[0]["id"] != self._key)
        self._down.set_enabled(tasks[-1]["id"] != self._key)
        self._remove.set_enabled(len(tasks) > 1)
        self._fields["task"].offer("depends_on", self._others())

    def show_whole(self) -> None:
        """Make the fields of the plan as a whole."""
        self._key = ""
        with box("p-details__head"):
            tag("h2", "Plan overview", "m-head m-grow")
        data = self.draft.data
        made = Fields(data, self._changed, f"{self._drafts}/")
        self._fields = {"whole": made}
        made.text("summary", "Summary", hint="what will be built, and how")
        made.lines("checks", "Final checks", hint="must pass when everything is done, one per line", mono=True)
        self._notes = check_notes(data["checks"], self._foreseen)
        made.lines("assumptions", "Assumptions")
        made.lines("risks", "Risks")
        with section("Decisions", count=len(data["decisions"])):
            for number, decision in enumerate(data["decisions"]):
                self._decision(number, decision)
            button("Add a decision", self._add_decision, icon="plus", small=True).style("align-self: flex-start")
        self.show_errors()

    def show_foreseen(self, foreseen: Foreseen) -> None:
        """Bring what is known of the stored checks up to date."""
        self._foreseen = foreseen
        if self._notes:
            self._notes.show(foreseen)

    def show_errors(self) -> None:
        """Bring what is wrong beside the fields up to date."""
        if self._key:
            self._fields["task"].show_errors(self.draft.task_errors(self._key))
            return
        for name, made in self._fields.items():
            prefix = "" if name == "whole" else f"decisions.{name}."
            names = ("summary", "checks", "assumptions", "risks", "decision_type", "options", "chosen", "rationale")
            made.show_errors({n: why for n in names if (why := self.draft.error_at(prefix + n))})

    def _task_head(self, task: Data) -> None:
        with box("p-details__head"):
            text(task["id"], "p-details__key m-cut m-grow")
            self._up = icon_button("arrow-up", "Move up", lambda: self._act("up"), small=True)
            self._down = icon_button("arrow-down", "Move down", lambda: self._act("down"), small=True)
            icon_button("copy", "Duplicate this task", lambda: self._act("duplicate"), small=True)
            icon_button("git-branch", "Split this task…", lambda: self._act("split"), small=True)
            self._remove = icon_button("trash-2", "Remove this task", lambda: self._act("remove"), small=True)

    def _decision(self, number: int, decision: Data) -> None:
        with box("p-decision"):
            made = self._fields[str(number)] = Fields(decision, self._decision_changed, f"{self._drafts}//{number}")
            made.line("decision_type", "What was decided", placeholder="Library, file format, interface…")
            made.lines("options", "Options")
            made.choice("chosen", "Chosen", dict(enumerate(decision["options"])))
            made.text("rationale", "Why")
            button("Remove this decision", lambda: self._remove_decision(number), kind="ghost", small=True).style(
                "align-self: flex-start; margin-left: -10px"
            )

    def _decision_changed(self, name: str) -> None:
        self._changed("decisions")

    def _add_decision(self) -> None:
        self.draft.add_decision()
        self._changed("decisions")
        self._act("again")

    def _remove_decision(self, number: int) -> None:
        self.draft.remove_decision(number)
        self._changed("decisions")
        self._act("again")
