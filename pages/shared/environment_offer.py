"""The part of a new session about its worktrees: what the repository needs is offered, chosen, and remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui import run, ui

from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import repository_environment
from maestro.core.workspaces.repository_environment import PARTS, EnvironmentView
from maestro.errors import MaestroError
from pages.shared.environment_rows import EnvironmentRows
from pages.shared.environment_trial import EnvironmentTrial


class EnvironmentOffer:
    """Empty until a repository is looked at."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._looked_at: tuple[str, str | None] | None = None
        self._view: EnvironmentView | None = None
        self._template: dict[str, list[str]] = {}
        self._switches: tuple[bool | None, bool | None] = (None, None)  # as the template says: one at a time, network
        self._rows = EnvironmentRows()
        self._remember = ui.checkbox("Remember for this repository", value=True).props("dense").classes("m-env__keep")
        self._remember.set_visibility(False)
        self._trial = EnvironmentTrial(rt, self._rows.values, self._rows.explain)
        self._rows.on_change(self._trial.compare)

    async def show_for(self, path: str | None, branch: str | None) -> None:
        """Show what is remembered and found for a repository; None: none is chosen. What was ticked stays if nothing differs."""
        wanted = (path, branch) if path else None
        if wanted == self._looked_at:
            return
        self._looked_at = wanted
        view = await self._find(*wanted) if wanted else None
        if wanted == self._looked_at and view != self._view:
            self._view = view
            self._show()

    def use_template(self, agent_config: Mapping[str, Any]) -> None:
        """Take a template's own words for the parts it names."""
        template: dict[str, list[str]] = {part: list(agent_config[part]) for part in PARTS if agent_config.get(part)}
        switches = agent_config.get("serial_checks"), agent_config.get("check_network")
        if (template, switches) != (self._template, self._switches):
            self._template, self._switches = template, switches
            self._remember.set_value(not template)
            self._show()

    def values(self) -> dict[str, Any]:
        """Members for the session's ``agent_config``; none when nothing was shown, so that what is remembered holds."""
        return self._rows.values() if self._view else {}

    def wants_remembering(self) -> bool:
        """Whether to remember what is chosen: it is something else, or the repository has changed and this was looked over."""
        if self._view is None or not self._remember.value:
            return False
        kept = self._view.remembered
        changed = kept is not None and (bool(self._view.gone) or any(f.new for f in self._view.found))
        return changed or any(
            chosen != (getattr(kept, name) if kept else type(chosen)()) for name, chosen in self._rows.values().items()
        )

    def show_errors(self, fields: dict[str, str]) -> list[str]:
        """Say beside each line what is wrong with it; answers the names that are shown."""
        return self._rows.show_errors(fields)

    async def _find(self, path: str, branch: str | None) -> EnvironmentView | None:
        try:
            return await run.io_bound(repository_environment.environment, self._rt, path, branch)
        except MaestroError:
            return None  # the fields say what is wrong with the repository or its branch

    def _show(self) -> None:
        self._remember.set_visibility(self._view is not None)
        if self._view is None:
            self._rows.clear()
        else:
            serial, network = self._switches
            draft = f"new/env/{self._view.repo_path}/"
            self._rows.show(self._view, self._template, serial=serial, network=network, draft=draft)
        self._trial.show(self._view, self._looked_at[1] if self._looked_at else None)
