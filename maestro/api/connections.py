"""Connections that only take room: half requests and idle ones end, and the owner always gets in.

A mixin for uvicorn's HTTP protocol. Half of the descriptors that this process may open stay with the app (database,
git, workers). When the other half is in use, whoever has waited longest without asking anything goes.
"""

from __future__ import annotations

import asyncio
import resource
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

#: A request's line and headers have to be here after so many seconds.
HEADERS_S = 15.0
_MOST = 512
_RESERVED = 128
_FEWEST = 16

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as _Base
else:
    _Base = AutoHTTPProtocol


def most() -> int:
    """How many connections are served at the same time."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _MOST
    return max(_FEWEST, min(_MOST, soft - max(_RESERVED, soft // 2)))


class Patient(_Base):
    """uvicorn's protocol with a limit on waiting."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room for one more, and begin to wait for its request."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > most():
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Stop waiting once a whole head of a request is here; begin anew after its answer."""
        super().data_received(data)
        if self._is_answering():
            self._stop_waiting()
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEADERS_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if not self._is_answering() and self.transport.get_protocol() is self:
            self.transport.abort()  # its descriptor is free at once

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _make_room(self) -> None:
        """End those that have waited longest; where all are being served, this newcomer."""
        idle = [
            one for one in self.connections if isinstance(one, Patient) and one is not self and not one._is_answering()
        ]
        begun = sorted(idle, key=_since)
        for one in begun[: len(self.connections) - most()] or [self]:
            self.connections.discard(one)
            one.transport.abort()


def _since(connection: Any) -> float:
    timer = connection._waiting
    return float(timer.when()) if timer is not None else 0.0
