"""What a session's new worktrees get, changed in a dialog: where a set-up command turned out wrong, say."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from maestro.core import queries
from maestro.core.commands import environments
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import SessionView
from maestro.core.workspaces import repository_environment
from maestro.core.workspaces.repository_environment import PARTS, EnvironmentView, parse_environment
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.dialogs import answer, dialog
from pages.components.drafts import forget
from pages.components.tag import tag
from pages.shared.environment_rows import EnvironmentRows
from pages.shared.environment_trial import EnvironmentTrial


async def change_environment(rt: Runtime, session_id: str) -> bool:
    """Ask, store; whether anything was stored."""
    found = await perform(_refresh, rt, session_id)
    if found is FAILED:
        return False
    session, view = found
    client, draft = ui.context.client, f"env-{session.id}/"
    with dialog("Worktree setup for this session", wide=True) as (panel, body):
        with body:
            rows = EnvironmentRows()
            now: dict[str, list[str]] = {part: list(session.agent_config.get(part, [])) for part in PARTS}
            serial = bool(session.agent_config.get("serial_checks"))
            network = bool(session.agent_config.get("check_network"))
            rows.show(view, now, whence="Current setup of this session", serial=serial, network=network, draft=draft)
            trial = EnvironmentTrial(rt, rows.values, rows.explain)
            trial.show(view)
            rows.on_change(trial.compare)
            remember = ui.checkbox("Remember for this repository", value=False).props("dense")
            tag("div", "Applies to worktrees made from now on.", "m-field__help")
        with tag("div", "", "m-dialog__foot"):
            button("Cancel", lambda: panel.submit(None))
            save = button("Save", kind="primary")

    async def store() -> None:
        rows.show_errors({})
        stored = await perform(
            _store, rt, session, rows.values(), bool(remember.value), by=save, invalid=rows.explain, done="Saved."
        )
        if stored is not FAILED:
            forget(draft, client=client)
            panel.submit(True)

    save.on_click(store)
    return bool(await answer(panel))


def _refresh(rt: Runtime, session_id: str) -> tuple[SessionView, EnvironmentView]:
    session = queries.get_session(rt, session_id)
    return session, repository_environment.environment(rt, session.repo_path)


def _store(rt: Runtime, session: SessionView, values: dict[str, Any], remember: bool) -> SessionView:
    chosen = parse_environment(values)
    if remember:
        environments.remember_environment(rt, session.repo_path, chosen)
    return environments.change_session_environment(rt, session.id, chosen)
