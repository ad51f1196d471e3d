"""The keys that seal what app and workers say to each other, kept in the database; what is said to a worker goes here.

A worker's spool is a folder of files: whoever may write there (a daemon that a check left, say) could answer a
question in the user's name. So every line is sealed (``worker.seal``), and what is not raises an alarm.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.db import models
from maestro.db.keeping import Fact
from maestro.worker import seal, spool

_log = logging.getLogger(__name__)

#: The fact that holds the key of this installation, and the workers that began before it had one.
_FACT = "channel"


@dataclass(frozen=True, slots=True)
class _Channel:
    master: bytes
    unsealed: frozenset[str]  # ids of workers


#: Provided, not made: nothing else waits while the database is asked.
_CHANNEL: Service[_Channel] = Service()


def key_of(rt: Runtime, worker_id: str) -> bytes | None:
    """A worker's key; None for one that an older version of Maestro started, which knows of none."""
    known = _known(rt)
    return None if worker_id in known.unsealed else seal.key_of(known.master, worker_id)


def new_key(rt: Runtime, worker_id: str) -> bytes:
    """The key for a worker that is started now."""
    return seal.key_of(_known(rt).master, worker_id)


def send(rt: Runtime, worker: models.Worker, entry: dict[str, Any]) -> None:
    """Say something to a worker; written whole when this returns. Raises OSError."""
    spool.send(Path(worker.spool_path), entry, key_of(rt, worker.id))


def settle(rt: Runtime) -> None:
    """Make the key of this installation, if it has none: before the first worker is started or heard."""
    _known(rt)


def is_settled(rt: Runtime) -> bool:
    """Whether that was done before: there may be workers, and all else that an earlier run left."""
    with rt.db.read() as db:
        if db.get(Fact, _FACT) is not None:
            return True
        return db.exec(select(models.Session.id).limit(1)).first() is not None


def _known(rt: Runtime) -> _Channel:
    """Not in a write transaction, the first time."""
    return rt.services.find(_CHANNEL) or rt.services.provide(_CHANNEL, _stored(rt))


def _stored(rt: Runtime) -> _Channel:
    with rt.db.read() as db:
        fact = db.get(Fact, _FACT)
    found = _read(fact)
    if found is not None:
        return found
    with rt.db.write() as tx:
        fact = tx.db.get(Fact, _FACT)  # another thread may have been here first
        found = _read(fact)
        if found is None:
            running = tx.db.exec(select(models.Worker.id).where(col(models.Worker.ended_at).is_(None))).all()
            # Where a key was lost to damage those workers have sealed with it: nothing without a seal is theirs.
            found = _Channel(secrets.token_bytes(32), frozenset(running if fact is None else ()))
            value = {"key": found.master.hex(), "unsealed": sorted(found.unsealed)}
            tx.db.merge(Fact(name=_FACT, value=value))
    return found


def _read(fact: Fact | None) -> _Channel | None:
    """What is stored; None where nothing is, or nothing that can be read."""
    if fact is None:
        return None
    try:
        return _Channel(bytes.fromhex(fact.value["key"]), frozenset(map(str, fact.value["unsealed"])))
    except (TypeError, ValueError, KeyError):
        _log.warning("the key between Maestro and its workers cannot be read; a new one is made")
        return None
