"""One reply of the assistant on its way into the database: stored and told as it comes."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from sqlmodel import col, select

from maestro import secrets
from maestro.assistants.base import Usage
from maestro.core.brainstorm.assistant import count_usage
from maestro.core.brainstorm.repository_tools import clean
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import FINAL
from maestro.core.views import MessageView
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow

#: Text is collected for so long before it is stored and told.
_BATCH_S = 0.15
#: How often a reply looks whether its session is still there and alive.
_LOOK_S = 1.0
_LONGEST_WORD = 2_000


class ReplyStream:
    """A ``Listener`` that appends to a message row; ``stop`` is asked besides the app's own stop."""

    def __init__(self, rt: Runtime, session_id: str, message_id: str) -> None:
        self._rt = rt
        self._session_id = session_id
        self.message_id = message_id
        self._said = ""  # all of it; what is stored and told has no secrets in it
        self._told = ""
        self._stored_at = time.monotonic()
        self._looked_at = time.monotonic()
        self._orphaned = False
        self._usage = Usage()
        self.heard_text = False
        self.stop = False

    def on_text(self, delta: str) -> None:
        """See ``Listener``."""
        self._said += clean(delta)
        self.heard_text = self.heard_text or bool(delta.strip())
        self._store_when_due()

    def on_tool(self, name: str, summary: str) -> None:
        """See ``Listener``."""
        self._store(whole=True)
        with self._rt.db.write(durable=False) as tx:
            row = tx.db.get(models.Message, self.message_id)
            if row is not None:
                row.tool_uses = [*row.tool_uses, {"name": name, "summary": clean(summary)}]
                tx.db.add(row)
                tx.emit("message_tool", self._session_id, message_id=row.id, name=name, summary=clean(summary))

    def on_usage(self, usage: Usage) -> None:
        """See ``Listener``."""
        count_usage(self._rt, self._session_id, usage)
        self._usage.add(usage)
        with self._rt.db.write(durable=False) as tx:
            row = tx.db.get(models.Message, self.message_id)
            if row is not None:
                row.extras = (row.extras or {}) | {"usage": asdict(self._usage)}
                tx.db.add(row)

    def should_stop(self) -> bool:
        """See ``Listener``; also the moment to pass on text that has waited long enough."""
        self._store_when_due()
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            with self._rt.db.read() as db:
                session = db.get(models.Session, self._session_id)
                self._orphaned = session is None or session.status in FINAL
        return self.stop or self._orphaned or self._rt.jobs.stopping.is_set()

    def asked(self) -> bool:
        """Whether the reply asks the user a question with options."""
        with self._rt.db.read() as db:
            row = db.get(models.Message, self.message_id)
            return bool(row and (row.extras or {}).get("question"))

    def finish(self, status: str, error: str | None) -> None:
        """The reply has ended: the rest of the text, how it ended, and the ``message`` event."""
        with self._rt.db.write() as tx:
            row = tx.db.get(models.Message, self.message_id)
            session = tx.db.get(models.Session, self._session_id)
            if row is None or session is None:
                return
            row.content = self._said
            row.status, row.error = status, error
            tx.db.add(row)
            session.updated_at = utcnow()
            tx.db.add(session)
            emit_message(tx, row)

    def _store_when_due(self) -> None:
        if time.monotonic() - self._stored_at >= _BATCH_S:
            self._store()

    def _store(self, *, whole: bool = False) -> None:
        """Store and tell what came; a word that may go on waits (``whole``: none does), for it may be half a secret."""
        self._stored_at = time.monotonic()
        said = self._said if whole else self._said[: _begun(self._said)]
        shown = secrets.clean(said)
        if len(shown) <= len(self._told):
            return
        text, self._told = shown[len(self._told) :], shown
        with self._rt.db.write(durable=False) as tx:
            row = tx.db.get(models.Message, self.message_id)
            if row is not None:
                row.content = shown
                tx.db.add(row)
                tx.emit("message_delta", self._session_id, message_id=row.id, text=text)


def _begun(said: str) -> int:
    """Where the last word begins, when it is one that a secret could be."""
    at = len(said)
    while at > 0 and len(said) - at < _LONGEST_WORD and "!" <= said[at - 1] <= "~":
        at -= 1
    return at if len(said) - at < _LONGEST_WORD else len(said)


def add_message(tx: Transaction, session_id: str, role: str, content: str, **columns: Any) -> models.Message:
    """Store a message at the end of the conversation; the caller tells of it."""
    numbers = select(models.Message.number).where(models.Message.session_id == session_id)
    newest = numbers.order_by(col(models.Message.number).desc()).limit(1)
    number = tx.db.exec(newest).first() or 0
    parent = tx.db.exec(newest.where(col(models.Message.active))).first() or 0
    row = models.Message(
        session_id=session_id, number=number + 1, parent_number=parent, role=role, content=content, **columns
    )
    tx.db.add(row)
    tx.db.flush()
    return row


def emit_message(tx: Transaction, row: models.Message) -> None:
    """The ``message`` event of a message that is whole."""
    tx.emit("message", row.session_id, **MessageView.of(row).model_dump(mode="json"))
