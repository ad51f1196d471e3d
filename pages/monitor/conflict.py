"""Files in which a task's work and the session branch do not fit: named in the task's details, compared in a dialog."""

from __future__ import annotations

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import TaskView
from maestro.core.views.proof import ConflictFile, ConflictSide, ConflictView
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.dialogs import answer, dialog
from pages.components.diff_lines import diff_lines, replaced_lines
from pages.components.name_list import name_list
from pages.components.tag import box, tag, text
from pages.components.words import plural

_OPEN = 3  # so many files are unfolded at first


def conflicting_files(task: TaskView) -> list[str]:
    """The files that a task was sent back for; none once it is in."""
    found = (task.result or {}).get("conflicts")
    return [str(f) for f in found] if isinstance(found, list) and task.status != "completed" else []


def conflict_part(rt: Runtime, session_id: str, task: TaskView) -> None:
    """What does not fit, and the way to look at it from both sides."""
    files = conflicting_files(task)
    name_list("Conflicts with the session branch", files, "failed")
    compare = button("Compare both sides", icon="git-merge", small=True).classes("m-start")

    async def refresh() -> None:
        found = await perform(queries.get_conflict, rt, session_id, task.id, by=compare)
        if found is not FAILED:
            await _show(found)

    compare.on_click(refresh)


async def _show(found: ConflictView) -> None:
    asked = dialog(f"{found.task_key} and the session branch", wide=True)
    with asked as (panel, body):
        asked.box.classes("q-three")
        with body:
            if not found.files:
                tag("p", "The task's work no longer conflicts.", "m-soft")
            else:
                words = f"{plural(len(found.files), 'file')} changed on both sides"
                tag("p", f"{words}, first in the task’s commit “{found.subject}”.", "m-soft m-wrap")
            for number, file in enumerate(found.files):
                _file(file, found, unfolded=number < _OPEN)
        with box("m-dialog__foot"):
            button("Close", lambda: panel.submit(None)).props("autofocus")
    await answer(panel)


def _file(file: ConflictFile, found: ConflictView, *, unfolded: bool) -> None:
    with tag("details", "", "q-three__file", open="" if unfolded else None, data_conflict=file.path):
        tag("summary", file.path, "q-more mi-chevron-right m-mono")
        with box("q-three__sides"):
            _side("On the session branch", found.ours, file.ours, file.base)
            _side("Common base", "", file.base, None)
            _side(f"In {found.task_key}", found.theirs, file.theirs, file.base)
        if file.merged.text:
            with tag("details"):
                tag("summary", "With git’s conflict markers", "q-more mi-chevron-right")
                tag("pre", file.merged.text, "q-output", tabindex="0")


def _side(title: str, commit: str, side: ConflictSide, base: ConflictSide | None) -> None:
    """One version: its changes against ``base``, or as it is."""
    with box("m-stack m-gap-4"):
        with box("m-row"):
            text(title, "m-strong")
            if commit:
                text(commit[:8], "m-mono m-meta")
        if not side.exists:
            tag("div", "The file does not exist there.", "m-soft")
        elif side.text is None:
            tag("div", "Not text: compare it with your own tools.", "m-soft")
        elif base is None or (base.text is None and base.exists):
            diff_lines("\n".join(f" {line}" for line in side.text.splitlines()), cut=side.cut)
        elif base.text == side.text:
            tag("div", "Unchanged.", "m-soft")
        else:
            replaced_lines(base.text or "", side.text)
