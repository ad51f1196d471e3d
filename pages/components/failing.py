"""Failing a session ends what others do in it: it says what, and asks first."""

from __future__ import annotations

from maestro.core import queries
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import ApprovalView, SessionView
from pages.components.calls import read
from pages.components.dialogs import confirm
from pages.components.words import plural

_AT_WORK = ("running", "waiting", "checking", "integrating")


async def may_fail(rt: Runtime, session_id: str) -> bool:
    """Whether the user, told what stops, wants the session failed."""
    session = await read(queries.get_session, rt, session_id)
    asked = await read(queries.list_approvals, rt, session_id=session_id)
    return await confirm(
        f"Fail “{session.title}”?",
        happens=what_stops(session, asked),
        act="Fail the session",
        keep="Keep going",
    )


def what_stops(session: SessionView, asked: list[ApprovalView]) -> list[str]:
    """Sentences on what failing ends: the other tasks at work, and the questions that are open."""
    by_status = session.tasks.by_status
    working, pending = sum(by_status.get(s, 0) for s in _AT_WORK), by_status.get("pending", 0)
    questions = len(asked) - 1  # the one that is being answered
    said = []
    if working:
        said.append(f"{plural(working, 'task')} {'stops' if working == 1 else 'stop'}; finished work is kept.")
    if pending:
        said.append(f"{plural(pending, 'task')} {'does' if pending == 1 else 'do'} not start.")
    if questions > 0:
        said.append(
            f"{plural(questions, 'other question')} of this session {'is' if questions == 1 else 'are'} closed."
        )
    return [*said, "Your branch is not touched. Retry continues the session where it stopped."]
