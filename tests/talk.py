"""A small installation for tests of brainstorm and planning: real database, real repository, scripted model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlmodel import select

from maestro.core import queries
from maestro.core.commands import sessions
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.db import models
from maestro.db.journal import Event
from maestro.demo.sample import make_repository
from maestro.demo.server import ScriptedServer
from maestro.settings import LoadedSettings

PATIENCE_S = 90.0  # a machine may be busy; nobody waits when all is well


@dataclass
class Installation:
    """An opened runtime with everything its event bus said."""

    rt: Runtime
    repo: Path
    events: list[Event] = field(default_factory=list)
    _heard: threading.Condition = field(default_factory=threading.Condition)

    def listen(self) -> Installation:
        """Begin to keep events."""

        def keep(events: list[Event]) -> None:
            with self._heard:
                self.events.extend(events)
                self._heard.notify_all()

        self.rt.bus.subscribe(keep)
        return self

    def started(self, description: str = "", **more: Any) -> str:
        """A new session in BRAINSTORMING; its id."""
        new = sessions.NewSession(repo_path=str(self.repo), description=description, title="Test", **more)
        session = sessions.create_session(self.rt, new)
        sessions.start_session(self.rt, session.id)
        return session.id

    def wait(self, what: Callable[[Event], bool], count: int = 1) -> Event:
        """Wait until ``count`` events fit; the last of them."""
        until = time.monotonic() + PATIENCE_S
        with self._heard:
            while len(found := [e for e in self.events if what(e)]) < count:
                if not self._heard.wait(until - time.monotonic()):
                    raise AssertionError(f"not heard; there were {[(e.type, e.payload) for e in self.events]}")
        return found[count - 1]

    def reply(self, count: int = 1) -> dict[str, Any]:
        """Wait for the ``count``-th whole message of the assistant; its event."""
        return self.wait(lambda e: e.type == "message" and e.payload["role"] == "ai", count).payload

    def state(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait until the session moves to a state for the ``count``-th time; the event."""
        return self.wait(lambda e: e.type == "state_changed" and e.payload["to"] == name, count).payload

    def types(self) -> list[str]:
        """The types of all events so far."""
        return [e.type for e in self.events]

    def session(self, session_id: str) -> models.Session:
        """The session's row."""
        with self.rt.db.read() as db:
            row = db.get(models.Session, session_id)
            assert row is not None
            return row

    def messages(self, session_id: str) -> list[tuple[str, str, str]]:
        """The conversation as (role, content, status)."""
        return [(m.role, m.content, m.status) for m in queries.list_messages(self.rt, session_id)[0]]

    def rows(self, model: Any, session_id: str) -> list[Any]:
        """All rows of a table that belong to the session."""
        with self.rt.db.read() as db:
            return list(db.exec(select(model).where(model.session_id == session_id)).all())


def open_installation(folder: Path, server: ScriptedServer | None, **settings: Any) -> Installation:
    """An installation under ``folder`` whose assistant is ``server``; without one nothing is configured."""
    flags: dict[str, Any] = {"data_dir": folder / "data", "assistant": "anthropic", **settings}
    if server is not None:
        flags |= {"anthropic_base_url": server.url, "anthropic_api_key": "sk-ant-scripted-0000"}
    rt = open_runtime(LoadedSettings(flags=flags, environment={}, dotenv=None))
    return Installation(rt, make_repository(folder / "repo")).listen()


def close_installation(installation: Installation) -> None:
    """As at the app's stop."""
    installation.rt.jobs.stop(5)
    installation.rt.db.close()
