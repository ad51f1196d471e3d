"""The seal on every line between the app and a worker: who wrote it, into which file, and where in it.

App and worker share a key that nothing else has: it is handed over through a pipe and never stands in a file, an
argument or an environment that a worker's agent could read. A line that somebody else wrote, changed, moved or
repeated has no valid seal.
"""

from __future__ import annotations

import hashlib
import hmac

#: How a sealed line ends. The seal is over all that stands before it.
_OPENING = b', "seal": "'
_CLOSING = b'"}'
_DIGITS = 64
_LENGTH = len(_OPENING) + _DIGITS + len(_CLOSING)


def key_of(master: bytes, worker_id: str) -> bytes:
    """A worker's own key: with it nobody can speak for another worker."""
    return hmac.new(master, b"worker\0" + worker_id.encode(), hashlib.sha256).digest()


def sealed(key: bytes, channel: str, offset: int, line: bytes) -> bytes:
    """A JSON object as one line, with its seal as the last member. ``offset``: where the line will begin."""
    return line[:-1] + _OPENING + _seal(key, channel, offset, line[:-1]) + _CLOSING


def opened(key: bytes, channel: str, offset: int, line: bytes) -> bytes | None:
    """The line without its seal; None when it has none that is valid for this place."""
    body, rest = line[:-_LENGTH], line[-_LENGTH:]
    if not rest.startswith(_OPENING) or not rest.endswith(_CLOSING):
        return None
    given = rest[len(_OPENING) : -len(_CLOSING)]
    return body + b"}" if hmac.compare_digest(given, _seal(key, channel, offset, body)) else None


def _seal(key: bytes, channel: str, offset: int, body: bytes) -> bytes:
    place = f"{channel}\0{offset}\0".encode()
    return hmac.new(key, place + body, hashlib.sha256).hexdigest().encode()
