"""The running installation: what every command and query is handed first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlmodel import Session as DbSession
from sqlmodel import col, delete, select

from maestro.core.kernel import worktree_place
from maestro.core.kernel.jobs import Background
from maestro.core.kernel.services import Service, Services, T
from maestro.db.models import StoredSetting
from maestro.db.session import Database
from maestro.db.types import new_id
from maestro.keys import APART, KeyStore
from maestro.monitoring.events import EventBus
from maestro.settings import LoadedSettings, Settings, sound

_log = logging.getLogger(__name__)


_PLACE = Service(with_runtime=lambda rt: worktree_place.decide(rt.settings))


@dataclass
class Runtime:
    """Everything that lives as long as the app. Passed explicitly, never global."""

    loaded: LoadedSettings
    db: Database
    bus: EventBus
    jobs: Background
    #: Asks the supervisor to look now instead of at its next tick; set by ``lifecycle.start``.
    wake: Callable[[], None] = lambda: None
    #: Where this app can be reached, once it serves; workers never learn it.
    url: str | None = None
    #: Changes with every start; browsers and clients can tell a restart from a hiccup.
    instance_id: str = field(default_factory=new_id)
    #: What each module keeps for the life of the app, made on first use.
    services: Services = field(default_factory=Services)

    @property
    def settings(self) -> Settings:
        """The settings in force now."""
        return self.loaded.current

    @property
    def data_dir(self) -> Path:
        """Where all state lives."""
        return self.settings.data_dir

    @property
    def worktrees(self) -> worktree_place.Place:
        """Where worktrees go, decided once for the life of this app. Raises InvalidInput."""
        return self.service(_PLACE)

    def service(self, which: Service[T]) -> T:
        """The app's one of a service, made once, on first use."""
        return self.services.of(which, self)


def open_runtime(loaded: LoadedSettings) -> Runtime:
    """Open the data folder and the database, migrate it, and take up stored settings.

    Raises Unavailable when the database cannot be written, InvalidInput for a folder of worktrees that cannot be used.
    """
    bus = EventBus()
    loaded.current.data_dir.mkdir(parents=True, exist_ok=True)
    db = Database(loaded.current.db_url, on_commit=bus.publish)
    db.migrate()
    _move_keys(db, loaded.current.data_dir)
    stored, wrong = sound(stored_settings(db, loaded.current.data_dir))
    for name, why in wrong.items():
        _log.warning("the stored setting %s is not valid and does not hold: %s", name, why)
    loaded.reload(stored)
    rt = Runtime(loaded=loaded, db=db, bus=bus, jobs=Background())
    _settle_worktrees(rt)
    return rt


def stored_settings(db: Database, data_dir: Path) -> dict[str, Any]:
    """The settings a user stored, by name: those in the database, and the keys, which never are."""
    with db.read() as session:
        return setting_rows(session) | KeyStore(data_dir).read()


def _move_keys(db: Database, data_dir: Path) -> None:
    """What an earlier version left of secrets among the stored settings goes to where keys are kept."""
    with db.read() as session:
        rows = {name: value for name, value in setting_rows(session).items() if name in APART}
    if not rows:
        return
    store = KeyStore(data_dir)
    for name, value in rows.items():
        if value is not None and store.place(name) is None:
            store.put(name, value)
    db.erase(delete(StoredSetting).where(col(StoredSetting.name).in_(rows)))
    _log.info("moved from the database to where keys are kept: %s", ", ".join(sorted(rows)))


def setting_rows(db: DbSession) -> dict[str, Any]:
    """``stored_settings`` in a transaction that is open already."""
    return {row.name: row.value for row in db.exec(select(StoredSetting)).all()}


def _settle_worktrees(rt: Runtime) -> None:
    """Decide once for the life of this app where worktrees go, store it, and say where that is when it is not as usual.

    Raises InvalidInput for a ``MAESTRO_WORKTREES_DIR`` that cannot be used.
    """
    from maestro.db.keeping import Fact

    place = rt.worktrees
    if place.warning:
        _log.warning("%s", place.warning)
    usual = rt.data_dir / worktree_place.FOLDER
    if place.folder == usual:
        return
    _log.info("worktrees are in %s: %s", place.folder, place.why)
    with rt.db.write() as tx:
        row = tx.db.get(Fact, worktree_place.KNOWN) or Fact(name=worktree_place.KNOWN, value=[])
        stored = [str(p) for p in row.value] if isinstance(row.value, list) else []
        told = _stored(rt, place.folder)
        if told not in stored:
            row.value = [*stored, told]
            tx.db.add(row)


def _stored(rt: Runtime, folder: Path) -> str:
    """Relative below the data folder, which may be moved."""
    return str(folder.relative_to(rt.data_dir)) if folder.is_relative_to(rt.data_dir) else str(folder)
