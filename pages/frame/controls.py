"""What can be done to a session now: only what its state allows is shown, and what cannot be taken back asks first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nicegui import run, ui
from nicegui.elements.mixins.text_element import TextElement

from maestro.core import queries
from maestro.core.commands import control, follow_up_sessions, sessions, templates
from maestro.core.commands.follow_up_sessions import FollowUpSession
from maestro.core.views import SessionView
from pages.components.action import FAILED, perform, say_failed
from pages.components.buttons import button, icon_button, link_button
from pages.components.dialogs import answer, confirm, dialog, points
from pages.components.drafts import forget, kept
from pages.components.fields import field
from pages.components.tag import box
from pages.components.words import plural
from pages.frame.banners import AWAY_IN, held_by
from pages.session_policy import change_policy
from pages.shared import rollback
from pages.shared.session_environment import change_environment
from pages.shared.session_limits import change_limits

if TYPE_CHECKING:
    from pages.frame.view import Frame

_ROLLS_BACK = {"executing", "paused", "completed", "failed"}
_OVER = {"completed", "cancelled"}
_DELETES = {"idle", "brainstorming", "planning", "plan_review", "approved", "completed", "failed", "cancelled"}


def controls(view: Frame, session: SessionView, tab: str | None) -> None:
    """The control panel of a session; it follows the session's state."""
    acts = _Acts(view)
    with box("m-controls"):
        shown = {
            "start": button("Start", acts.start, icon="play", kind="primary", small=True),
            "resume": button("Resume", acts.resume, icon="play", kind="primary", small=True),
            "execute": button("Start execution", acts.execute, icon="play", kind="primary", small=True),
            "retry": button("Retry", acts.retry, icon="refresh-cw", kind="primary", small=True),
            "review": link_button("Review plan", f"/session/{session.id}/plan", kind="primary", small=True),
            "merge": link_button("Review and merge", f"/session/{session.id}/changes", kind="primary", small=True),
            "pause": button("Pause", acts.pause, icon="pause", small=True),
            "away": button("I’m away", acts.away, icon="coffee", small=True),
            "rollback": button("Roll back…", acts.rollback, icon="undo-2", small=True),
            "cancel": button("Cancel…", acts.cancel, icon="x", kind="danger", small=True),
        }
        shown["away"].props.set_optional("title", "Risky actions are denied while you're away; other questions wait.")
        for name in ("review", "merge", "resume"):
            shown[name].classes("m-btn--keep")
        more = icon_button("ellipsis", "More", kind="ghost", small=True)
        more.props.set_optional("aria-haspopup", "menu")
        with more, ui.menu():
            ui.menu_item("Rename…", acts.rename)
            set_up = ui.menu_item("Worktree setup…", acts.set_up)
            limits = ui.menu_item("Limits…", acts.limits)
            permissions = ui.menu_item("Permissions…", acts.permissions)
            follow = ui.menu_item("Follow-up session", acts.follow)
            template = ui.menu_item("Save as template…", acts.save_as_template)
            delete = ui.menu_item("Delete…", acts.delete)

    def show(now: SessionView) -> None:
        wanted = available(now, tab)
        for name, element in shown.items():
            _show(element, name in wanted)
        delete.set_visibility(now.status in _DELETES)
        follow.set_visibility(now.status in _OVER)
        template.set_visibility(now.status in _OVER and bool(now.plan_version))
        set_up.set_visibility(now.status not in _OVER)
        limits.set_visibility(now.status not in _OVER)
        permissions.set_visibility(now.status not in _OVER)

    show(session)
    view.on_session(show)


def available(session: SessionView, tab: str | None) -> set[str]:
    """The names of the controls that make sense now."""
    events = set(session.allowed_events)
    wanted = events & {"pause", "resume", "cancel", "retry"}
    # A page that has the act itself, where it is decided, is not to offer it twice.
    if "start" in events and tab != "brainstorm":
        wanted.add("start")
    if "start_execution" in events and tab != "plan":
        wanted.add("execute")
    if session.status == "plan_review" and tab != "plan":
        wanted.add("review")
    if session.status == "completed" and not session.merged and tab != "changes":
        wanted.add("merge")
    earlier = session.checkpoint_commit not in {None, session.base_commit}
    if session.status in _ROLLS_BACK and earlier and not session.merged:
        wanted.add("rollback")
    if session.status in AWAY_IN and not session.agent_config.get("away"):
        wanted.add("away")  # the way back is the banner's
    return wanted


def _show(element: TextElement, visible: bool) -> None:
    if visible:
        element.classes(remove="m-hidden")
    else:
        element.classes("m-hidden")


class _Acts:
    """The acts themselves, each with its words."""

    def __init__(self, view: Frame) -> None:
        self.view = view
        self.rt = view.rt

    @property
    def session(self) -> SessionView:
        assert self.view.session is not None
        return self.view.session

    async def start(self) -> None:
        if await perform(sessions.start_session, self.rt, self.session.id) is not FAILED:
            ui.navigate.to(f"/session/{self.session.id}/brainstorm")

    async def execute(self) -> None:
        await self._do(control.execute, "Started.")

    async def pause(self) -> None:
        await self._do(control.pause, "Paused; they continue where they stopped.")

    async def resume(self) -> None:
        waiting = await run.io_bound(queries.list_approvals, self.rt, session_id=self.session.id) or []
        if any(q.kind == "budget" for q in held_by(waiting)):
            say_failed("A budget is used up, so it would only stop again. Answer its question on the overview first.")
            return
        await self._do(control.resume, "Continuing.")

    async def retry(self) -> None:
        with dialog("Try again?") as (panel, body):
            with body:
                points(
                    [
                        "Failed tasks get another attempt, with the error and your hint. Finished tasks are kept.",
                        "If all tasks are done, the final checks run again. Failures are fixed with your hint.",
                    ]
                )
                with field("Hint", optional=True, draft=f"hint-{self.session.id}"):
                    hint = ui.textarea(placeholder="What should be done differently?").props(
                        "autogrow autofocus rows=2"
                    )
            with box("m-dialog__foot"):
                button("Not now", lambda: panel.submit(None))
                button("Try again", lambda: panel.submit(True), kind="primary")
        if await answer(panel):
            await self._send(f"hint-{self.session.id}", control.retry, hint=hint.value or None, done="Trying again.")
            await self.view.reload_session()

    async def cancel(self) -> None:
        with dialog("Cancel this session?") as (panel, body):
            with body:
                points(
                    [
                        f"{plural(self.session.live_workers, 'running worker')} will be stopped."
                        if self.session.live_workers
                        else "Nothing is running.",
                        f"Finished work stays on {self.session.session_branch}, unfinished work under recovered refs.",
                        f"Your branch {self.session.base_branch or ''} is not touched.".replace("  ", " "),
                        "A cancelled session cannot be continued.",
                    ]
                )
                with field("Reason", optional=True, draft=f"reason-{self.session.id}"):
                    reason = ui.input().props("maxlength=500")
            with box("m-dialog__foot"):
                button("Go back", lambda: panel.submit(None)).props("autofocus")
                button("Cancel session", lambda: panel.submit(True), kind="danger-fill")
        if await answer(panel):
            await self._send(f"reason-{self.session.id}", control.cancel, reason.value or None, done="Cancelled.")
            await self.view.reload_session()

    async def away(self) -> None:
        changes = sessions.SessionChanges(away=True)
        await perform(sessions.update_session, self.rt, self.session.id, changes, done="Agents continue without you.")
        await self.view.reload_session()

    async def rollback(self) -> None:
        if await rollback.choose(self.rt, self.session):
            await self.view.reload_session()

    async def rename(self) -> None:
        with dialog("Rename session") as (panel, body):
            with body, field("Title"):
                title = ui.input(value=self.session.title).props("autofocus maxlength=255")
                kept(title, f"rename-{self.session.id}", over=True)
                title.on("keydown.enter", lambda: panel.submit(title.value))
            with box("m-dialog__foot"):
                button("Cancel", lambda: panel.submit(None))
                button("Rename", lambda: panel.submit(title.value), kind="primary")
        wanted = await answer(panel)
        if wanted and wanted.strip() and wanted != self.session.title:
            changes = sessions.SessionChanges(title=wanted.strip()[:255])
            await self._send(f"rename-{self.session.id}", sessions.update_session, changes)
            await self.view.reload_session()

    async def limits(self) -> None:
        await change_limits(self.rt, self.session.id)

    async def permissions(self) -> None:
        await change_policy(self.rt, self.session.id)

    async def set_up(self) -> None:
        if await change_environment(self.rt, self.session.id):
            await self.view.reload_session()

    async def follow(self) -> None:
        made = await perform(follow_up_sessions.create_follow_up, self.rt, self.session.id, FollowUpSession())
        if made is not FAILED and await perform(sessions.start_session, self.rt, made.id) is not FAILED:
            ui.navigate.to(f"/session/{made.id}/brainstorm")

    async def save_as_template(self) -> None:
        with dialog("Save as template") as (panel, body):
            with body:
                with field("Name", help="Lowercase letters, digits, and dashes; also used on the command line."):
                    name = ui.input(placeholder="csv-export").props("autofocus")
                with field("Title"):
                    title = ui.input(value=self.session.title).props("maxlength=255")
            with box("m-dialog__foot"):
                button("Cancel", lambda: panel.submit(False))
                button("Save template", lambda: panel.submit(True), kind="primary")
        if await answer(panel):
            given = ((name.value or "").strip(), (title.value or "").strip())
            await perform(templates.save_session, self.rt, self.session.id, *given, done="Template saved.")

    async def delete(self) -> None:
        happens = [
            "Its conversation, plan, logs and evidence are removed.",
            "Its worktrees and branches are removed; its commits stay reachable under recovered refs.",
            "Your own branches are not touched.",
        ]
        if not await confirm(f"Delete “{self.session.title}”?", happens=happens, act="Delete session"):
            return
        deleted: object = await perform(sessions.delete_session, self.rt, self.session.id, done="Deleted.")
        if deleted is not FAILED:
            ui.navigate.to("/session")

    async def _send(self, draft: str, command: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Perform a command with what was typed; the browser need not keep it then."""
        client = self.view.content.client
        if await perform(command, self.rt, self.session.id, *args, **kwargs) is not FAILED:
            forget(draft, client=client)

    async def _do(self, command: Callable[..., object], done: str) -> None:
        await perform(command, self.rt, self.session.id, done=done)
        await self.view.reload_session()
