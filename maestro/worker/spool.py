"""The spool: the folder through which a worker and the supervisor talk, and all that they share.

    spec.json      what to do (an ``AgentSpec``), written before the worker starts
    events.jsonl   worker → supervisor; append-only, one JSON object a line, flushed a line at a time
    inbox.jsonl    supervisor → worker; append-only: decisions, stop
    lock           held by the worker for life: at most one live writer for a conversation
    pid            "<pid> <start time>" as the worker knows itself
    pulse          touched every half second while the worker's loop turns
    stderr.log     what the worker printed

Events: ``started {pid, pid_started}``, ``log {level, kind, message, metadata}``, ``conversation {id}``,
``progress {percent, note}``, ``decision {…}``, ``usage {input_tokens, …, cost_usd}`` (totals of this run),
``gate {request_id, tool, title, detail, risk, signature}``, ``gate_closed {request_id, allow}``,
``result {outcome, message, failure, retry_at, turns, usage, denied}``. Each has ``ts`` (seconds since 1970).

``question {request_id, question, options, why}``, ``question_closed {request_id}``, ``answer_taken {request_id}``,
``note_taken {note}``: the agent has read the user's message. ``alarm {what}``: somebody else wrote into the inbox.

Inbox: ``decision {request_id, allow, message}``, ``allowance {signature}``, ``stop {reason}``, ``say {text, note?,
interrupt?}`` (``note``: the id of the user's message). Each has an ``id`` of its own, so that none counts twice.

With a key every line is sealed (``seal``): what somebody else wrote becomes an entry ``forged {raw}`` for its reader.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from maestro import untrusted
from maestro.worker import seal

#: The environment variable that marks a worker and all it starts, so that they can be found again.
WORKER_ID_VARIABLE = "MAESTRO_WORKER_ID"

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})

#: What stands where a file should be (a folder, a loop of links, nothing that may be opened): as good as no file.
_NO_FILE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.EINVAL, errno.EACCES, errno.EPERM}
)

#: A reader takes at most this many bytes at once, so that a flood from one worker does not starve the rest.
_READ_LIMIT = 4 * 1024 * 1024

#: A longer line is nobody's entry: it is taken in pieces of this size, so that it never has to fit into memory.
_LINE_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Spool:
    """Paths and the few file operations of one worker's spool folder."""

    path: Path

    @property
    def spec(self) -> Path:
        """What to do."""
        return self.path / "spec.json"

    @property
    def events(self) -> Path:
        """Worker to supervisor."""
        return self.path / "events.jsonl"

    @property
    def inbox(self) -> Path:
        """Supervisor to worker."""
        return self.path / "inbox.jsonl"

    @property
    def stderr(self) -> Path:
        """What the worker printed."""
        return self.path / "stderr.log"

    @property
    def pid(self) -> Path:
        """Process id and start time, as the worker knows itself."""
        return self.path / "pid"

    @property
    def pulse(self) -> Path:
        """Touched by the worker while its loop turns."""
        return self.path / "pulse"

    def last_pulse(self) -> int | None:
        """When the pulse was last touched, to be compared with itself only: clocks are set. None: never."""
        try:
            return self.pulse.stat().st_mtime_ns
        except OSError:
            return None

    def create(self, spec: dict[str, Any]) -> str:
        """Make the folder (mode 0700) and write the spec whole or not at all; its digest, for ``read_spec``."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = json.dumps(spec, ensure_ascii=False).encode("utf-8", "surrogatepass")
        untrusted.write(self.spec, content)
        return hashlib.sha256(content).hexdigest()

    def read_spec(self, digest: str | None = None) -> Any:
        """The spec as JSON. Raises OSError or ValueError when there is none that can be read, or not that of ``digest``."""
        content = untrusted.read(self.spec, _LINE_LIMIT)
        if digest is not None and hashlib.sha256(content).hexdigest() != digest:
            raise ValueError("it was changed after Maestro wrote it")
        try:
            return json.loads(content)
        except RecursionError as error:
            raise ValueError("brackets that go too deep") from error

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Hold the spool's lock; yields False at once when another process holds it."""
        descriptor = untrusted.open_file(self.path / "lock", flags=os.O_RDWR | os.O_CREAT)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def is_locked(self) -> bool:
        """Whether a live worker holds the spool."""
        if not untrusted.is_regular(self.path / "lock"):
            return False
        with self.lock() as free:
            return not free


def append(path: Path, entry: dict[str, Any], *, patient: bool = False, key: bytes | None = None) -> None:
    """Append one entry as one line with a single write, so that a reader sees it whole or torn, never mixed.

    A line that an earlier writer left torn (a full disk, a kill) is ended first: it must not swallow this one.
    ``patient`` waits as long as the disk is full instead of raising OSError: what a worker did is not lost.
    ``key`` seals the line.
    """
    line = json.dumps({"ts": time.time(), **entry}, ensure_ascii=False, default=str).encode("utf-8", "replace")
    descriptor = untrusted.open_file(path, flags=os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # else a torn line may be one that another thread is writing
        size = os.fstat(descriptor).st_size
        torn = b"" if _ends_whole(descriptor, size) else b"\n"
        if key is not None:
            line = seal.sealed(key, path.name, size + len(torn), line)
        view = memoryview(torn + line + b"\n")
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except OSError as error:
                if not patient or error.errno not in _NO_SPACE:
                    raise
                time.sleep(0.5)  # the rest of the line follows when there is room again
    finally:
        os.close(descriptor)


def _ends_whole(descriptor: int, size: int) -> bool:
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def send(path: Path, entry: dict[str, Any], key: bytes | None) -> None:
    """Append to the inbox of the spool at ``path``; written whole when this returns.

    A spool that somebody deleted hears nothing: its worker is ended soon. What stands in the inbox's place and is no
    file is put aside. Raises OSError for anything else.
    """
    inbox = Spool(path).inbox
    with suppress(FileNotFoundError):
        if inbox.is_symlink() or (inbox.exists() and not inbox.is_file()):
            inbox.rename(inbox.with_name(f"inbox.aside.{time.time_ns()}"))
        append(inbox, {"id": uuid.uuid4().hex, **entry}, key=key)


def repair_tail(path: Path) -> None:
    """End a line that a killed writer left torn, so that the next writer's first line stays readable."""
    try:
        with os.fdopen(untrusted.open_file(path, flags=os.O_RDWR), "r+b") as handle:
            if handle.seek(0, os.SEEK_END) == 0:
                return
            handle.seek(-1, os.SEEK_END)
            if handle.read(1) != b"\n":
                handle.write(b"\n")
    except FileNotFoundError:
        return


def read(path: Path, offset: int, key: bytes | None = None) -> tuple[list[dict[str, Any]], int]:
    """Entries from byte ``offset`` on, and the offset after the last whole line.

    A torn last line stays for the next call. A whole line that is no JSON object becomes a ``garbled``
    entry, so that a damaged spool is seen and never blocks what follows; with a ``key`` one that is an object but was
    not sealed with it becomes a ``forged`` one. Whatever else than a file is at ``path`` holds no entries. Raises
    OSError when a file is there and cannot be read now.
    """
    data = _from(path, offset, _read_whole_lines)
    return _entries(path, data, offset, key), offset + len(data)


def read_one(path: Path, offset: int, key: bytes | None = None) -> tuple[list[dict[str, Any]], int]:
    """As ``read``, but of the first whole line only: for a reader that cannot take all that ``read`` gives it."""
    data = _from(path, offset, _read_whole_line)
    return _entries(path, data, offset, key), offset + len(data)


def _from(path: Path, offset: int, take: Callable[[IO[bytes]], bytes]) -> bytes:
    try:
        with os.fdopen(untrusted.open_file(path), "rb") as handle:
            handle.seek(offset)
            return take(handle)
    except OSError as error:
        if error.errno in _NO_FILE:
            return b""
        raise


def _read_whole_lines(handle: IO[bytes]) -> bytes:
    data = handle.read(_READ_LIMIT)
    end = data.rfind(b"\n")
    if end < 0 and len(data) == _READ_LIMIT:
        data += handle.readline(_LINE_LIMIT - _READ_LIMIT)
        end = len(data) - 1 if len(data) == _LINE_LIMIT else data.rfind(b"\n")
    return data[: end + 1]


def _read_whole_line(handle: IO[bytes]) -> bytes:
    line = handle.readline(_LINE_LIMIT)
    return line if line.endswith(b"\n") or len(line) == _LINE_LIMIT else b""


def _entries(path: Path, data: bytes, offset: int, key: bytes | None) -> list[dict[str, Any]]:
    found = []
    for line in data.split(b"\n"):
        if line.strip():
            found.append(
                _parse(line) if key is None else _parse_sealed(line, seal.opened(key, path.name, offset, line))
            )
        offset += len(line) + 1
    return found


def _parse_sealed(line: bytes, content: bytes | None) -> dict[str, Any]:
    if content is not None:
        return _parse(content)
    return _garbled(line) if _object(line) is None else {"type": "forged", "raw": _excerpt(line)}


def _parse(line: bytes) -> dict[str, Any]:
    return _object(line) or _garbled(line)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):  # no JSON, numbers of thousands of digits, brackets thousands deep
        return None
    return entry if isinstance(entry, dict) else None


def _garbled(line: bytes) -> dict[str, Any]:
    return {"type": "garbled", "raw": _excerpt(line)}


def _excerpt(line: bytes) -> str:
    return line[:500].decode("utf-8", "replace")
