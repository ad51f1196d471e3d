"""What stands in the way of work, above a page: the account is paused, the disk is full, a question holds the session.

Each banner is read from the engine and goes when what it tells of is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from nicegui import run, ui

from maestro.core import queries
from maestro.core.commands import control, limits
from maestro.core.commands.sessions import SessionChanges, update_session
from maestro.core.guards.storage import StorageProblem
from maestro.core.integration.retention import RecoveredView
from maestro.core.kernel.runtime import Runtime
from maestro.core.limits.account import AccountState
from maestro.core.views import ApprovalView, SessionView
from maestro.errors import NotFound
from pages import live
from pages.components.action import perform
from pages.components.buttons import button, link_button
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.keyed import KeyedList
from pages.components.tag import Tag, box, text
from pages.components.when import until
from pages.components.words import plural

_EVENTS = (
    "account_*",
    "storage_problem",
    "approval_*",
    "state_changed",
    "rolled_back",
    "restored",
    "checkpoint_created",
    "session_updated",
)
_LOOK_S = 3.0

#: Where the user's absence changes something.
AWAY_IN = {"approved", "executing", "paused", "validating"}
_AT_WORK = {"executing", "paused", "validating", "failed"}

#: Questions that hold a whole session, and what holding is called.
HOLDS = {
    "budget": ("coins", "Paused by a budget"),
    "infrastructure": ("wrench", "Merging tasks is on hold until you answer"),
    "trust": ("shield-alert", "Waiting for you to decide whether the repository’s programs may run"),
    "escape": ("shield-alert", "Paused: something changed outside a worktree"),
}
_STORAGE = {
    "disk_full": "The disk is full",
    "read_only": "A folder cannot be written",
    "locked": "The database is locked",
}


@dataclass(frozen=True, slots=True)
class Banner:
    """One banner: ``key`` tells it from others, and changes when it has to be built anew."""

    key: str
    tone: str
    icon: str
    title: str
    words: str
    acts: Callable[[], object] | None = None  # makes what can be done about it
    left_until: datetime | None = None  # counted down to


@dataclass(frozen=True, slots=True)
class Trouble:
    """What banners tell of, read at one moment."""

    storage: StorageProblem | None
    account: AccountState | None
    holds: list[ApprovalView]
    undone: RecoveredView | None
    away: int | None = None  # the user is away from this session: how much was denied for it


def read(rt: Runtime, session_id: str | None, *, holds: bool) -> Trouble:
    """Read it. Blocks. Raises NotFound for a session that is gone."""
    session = queries.get_session(rt, session_id) if session_id else None
    storage = queries.storage_problem(rt)
    account = queries.account_state(rt, demo=bool(session and session.demo))
    held: list[ApprovalView] = []
    undone = away = None
    if session is not None:
        waiting = queries.list_approvals(rt, session_id=session.id) if holds else []
        stops = [a for a in waiting if a.kind == "infrastructure" or (a.kind == "trust" and not a.task_id)]
        held = stops + held_by(waiting)
        if session.checkpoint_commit and session.status in _AT_WORK - {"validating"}:
            kept = queries.list_recovered(rt, session.id)
            undone = next((r for r in reversed(kept) if r.restorable), None)
        if session.agent_config.get("away") and session.status in AWAY_IN:
            denied = queries.list_approvals(rt, status="denied", session_id=session.id)
            away = sum(a.resolved_by == "away" for a in denied)
    return Trouble(storage, account, held, undone, away)


def held_by(questions: list[ApprovalView]) -> list[ApprovalView]:
    """Those of a session's questions that it was paused for."""
    return [q for q in questions if q.kind == "escape" or (q.kind == "budget" and q.detail.get("paused"))]


class Banners:
    """The banners of a page. ``tab`` is the session page's: the overview shows its questions itself."""

    def __init__(self, rt: Runtime, session: SessionView | None = None, tab: str | None = None) -> None:
        self._rt = rt
        self._id = session.id if session else None
        self._holds = session is not None and tab != "overview"
        with box("m-banners") as place:
            self._list: KeyedList[Banner, Tag] = KeyedList(place, key=lambda b: b.key, build=_build)
        self._reading = asyncio.Lock()  # an older answer never comes after a newer one
        self._clock = ui.timer(_LOOK_S, self.refresh, active=False)
        live.subscribe(self._id, lambda _events: self.refresh(), types=_EVENTS, every_s=0.3)

    async def refresh(self) -> None:
        """Look again what stands in the way."""
        async with self._reading:
            try:
                found = await run.io_bound(read, self._rt, self._id, holds=self._holds)
            except NotFound:
                return  # deleted; the frame leads away
            if found is not None:
                self._list.sync(self._banners(found))
                # The end of a pause is an event only for sessions at work.
                self._clock.active = found.account is not None or found.storage is not None

    def _banners(self, found: Trouble) -> list[Banner]:
        shown = []
        if found.storage:
            title = _STORAGE.get(found.storage.kind, "A folder cannot be written")
            key = f"storage {found.storage.since}"
            shown.append(Banner(key, "failed", "triangle-alert", title, found.storage.message))
        if found.account:
            shown.append(self._account(found.account))
        if found.holds:
            shown.append(_held(found.holds))
        if found.undone:
            shown.append(self._undone(found.undone))
        if found.away is not None:
            shown.append(self._away(found.away))
        return shown

    def _away(self, denied: int) -> Banner:
        words = "Risky actions are denied while you're away. Other questions wait for you."
        if denied:
            words += f" {plural(denied, 'request')} denied so far."

        def acts() -> None:
            back = button("I’m back", small=True)
            changes = SessionChanges(away=False)
            done = "Welcome back. Agents ask you again."
            back.on_click(lambda: perform(update_session, self._rt, self._id, changes, by=back, done=done))

        return Banner(f"away {denied}", "pending", "coffee", "You’re away", words, acts)

    def _account(self, state: AccountState) -> Banner:
        key = f"account {state.kind} {state.paused_until} {state.reason}"
        if state.kind == "auth":
            title = "The API key was rejected"
            return Banner(key, "failed", "key-round", title, state.reason, lambda: self._resume("Try the key again"))
        if state.paused_until is None:
            title = "The model account is paused until you resume it"
            return Banner(key, "paused", "pause", title, state.reason, lambda: self._resume("Resume now"))

        def acts() -> None:
            self._resume("Resume now")
            stay = button("Stay paused", small=True)
            stay.on_click(lambda: self._do(limits.stay_paused, stay, "The account stays paused until you resume it."))

        title = "The model account is paused"
        return Banner(key, "paused", "hourglass", title, state.reason, acts, left_until=state.paused_until)

    def _resume(self, words: str) -> None:
        go = button(words, icon="play", small=True)
        go.on_click(lambda: self._do(limits.resume_account, go, "Workers start again."))

    async def _do(self, command: Callable[[Runtime], object], by: ui.button, done: str) -> None:
        await perform(command, self._rt, by=by, done=done)
        await self.refresh()

    def _undone(self, kept: RecoveredView) -> Banner:
        number = kept.label.rpartition("-to-")[2]
        title = f"Rolled back to checkpoint {number}" if number.isdecimal() else "Rolled back"

        def acts() -> None:
            back = button("Restore", icon="rotate-ccw", small=True)
            back.on_click(
                lambda: perform(control.restore, self._rt, self._id, kept.ref, by=back, done="Work restored.")
            )

        words = "Removed work is kept and can be restored until new work is added."
        return Banner(f"undone {kept.ref}", "paused", "undo-2", title, words, acts)


def _held(questions: list[ApprovalView]) -> Banner:
    """One banner for all questions that hold the session."""
    first = questions[0]
    symbol, title = HOLDS[first.kind]
    words = str(first.detail.get("reason") or first.title)
    if len(questions) > 1:
        title = f"{len(questions)} questions need your answer"
        words = ". ".join(dict.fromkeys(HOLDS[q.kind][1] for q in questions)) + "."
    key = "held " + " ".join(q.id for q in questions)
    where = f"/session/{first.session_id}"
    return Banner(key, "waiting", symbol, title, words, lambda: link_button("Answer", where, small=True))


def _build(banner: Banner) -> Tag:
    with box(f"m-banner s-{banner.tone}", role="status") as made:
        icon(banner.icon)
        with box("m-banner__words"):
            text(banner.title, "m-banner__title")
            if banner.left_until:
                with text("", "m-num"):
                    text("continues automatically in ")
                    until(banner.left_until)
            inline(banner.words, "m-soft m-wrap")
        if banner.acts:
            with box("m-banner__acts"):
                banner.acts()
    return made
