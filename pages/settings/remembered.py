"""Settings: what is remembered of repositories for their new worktrees, to look at, change and forget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nicegui import run, ui

from maestro.core.commands import environments
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import repository_environment
from maestro.core.workspaces.repository_environment import PARTS, EnvironmentView, RememberedView, parse_environment
from pages import live
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.dialogs import answer, confirm, dialog
from pages.components.drafts import forget
from pages.components.section import section
from pages.components.tag import box, tag, text
from pages.components.when import when
from pages.components.words import short_path
from pages.shared.environment_rows import EnvironmentRows

_VERBS = {"setup": "Run", "copy_files": "Copy", "checks": "Check", "pass_env": "Pass on", "network_hosts": "Reach"}


async def remembered_section(rt: Runtime) -> None:
    """The section, kept up to date; not there while nothing is remembered."""
    shown = _Section(rt)
    await shown.refresh()
    live.subscribe(None, shown.refresh, types=("environment_changed",))


class _Section:
    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        with box() as self._place, section("Repositories"):
            tag("p", "What each new worktree gets, as you confirmed when starting a session.", "m-meta m-about")
            self._list = box("m-list")

    async def refresh(self, _events: object = None) -> None:
        """Look again."""
        found = await run.io_bound(repository_environment.remembered, self._rt) or []
        self._place.set_visibility(bool(found))
        self._list.clear()
        with self._list:
            for item in found:
                self._row(item)

    def _row(self, item: RememberedView) -> None:
        with box("m-item m-stack m-gap-4"):
            with box("m-row m-row--wrap"):
                text(short_path(item.repo_path, str(Path.home())), "m-strong m-cut", title=item.repo_path)
                with box("m-row m-meta m-gap-4"):
                    text("confirmed")
                    when(item.confirmed_at)
                with box("m-row m-push m-gap-4"):
                    change = button("Change", small=True, label=f"Change {item.repo_path}")
                    change.on_click(lambda: self._change(item, change))
                    drop = button("Forget", kind="ghost", small=True, label=f"Forget {item.repo_path}")
                    drop.on_click(lambda: self._forget(item))
            _told(item)

    async def _change(self, item: RememberedView, by: ui.button) -> None:
        view = await perform(repository_environment.environment, self._rt, item.repo_path, by=by)
        if view is FAILED:
            return
        client, draft = ui.context.client, f"env-{item.git_dir}/"
        # Not in the row: that is drawn anew when something was stored, which would take the dialog with it.
        with self._place, dialog(short_path(item.repo_path, str(Path.home())), wide=True) as (panel, body):
            with body:
                rows = EnvironmentRows()
                rows.show(view, draft=draft)
                tag("div", "Applies to new sessions; existing ones keep theirs.", "m-field__help")
            with box("m-dialog__foot"):
                button("Cancel", lambda: panel.submit(None))
                save = button("Save", kind="primary")

        async def store() -> None:
            rows.show_errors({})
            stored = await perform(
                _store, self._rt, item.repo_path, rows.values(), by=save, invalid=rows.explain, done="Remembered."
            )
            if stored is not FAILED:
                forget(draft, client=client)
                panel.submit(True)

        save.on_click(store)
        await answer(panel)

    async def _forget(self, item: RememberedView) -> None:
        with self._place:
            if await confirm(
                "Forget this repository’s worktree setup?",
                happens="New sessions start without it. Maestro suggests again what it finds.",
                act="Forget",
            ):
                await perform(environments.forget_environment, self._rt, item.git_dir, done="Forgotten.")


def _told(item: RememberedView) -> None:
    parts = [(part, getattr(item, part)) for part in PARTS if getattr(item, part)]
    if item.serial_checks:
        tag("div", "Checks run one at a time.", "m-soft")
    if item.check_network:
        tag("div", "Checks may use the network.", "m-soft")
    if not parts and not item.serial_checks and not item.check_network:
        tag("div", "Only the repository’s own files.", "m-soft")
    with tag("dl", "", "m-facts"):
        for part, values in parts:
            tag("dt", _VERBS[part])
            with tag("dd", "", "m-stack m-gap-2"):
                for value in values:
                    tag("code", value, "m-wrap")


def _store(rt: Runtime, path: str, values: dict[str, Any]) -> EnvironmentView:
    return environments.remember_environment(rt, path, parse_environment(values))
