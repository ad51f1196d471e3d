"""The dashboard's rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maestro.core import queries
from maestro.core.execution.digest import SessionDigest
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import ApprovalView, PauseView, SessionView, TaskView, WorkerView
from pages.components.bar import task_bar
from pages.components.icon import icon
from pages.components.inline import plain
from pages.components.state import session_chip, session_mark
from pages.components.tag import Tag, box, tag, text
from pages.components.when import set_when, when
from pages.components.words import cost, plural
from pages.frame.banners import held_by
from pages.shared.waits import work_s

_AT_WORK = "planning,executing,paused,validating"
_GOING = {"running", "checking", "integrating"}


@dataclass(frozen=True, slots=True)
class Running:
    """A session at work, with what a row says about it."""

    session: SessionView
    last_words: str
    minutes_left: float | None
    blocked: str = ""  # why nothing goes on


def read_running(rt: Runtime) -> list[Running]:
    """The sessions at work, at most 30. Blocks."""
    sessions, _ = queries.list_sessions(rt, status=_AT_WORK, limit=30)
    return [_running(rt, session) for session in sessions]


def _running(rt: Runtime, session: SessionView) -> Running:
    if session.status == "planning":
        return Running(session, "Making the plan", None)
    logs = queries.list_logs(rt, session.id, kind="text,tool", limit=1)
    words = f"{logs[0].source}: {logs[0].message}".replace("`", "") if logs else ""
    left, blocked = _left(rt, session)
    return Running(session, words.splitlines()[0][:300] if words else "", left, blocked)


def _left(rt: Runtime, session: SessionView) -> tuple[float | None, str]:
    """The minutes that are left, or why none of them passes."""
    if session.status not in {"executing", "paused"}:
        return None, ""
    asked = queries.list_approvals(rt, status=None, session_id=session.id)
    tasks = queries.list_tasks(rt, session.id)
    blocked = blocked_by(session, tasks, asked)
    if blocked or session.status == "paused":
        return None, blocked
    workers, pauses = queries.list_workers(rt, session.id), queries.list_pauses(rt, session.id)
    return minutes_left(tasks, workers, asked, pauses), ""


def blocked_by(session: SessionView, tasks: list[TaskView], asked: list[ApprovalView]) -> str:
    """What has to happen before anything goes on; empty while something does."""
    pending = [q for q in asked if q.status == "pending"]
    if session.status == "paused":
        return "blocked until you answer" if held_by(pending) else "blocked until you resume"
    at_work = any(t.status in _GOING for t in tasks)
    whole = any(q.task_id is None for q in pending)
    return "blocked until you answer" if pending and (whole or not at_work) else ""


def minutes_left(
    tasks: list[TaskView], workers: list[WorkerView], asked: list[ApprovalView], pauses: list[PauseView]
) -> float | None:
    """From how long this session's own finished tasks took, without their waiting.

    None where that says nothing: no task is done yet, none is left, or none goes on before the user has answered.
    """
    took = [s for t in tasks if t.status == "completed" and (s := work_s(t, workers, asked, pauses)) is not None]
    to_do = [t for t in tasks if t.status not in {"completed", "skipped", "cancelled"}]
    at_work = sum(t.status in _GOING for t in to_do)
    if not took or not at_work:
        return None
    return sum(took) / len(took) / 60 * len(to_do) / at_work


class RunningRow:
    """One session at work: state, title, repository, bar, workers, cost, time left, last words."""

    def __init__(self, running: Running) -> None:
        session = running.session
        with tag("a", "", "m-item m-running", href=f"/session/{session.id}", data_nav=""):
            with box("m-row m-gap-12"):
                self.title = text(plain(session.title), "m-strong m-cut", dir="auto")
                text(Path(session.repo_path).name, "m-meta m-cut m-optional", title=session.repo_path)
                self.chip = session_chip(session)
                self.chip.classes("m-push")
            with box("m-running__bar") as self.progress:
                self.bar = task_bar(session)
                self.facts = text("", "m-meta m-num")
            self.words = tag("div", "", "m-meta m-cut")
        self.show(running)

    def show(self, running: Running) -> None:
        """Show the session as it is now."""
        session = running.session
        self.title.set_text(plain(session.title))
        self.chip.show(session_mark(session))
        self.bar.show(session)
        self.progress.set_visibility(bool(session.tasks.total))
        self.facts.set_text(_facts(running))
        self.words.set_text(running.last_words)
        self.words.set_visibility(bool(running.last_words))


def _facts(running: Running) -> str:
    session = running.session
    parts = [f"{session.tasks.done} of {session.tasks.total}"] if session.tasks.total else []
    if session.live_workers:
        parts.append(plural(session.live_workers, "worker"))
    parts.append(cost(session.cost_usd, session.tokens.total, free=session.demo, incomplete=session.cost_incomplete))
    if running.blocked:
        parts.append(running.blocked)
    if running.minutes_left is not None:
        parts.append(f"about {max(1, round(running.minutes_left))} min left")
    return " · ".join(parts)


class NeedRow:
    """A session whose next step is the user's: to talk, to read a plan, to look at a failure, to merge."""

    def __init__(self, session: SessionView) -> None:
        with tag("a", "", "m-item", data_nav="") as self.link, box("m-need"):
            with box():
                self.chip = session_chip(session)
            with box("m-stack m-gap-0 m-grow"):
                self.title = text(plain(session.title), "m-strong m-cut", dir="auto")
                self.why = text("", "m-meta m-cut")
            self.act = text("", "m-need__act")
            icon("chevron-right").style("color: var(--text-3)")
        self.show(session)

    def show(self, session: SessionView) -> None:
        """Show the session as it is now."""
        page, act, why = _need(session)
        self.link.attr(href=f"/session/{session.id}{page}")
        self.chip.show(session_mark(session))
        self.title.set_text(plain(session.title))
        self.why.set_text(why)
        self.why.attr(title=why)
        self.act.set_text(act)


def _need(session: SessionView) -> tuple[str, str, str]:
    repository = Path(session.repo_path).name
    if session.status == "plan_review":
        return "/plan", "Review", f"The plan is ready · {repository}"
    if session.status == "failed":
        return "", "View", session.error_message or "No reason was given."
    if session.status == "approved":
        return "/plan", "Start", f"The plan is approved · {repository}"
    if session.status in {"idle", "brainstorming"}:
        return "/brainstorm", "Continue", repository
    result = session.result or {}
    how = "proven" if result.get("proven") else "done, no final checks"
    if result.get("checks") and not result.get("proven"):
        how = "done, with tests skipped or lost"
    return "/changes", "Merge", f"{plural(session.tasks.done, 'task')} {how}, ready to merge · {repository}"


class DigestRow:
    """What happened to a session while Maestro was off."""

    def __init__(self, part: SessionDigest) -> None:
        asks = part.questions or part.failures
        went_on = ("paused", "pause", "Paused") if part.status == "paused" else ("done", "check", "Continued")
        tone, symbol, word = ("waiting", "hand", "Needs you") if asks else went_on
        with tag("a", "", "m-away__row m-away__row--told", href=f"/session/{part.session_id}"):
            icon(symbol, f"s-{tone}", label=word).style("color: var(--c)")
            with box("m-stack m-gap-0 m-grow"):
                text(plain(part.title), "m-cut", title=part.title, dir="auto")
                text(digest_words(part), "m-meta")


def digest_words(part: SessionDigest) -> str:
    """A session's part of the digest in one line; how much was logged is nobody's news."""
    said = [line for line in part.lines if not line.endswith(("log row", "log rows"))]
    words = ", ".join(said)
    return words[:1].upper() + words[1:]


class AwayRow:
    """A session that ended: how, and when."""

    def __init__(self, session: SessionView) -> None:
        mark = session_mark(session)
        with tag("a", "", "m-away__row", href=f"/session/{session.id}") as self.row:
            self.icon: Tag = icon(mark.icon, f"s-{mark.tone}", label=mark.word).style("color: var(--c)")
            self.title = text(plain(session.title), "m-cut m-grow", dir="auto")
            self.when = when(session.completed_at or session.updated_at, "m-meta m-num")

    def show(self, session: SessionView) -> None:
        """Show the session as it is now."""
        mark = session_mark(session)
        self.icon.classes(replace=f"mi mi-{mark.icon} s-{mark.tone}")
        self.icon.attr(aria_label=mark.word)
        self.title.set_text(plain(session.title))
        set_when(self.when, session.completed_at or session.updated_at)
