"""The details of what is selected, to read: once the plan is being carried out it does not change any more."""

from __future__ import annotations

from collections.abc import Sequence

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView, TaskView
from pages.components.buttons import link_button
from pages.components.inline import inline
from pages.components.markdown import phrase, prose
from pages.components.placeholders import notice
from pages.components.section import facts
from pages.components.state import task_state
from pages.components.tag import Tag, box, tag, text
from pages.components.words import cost, duration, percent, tokens
from pages.plan.check_notes import Foreseen, check_notes
from pages.plan.draft import Data, estimate
from pages.shared.waits import work_s


def work_times(rt: Runtime, session_id: str, tasks: list[TaskView]) -> dict[str, float]:
    """How many seconds of work each finished task took, by key. Blocks."""
    if not any(t.completed_at for t in tasks):
        return {}
    workers, pauses = queries.list_workers(rt, session_id), queries.list_pauses(rt, session_id)
    asked = queries.list_approvals(rt, status=None, session_id=session_id)
    return {t.key: s for t in tasks if (s := work_s(t, workers, asked, pauses)) is not None}


def read_task(
    task: Data, live: TaskView | None, session: SessionView, foreseen: Foreseen, *, took_s: float | None
) -> None:
    """A task of the plan, with how it goes; ``took_s``: the work it took, in seconds."""
    with box("p-details__head"):
        text(task["id"], "p-details__key m-cut m-grow")
        if live:
            task_state(live.status, session=session.status)
    tag("h2", task["title"], "m-head m-wrap")
    if live:
        _progress(live, session.id, took_s)
    _words("Description", task["description"])
    _lines("Acceptance", task["acceptance"])
    _lines("Checks", task["checks"], mono=True)
    check_notes(task["checks"], foreseen)
    _lines("Files", task["files"], mono=True)
    _lines("Requirements", task.get("requirements") or [])
    _lines("Files to imitate", task.get("patterns") or [], mono=True)
    _lines("Not part of this task", task.get("scope_out") or [])
    facts(
        {
            "Depends on": ", ".join(task["depends_on"]),
            "Priority": str(task["priority"]),
            "Estimate": f"about {estimate(task['estimate_minutes'])}" if task["estimate_minutes"] else None,
            "Agent": task.get("agent"),
            "Model": task.get("model"),
            "Effort": task.get("effort"),
            "Before it starts": "asks you" if task["requires_approval"] else None,
        }
    )


def read_whole(data: Data, foreseen: Foreseen) -> None:
    """The plan as a whole."""
    with box("p-details__head"):
        tag("h2", "Plan overview", "m-head m-grow")
    if data["summary"]:
        prose(data["summary"])
    _lines("Final checks", data["checks"], mono=True)
    check_notes(data["checks"], foreseen)
    _lines("Assumptions", data["assumptions"])
    _lines("Risks", data["risks"])
    for decision in data["decisions"]:
        with _part(decision["decision_type"]):
            for index, option in enumerate(decision["options"]):
                chosen = index == decision["chosen"]
                phrase(option, "m-wrap m-strong" if chosen else "m-wrap m-soft")
            if decision["rationale"]:
                prose(decision["rationale"], "m-soft")


def _progress(live: TaskView, session_id: str, took_s: float | None) -> None:
    if live.error_message and live.status in {"failed", "waiting", "running", "pending"}:
        notice(live.error_message, "failed" if live.status == "failed" else "waiting", symbol="circle-alert")
    if live.progress_note and live.status == "running":
        inline(live.progress_note)
    used = live.tokens.total
    facts(
        {
            "Progress": percent(live.progress) if live.status == "running" and live.progress else None,
            "Attempt": str(live.attempt) if live.attempt > 1 else None,
            "Took": None if took_s is None else duration(took_s),
            "Cost": f"{cost(live.cost_usd, used, incomplete=live.cost_incomplete)}, {tokens(used)} tokens"
            if used
            else None,
            "Hint": live.hint,
        }
    )
    if live.attempt:
        with box("m-row"):
            link_button("Task log", f"/session/{session_id}/logs?task={live.key}", icon="list", small=True)
            link_button("Task changes", f"/session/{session_id}/changes?task={live.key}", icon="file-diff", small=True)


def _part(label: str) -> Tag:
    made = box("m-stack m-gap-4")
    with made:
        tag("h3", label, "p-label")
    return made


def _words(label: str, words: str) -> None:
    if words:
        with _part(label):
            prose(words)


def _lines(label: str, lines: Sequence[str], *, mono: bool = False) -> None:
    if lines:
        with _part(label), tag("ul", "", "p-list"):
            for line in lines:
                if mono:
                    tag("li", line, "m-mono m-wrap")
                else:
                    phrase(line, name="li")
