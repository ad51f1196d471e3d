"""The bar at the bottom: what the merge would do, in numbers, what stands in its way; afterwards, the way back."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from nicegui import run, ui

from maestro.core.commands import delivery, follow_up_sessions, sessions, updates
from maestro.core.commands.follow_up_sessions import FollowUpSession
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import MergePreviewView, SessionView
from maestro.errors import MaestroError
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.dialogs import confirm
from pages.components.drafts import forget, kept
from pages.components.icon import icon
from pages.components.state import session_mark
from pages.components.tag import Tag, box, tag, text
from pages.components.when import when
from pages.components.words import plural
from pages.frame.view import Frame

_METHODS: dict[delivery.Method, tuple[str, str]] = {
    "merge": ("Merge commit", "Keeps all commits and adds a merge commit"),
    "squash": ("Squash", "One new commit with all changes"),
    "ff": ("Fast-forward", "Moves the branch to the session's commits; only possible if it has no newer commits"),
}
assert set(_METHODS) == set(get_args(delivery.Method))


class MergeBar:
    """One bar in three states: not yet, to merge, merged."""

    def __init__(self, view: Frame) -> None:
        self._view = view
        self._rt: Runtime = view.rt
        self._method: delivery.Method = "merge"
        self._target: str | None = None
        self._said: object = None
        self._asked = 0
        self._bar = box("mb", role="region", aria_label="Merge")
        assert view.session is not None
        self._session = view.session

    async def show(self, session: SessionView) -> None:
        """Show the session as it is; nothing happens when nothing changed."""
        said = (session.status, session.merge, session.session_commit, session.tasks)
        if said == self._said:
            return
        self._said, self._session = said, session
        self._bar.clear()
        with self._bar:
            if session.merged:
                self._merged(session)
            elif session.status == "completed":
                self._ready(session)
            else:
                _not_yet(session)
        if session.status == "completed" and not session.merged:
            await self._refresh()

    def _ready(self, session: SessionView) -> None:
        self._blocked = box("mb__blocked s-failed m-hidden", role="alert")
        with box("mb__line"):
            with box("mb__words"):
                self._what = box("mb__what")
                if session.base_branch is None:
                    field = ui.input(placeholder="Branch to merge into").props("debounce=400").classes("mb__target")
                    kept(field, f"target-{session.id}").props.set_optional("aria-label", "Branch to merge into")
                    field.on_value_change(lambda e: self._choose_target(e.value))
            with box("mb__methods", role="group", aria_label="Merge method"):
                for method, (word, tip) in _METHODS.items():
                    self._choice(method, word, tip)
            self._update = button("Update", self._update_from_target, icon="refresh-cw", label="Update from the target")
            self._update.set_visibility(False)
            self._act = button("Merge", self._merge, icon="git-merge", kind="primary")
            self._act.props("disable")

    def _choice(self, method: delivery.Method, word: str, tip: str) -> None:
        pressed = "true" if method == self._method else "false"
        made = tag("button", word, "mb__method", type="button", title=tip, aria_pressed=pressed, data_method=method)
        made.on("click", lambda: self._choose(method))

    async def _choose(self, method: delivery.Method) -> None:
        self._method = method
        for child in self._bar.descendants():
            if isinstance(child, Tag) and "data-method" in child.props:
                child.attr(aria_pressed="true" if child.props["data-method"] == method else "false")
        await self._refresh()

    async def _choose_target(self, name: str | None) -> None:
        self._target = (name or "").strip() or None
        await self._refresh()

    async def _refresh(self) -> None:
        """Look ahead; the answer of the last look counts."""
        self._asked += 1
        number = self._asked
        try:
            seen = await run.io_bound(
                delivery.preview_merge, self._rt, self._session.id, target=self._target, method=self._method
            )
            problems = seen.blockers if seen else []
        except MaestroError as error:
            seen, problems = None, [error.detail]
        if number != self._asked or self._bar.is_deleted or self._session.merged:
            return
        self._update.set_visibility(seen is not None and not seen.fast_forward_possible and bool(seen.commits))
        if seen is not None:
            self._update.props.set_optional("title", f"Bring the new commits of {seen.target} into the session first")
        self._say(seen, blocked=bool(problems))
        self._block(problems)
        if seen is not None and not problems:
            self._act.props(remove="disable")
        else:
            self._act.props("disable")

    def _say(self, seen: MergePreviewView | None, *, blocked: bool) -> None:
        self._what.clear()
        with self._what:
            if seen is None:
                text("The merge can't be previewed yet.", "m-soft")
                return
            text("Would move " if blocked else "Moves ")
            tag("code", seen.target or "the branch", "mb__ref")
            if seen.before:
                text(" from ")
                tag("code", seen.before[:7], "mb__ref", title=seen.before)
            text(" to ")
            head = self._session.session_commit or ""
            if seen.method == "ff":
                tag("code", head[:7], "mb__ref", title=head)
            else:
                text("a new merge commit" if seen.method == "merge" else "one new commit")
            text(f": {plural(seen.commits, 'commit')}, {plural(seen.files, 'file')}")
            if seen.method == "squash" and seen.commits > 1:
                text(" squashed")

    def _block(self, problems: list[str]) -> None:
        self._blocked.clear()
        if not problems:
            self._blocked.classes("m-hidden")
            return
        self._blocked.classes(remove="m-hidden")
        with self._blocked:
            icon("triangle-alert")
            with box("m-stack m-gap-2 m-grow"):
                for problem in problems:
                    tag("div", problem, "m-wrap")
            button("Check again", self._refresh, icon="refresh-cw", small=True)

    async def _update_from_target(self) -> None:
        done = await perform(
            updates.update_from_target,
            self._rt,
            self._session.id,
            self._target,
            by=self._update,
            done="Updating. Conflicts and failing checks go to an agent.",
        )
        if done is not FAILED:
            await self._show_new(done)

    async def _merge(self) -> None:
        done = await perform(
            delivery.merge,
            self._rt,
            self._session.id,
            target=self._target,
            method=self._method,
            by=self._act,
            done=lambda s: f"Merged into {(s.merge or {}).get('target', 'your branch')}.",
        )
        if done is FAILED:
            await self._refresh()
        else:
            forget(f"target-{self._session.id}", client=self._view.content.client)
            await self._show_new(done)

    def _merged(self, session: SessionView) -> None:
        merge = session.merge or {}
        before, after = str(merge.get("before", "")), str(merge.get("after", ""))
        with box("mb__line"):
            icon("git-merge", "mb__done")
            with box("mb__words"), box("mb__what"):
                text("Merged into ")
                tag("code", str(merge.get("target", "your branch")), "mb__ref")
                text(": ")
                tag("code", before[:7], "mb__ref", title=before)
                text(" → ")
                tag("code", after[:7], "mb__ref", title=after)
                merged_at = merge.get("merged_at")
                if isinstance(merged_at, str):
                    when(datetime.fromisoformat(merged_at), "m-meta m-num mb__when")
            button("Follow-up session", self._follow, icon="arrow-right")
            button("Undo merge", self._unmerge, icon="undo-2")

    async def _follow(self) -> None:
        made = await perform(follow_up_sessions.create_follow_up, self._rt, self._session.id, FollowUpSession())
        if made is not FAILED and await perform(sessions.start_session, self._rt, made.id) is not FAILED:
            ui.navigate.to(f"/session/{made.id}/brainstorm")

    async def _unmerge(self) -> None:
        merge = self._session.merge or {}
        target, before = merge.get("target"), str(merge.get("before", ""))[:7]
        happens = [
            f"{target} moves back to {before}, its commit before the merge.",
            "The session's work stays on its branch; it can be merged again.",
            f"Not possible if {target} has newer commits or uncommitted work would be overwritten.",
        ]
        if await confirm("Undo this merge?", happens=happens, act="Undo merge", keep="Cancel"):
            done = await perform(delivery.unmerge, self._rt, self._session.id, done=f"{target} is back at {before}.")
            if done is not FAILED:
                await self._show_new(done)

    async def _show_new(self, session: SessionView) -> None:
        await self.show(session)
        await self._view.reload_session()


def _not_yet(session: SessionView) -> None:
    mark = session_mark(session)
    words = {
        "executing": f"Not ready to merge: {session.tasks.done} of {plural(session.tasks.total, 'task')} done.",
        "paused": f"Not ready to merge: paused with {session.tasks.done} of {plural(session.tasks.total, 'task')} done.",
        "validating": "Not ready to merge: the final checks are running.",
        "failed": "Not ready to merge: the session failed. Its finished tasks are on the session branch.",
        "cancelled": f"Cancelled. Finished work is on {session.session_branch}.",
    }.get(session.status, "Nothing to merge yet.")
    with box("mb__line"):
        icon(mark.icon, f"mb__done s-{mark.tone}").style("color: var(--c)")
        text(words, "m-soft")
