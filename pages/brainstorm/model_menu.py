"""Which model answers, chosen where one writes: those that the endpoint lists, and how much effort they make."""

from __future__ import annotations

from typing import Any

from nicegui import run, ui

from maestro.assistants.base import Offered
from maestro.core.brainstorm.assistant import list_models
from maestro.core.commands import sessions
from maestro.core.commands.sessions import SessionChanges
from maestro.core.views import SessionView
from maestro.errors import MaestroError
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.tag import text
from pages.frame.view import Frame

_EFFORTS = {None: "Default effort", "low": "Low effort", "medium": "Medium effort", "high": "High effort"}


class ModelMenu:
    """The button below the field; the list is asked for when it is opened."""

    def __init__(self, view: Frame, session: SessionView) -> None:
        self.view = view
        self.session = session
        with button("", icon="cpu", kind="ghost", small=True, label="Model") as self._button:
            self._name = text("", "m-btn__word")
            self._menu = ui.menu()
        self._menu.on("before-show", self._fill)
        self.show_session(session)

    def show_session(self, session: SessionView) -> None:
        """The model and the effort in force."""
        self.session = session
        self._button.set_visibility(not session.demo)
        effort = self._now("assistant_effort")
        self._name.set_text((self._now("assistant_model") or "Default model") + (f" · {effort}" if effort else ""))

    def _now(self, name: str) -> Any:
        return self.session.agent_config.get(name) or getattr(self.view.rt.settings, name)

    async def _fill(self) -> None:
        self._menu.clear()
        with self._menu:
            ui.menu_item("Asking for the models…", auto_close=False).props("disable")
        try:
            models: list[Offered] = await run.io_bound(list_models, self.view.rt) or []
            words = ""
        except MaestroError as error:
            models, words = [], error.detail
        self._menu.clear()
        with self._menu:
            if words:
                ui.menu_item(words, auto_close=False).props("disable").classes("m-wrap")
            self._item("Default model", assistant_model=None)
            for model in models:
                self._item(model.name, assistant_model=model.id)
            chosen = self._now("assistant_model")
            if any(m.effort and m.id == chosen for m in models):
                ui.separator()
                for effort, label in _EFFORTS.items():
                    self._item(label, assistant_effort=effort)

    def _item(self, label: str, **config: str | None) -> None:
        ((name, value),) = config.items()
        made = ui.menu_item(label, lambda: self._choose(config))
        if self.session.agent_config.get(name) == value:
            made.classes("m-strong")

    async def _choose(self, config: dict[str, str | None]) -> None:
        with self.view.content:
            changes = SessionChanges(agent_config=dict(config))
            found = await perform(sessions.update_session, self.view.rt, self.session.id, changes)
        if found is not FAILED:
            self.show_session(found)
