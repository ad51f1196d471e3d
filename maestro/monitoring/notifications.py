"""Notices to where the user is (``notify_urls``, sent through Apprise), from a thread of its own.

Nothing here can hold up or break the app: the bus only fills a queue, a service that is down is told of
once in the log, and an address, which often holds a secret, is never logged.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from maestro.db import models
from maestro.db.journal import Event
from maestro.db.session import Database
from maestro.monitoring.events import EventBus
from maestro.settings import Settings

#: Notices that wait while a service is slow; more than that are dropped, the oldest first.
_WAITING = 100

#: So many waiting notices go as one message.
TOGETHER = 3

_STOP_S = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """What the user is told. ``kind`` as in ``notify_on``: approval, failed, completed, notice."""

    kind: str
    session_id: str
    title: str
    text: str


def notice_of(event: Event) -> Notice | None:
    """The notice that an event is worth; None for most."""
    told = event.payload
    if event.type == "approval_requested":
        reason = str((told.get("detail") or {}).get("reason") or "")
        return Notice("approval", event.session_id, f"Maestro asks: {told.get('title')}", reason)
    if event.type == "session_failed":
        return Notice("failed", event.session_id, "The session failed", str(told.get("error") or ""))
    if event.type == "session_completed":
        denied = (told.get("result") or {}).get("denied_away")
        absent = f" Denied while you were away: {denied}. Check what was left out before you merge." if denied else ""
        return Notice(
            "completed", event.session_id, "The session is completed", f"Its result is ready to merge.{absent}"
        )
    # Failures and completions come with a notification for the pages as well: once is enough.
    if event.type == "notification" and told.get("level") == "warn":
        return Notice("notice", event.session_id, str(told.get("title") or ""), str(told.get("text") or ""))
    return None


class Notifier:
    """Listens to the bus and sends. ``settings`` is asked anew for every notice."""

    def __init__(self, bus: EventBus, db: Database, settings: Callable[[], Settings]) -> None:
        self._db = db
        self._settings = settings
        self._waiting: queue.Queue[Notice | None] = queue.Queue(_WAITING)
        self._complained: set[str] = set()
        self._unsubscribe = bus.subscribe(self._hear)
        self._thread = threading.Thread(target=self._work, name="notifications", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; what waits is sent if that takes no more than moments."""
        self._unsubscribe()
        self._put(None)
        self._thread.join(_STOP_S)

    def _hear(self, events: list[Event]) -> None:
        """Called under the writer lock: pass on, nothing else."""
        for event in events:
            notice = notice_of(event)
            if notice is not None:
                self._put(notice)

    def _put(self, notice: Notice | None) -> None:
        while True:
            try:
                return self._waiting.put_nowait(notice)
            except queue.Full:
                with contextlib.suppress(queue.Empty):
                    self._waiting.get_nowait()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [first]
            while len(batch) < _WAITING and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    self._send_all(batch)
                    return
                batch.append(following)
            self._send_all(batch)

    def _send_all(self, batch: list[Notice]) -> None:
        settings = self._settings()
        wanted = [n for n in batch if n.kind in settings.notify_on]
        if not wanted or not settings.notify_urls:
            return
        try:
            messages = [self._message(n) for n in wanted]
            if len(messages) > TOGETHER:
                lines = "\n".join(f"- {title}: {text}".rstrip(": ") for title, text in messages)
                messages = [(f"Maestro: {len(messages)} notifications", lines)]
            for title, text in messages:
                for number, url in enumerate(settings.notify_urls, start=1):
                    self._send(number, url, title, text)
        except Exception:
            _log.exception("notifications could not be sent")

    def _message(self, notice: Notice) -> tuple[str, str]:
        with self._db.read() as db:
            session = db.get(models.Session, notice.session_id)
        where = f"{session.title}: " if session and session.title else ""
        words = f"{where}{notice.title}", notice.text or notice.title
        return words[0].replace("`", ""), words[1].replace("`", "")  # a notification is plain text

    def _send(self, number: int, url: str, title: str, text: str) -> None:
        import apprise

        # It names addresses, with their secrets, in its own log.
        logging.getLogger("apprise").disabled = True
        service = apprise.Apprise()
        try:
            sent = bool(service.add(url) and service.notify(title=title, body=text))
        except Exception:  # a service's plugin can raise anything
            sent = False
        if sent:
            self._complained.discard(url)
        elif url not in self._complained:
            self._complained.add(url)
            scheme = url.split(":", 1)[0][:20]
            _log.warning(
                "A notification could not be sent to address %d of notify_urls (%s). Check it.", number, scheme
            )
