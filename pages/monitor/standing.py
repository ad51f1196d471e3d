"""Where the session stands, in words, with the one thing to do next: what comes before execution, pauses, ends."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from maestro.core.commands import control, sessions
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView
from pages.components.action import FAILED, perform
from pages.components.buttons import button, link_button
from pages.components.drafts import forget, kept
from pages.components.icon import icon
from pages.components.tag import Tag, box, tag
from pages.components.words import plural
from pages.frame.banners import held_by
from pages.monitor.snapshot import Snapshot

#: Before execution the page is this and nothing else: icon, title, words.
_BEFORE = {
    "idle": (
        "lightbulb",
        "Not started yet",
        "First discuss the idea with the assistant. It becomes a plan that you can edit; nothing runs before "
        "you approve it.",
    ),
    "brainstorming": (
        "messages-square",
        "Brainstorming",
        "The assistant keeps the idea card up to date as you chat. When it says what you want, make the plan.",
    ),
    "planning": (
        "sparkles",
        "The plan is being made",
        "The assistant reads the repository and splits the work into tasks. You review the plan before anything runs.",
    ),
    "plan_review": (
        "list-checks",
        "The plan is ready for review",
        "Edit what you like, then approve it. Nothing runs before that.",
    ),
}


class Standing:
    """The block at the top; rebuilt only when what it says changes."""

    def __init__(self, rt: Runtime, session_id: str) -> None:
        self._rt = rt
        self._id = session_id
        self._said: object = None
        self._place = box("mon-standing")

    def show(self, now: Snapshot) -> None:
        """Say where the session stands."""
        session = now.session
        held = bool(held_by(now.approvals))
        said = (
            session.status,
            session.merged,
            session.error_message,
            session.tasks,
            session.result,
            session.title,
            held,
        )
        if said == self._said:
            return
        self._said = said
        self._place.clear()
        build = self._builder(session)
        self._place.set_visibility(build is not None)
        if build:
            with self._place:
                build(now)

    def _builder(self, session: SessionView) -> Callable[[Snapshot], None] | None:
        if session.status in _BEFORE:
            return self._before
        return {
            "approved": self._approved,
            "paused": self._paused,
            "validating": self._validating,
            "completed": self._merged if session.merged else self._completed,
            "failed": self._failed,
            "cancelled": self._cancelled,
        }.get(session.status)

    def _before(self, now: Snapshot) -> None:
        session = now.session
        symbol, title, words = _BEFORE[session.status]
        with _hero(symbol, title, words, quiet=session.status == "planning"):
            if session.status == "idle":
                begin = button("Start", icon="play", kind="primary")
                begin.on_click(lambda: self._start(begin))
            elif session.status == "brainstorming":
                link_button(
                    "Continue chatting", f"/session/{session.id}/brainstorm", icon="messages-square", kind="primary"
                )
            elif session.status == "planning":
                link_button("Watch progress", f"/session/{session.id}/plan", icon="workflow")
            else:
                link_button("Review plan", f"/session/{session.id}/plan", icon="list-checks", kind="primary")

    def _approved(self, now: Snapshot) -> None:
        session = now.session
        tasks = plural(session.tasks.total, "task")
        words = f"{tasks} on a branch of their own. {_checkout(session)} is not touched before you merge."
        with _hero("flag", "Ready to start", words, slim=True):
            begin = button("Start execution", icon="play", kind="primary")
            begin.on_click(lambda: perform(control.execute, self._rt, self._id, by=begin, done="Started."))

    def _paused(self, now: Snapshot) -> None:
        live = sum(1 for w in now.workers if w.status != "ended")
        words = f"{plural(live, 'worker')} are paused and continue where they stopped."
        if live == 1:
            words = "The worker is paused and continues where it stopped."
        elif not live:
            words = "No worker is running. Nothing starts until you resume."
        if held_by(now.approvals):  # resuming would only stop again
            _banner("paused", "pause", "Paused", "Answer the question below to continue.")
            return
        _banner("paused", "pause", "Paused", words)

    def _validating(self, now: Snapshot) -> None:
        if held_by(now.approvals):
            _banner("waiting", "hand", "Final checks are on hold", "Answer the question below to continue.")
            return
        commands = list(dict.fromkeys(c.command for c in now.checks if c.task_id is None))
        words = "All tasks are done. The plan's checks now run on the session branch"
        words += f": {', '.join(commands[:3])}" if commands else "."
        _banner("checking", "flask-conical", "Running final checks", words)

    def _completed(self, now: Snapshot) -> None:
        session = now.session
        with _hero("circle-check", "Ready to merge", _proof(session), tone="done", slim=True):
            link_button("Review and merge", f"/session/{session.id}/changes", icon="git-merge", kind="primary")

    def _merged(self, now: Snapshot) -> None:
        merge = now.session.merge or {}
        before, after = str(merge.get("before", ""))[:7], str(merge.get("after", ""))[:7]
        words = f"{before} → {after}. You can undo the merge until newer commits follow."
        with _hero("git-merge", f"Merged into {merge.get('target', 'your branch')}", words, tone="done", slim=True):
            link_button("See the changes", f"/session/{now.session.id}/changes", icon="file-diff")

    def _failed(self, now: Snapshot) -> None:
        session = now.session
        with _banner("failed", "circle-x", "Failed", session.error_message or "No reason was given.", wide=True):
            hint = ui.input(placeholder="A hint for the next attempt (optional)").classes("mon-hint")
            kept(hint, f"hint-{session.id}").props.set_optional("aria-label", "Hint for the next attempt")
            client = ui.context.client
            again = button("Try again", icon="refresh-cw", kind="primary", small=True)

            async def retry() -> None:
                words, done = hint.value or None, "Trying again."
                if await perform(control.retry, self._rt, self._id, hint=words, by=again, done=done) is not FAILED:
                    forget(f"hint-{session.id}", client=client)

            again.on_click(retry)

    def _cancelled(self, now: Snapshot) -> None:
        session = now.session
        done = session.tasks.by_status.get("completed", 0)
        why = (session.error_message or "").removeprefix("Cancelled").lstrip(".: ")
        said = [f"{why.rstrip('.')}."] if why else []
        if done:
            said.append(
                f"{plural(done, 'finished task')} {'stays' if done == 1 else 'stay'} on {session.session_branch}."
            )
        said.append("Unfinished work is kept: see Checkpoints.")
        _banner("pending", "ban", "Cancelled", " ".join(said))

    async def _start(self, by: ui.button) -> None:
        if await perform(sessions.start_session, self._rt, self._id, by=by) is not FAILED:
            ui.navigate.to(f"/session/{self._id}/brainstorm")


def _hero(
    symbol: str, title: str, words: str, *, tone: str = "pending", slim: bool = False, quiet: bool = False
) -> Tag:
    """Large and calm; gives the place for the one action."""
    with box(f"mon-hero s-{tone}" + (" mon-hero--slim" if slim else "") + ("" if quiet else " mon-hero--acts")):
        icon(symbol, "mon-hero__icon")
        with box("mon-hero__words"):
            tag("h2", title, "mon-hero__title")
            tag("p", words, "m-soft m-wrap")
        return box("mon-hero__act")


def _banner(tone: str, symbol: str, title: str, words: str, *, wide: bool = False) -> Tag:
    """One line in the state's colour; gives the place for what can be done about it."""
    with box(f"mon-banner s-{tone}" + (" mon-banner--wide mon-hero--acts" if wide else ""), role="status"):
        icon(symbol, "mon-banner__icon")
        with box("mon-banner__words"):
            tag("span", title, "mon-banner__title")
            tag("span", words, "m-wrap")
        return box("mon-banner__act")


def _proof(session: SessionView) -> str:
    result = session.result or {}
    tasks = plural(int(result.get("tasks", session.tasks.done)), "task")
    skipped = int(result.get("skipped", 0))
    left_out = f" ({skipped} skipped)" if skipped else ""
    checks, denied = int(result.get("checks", 0)), int(result.get("denied_away", 0))
    if denied:
        left_out += f", {plural(denied, 'request')} denied while you were away"
    if not checks:
        return f"{tasks} done{left_out}. The plan has no final checks, so nothing proves the result: review the changes closely."
    passed = f"{tasks}{left_out}, {plural(checks, 'check')} passed on {session.session_branch}."
    return " ".join([passed, *result.get("proven_but", [])])


def _checkout(session: SessionView) -> str:
    return f"Your branch {session.base_branch}" if session.base_branch else "Your checkout"
