"""One Maestro per data folder: the lock that holds it, where the holder serves, and the access token."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from maestro import secrets as redaction
from maestro.errors import Conflict, InvalidInput, Unavailable
from maestro.settings import Settings, variable

_LOCK = "lock"
_TOKEN = "token"  # noqa: S105 - a file name

#: Whoever only looks holds the lock for an instant; a start does not give up because of that.
_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a data folder; ``url`` (without the token) once it serves."""

    pid: int | None = None
    url: str | None = None


class InstanceLock:
    """Holds a data folder until ``release`` or the end of the process, however it ends."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def announce(self, url: str | None) -> None:
        """Tell others who holds the folder and where it serves."""
        text = json.dumps(asdict(Holder(os.getpid(), url))).encode()
        os.pwrite(self._fd, text, 0)
        os.ftruncate(self._fd, len(text))

    def release(self) -> None:
        """Give the folder free. Calling it again does nothing."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1


def hold(data_dir: Path) -> InstanceLock:
    """Make the data folder if need be and hold it.

    Raises Conflict (naming the holder) when another Maestro has it, Unavailable when it cannot be made or written.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unavailable(f"The data folder {data_dir} cannot be written: {error.strerror}.") from error
    deadline = time.monotonic() + _PATIENCE_S
    while not _try(fd, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            holder = _read(fd)
            os.close(fd)
            raise Conflict(_refusal(data_dir, holder), pid=holder.pid, url=holder.url)
        time.sleep(0.05)
    lock = InstanceLock(fd)
    lock.announce(None)
    _keep_private(data_dir)
    return lock


def holder(data_dir: Path) -> Holder | None:
    """Who holds a data folder now, or None."""
    try:
        fd = os.open(data_dir / _LOCK, os.O_RDONLY)
    except OSError:
        return None
    try:
        return None if _try(fd, fcntl.LOCK_SH) else _read(fd)
    finally:
        os.close(fd)


def known_token(settings: Settings) -> str | None:
    """The access token as far as it exists: configured, or in the data folder.

    Raises InvalidInput for a configured one that no client could send.
    """
    if settings.token is not None and (token := settings.token.get_secret_value()):
        if not all("!" <= c <= "~" for c in token):
            words = "use visible ASCII characters without spaces"
            raise InvalidInput(f"A setting is not valid: {variable('token')}: {words}", {"token": words})
        redaction.register("token", [token])
        return token
    try:
        kept = (settings.data_dir / _TOKEN).read_text("ascii", errors="ignore").strip() or None
        redaction.register("token", [kept])
        return kept
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(
            f"The access token in {settings.data_dir / _TOKEN} cannot be read: {error.strerror}."
        ) from error


def ensure_token(settings: Settings) -> str:
    """The access token; made and kept in the data folder, for this user's eyes only, when there is none.

    Call it while holding the folder. Raises InvalidInput for an impossible configured one.
    """
    path = settings.data_dir / _TOKEN
    if token := known_token(settings):
        if settings.token is None:
            path.chmod(0o600)
        return token
    token = secrets.token_urlsafe(32)
    draft = path.with_name(f".{_TOKEN}-{os.getpid()}")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(token)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    redaction.register("token", [token])
    return token


def _keep_private(data_dir: Path) -> None:
    """Make what is to come for this user's eyes only, also in a folder that others may read."""
    for name in ("logs", "nicegui", "workers"):
        (data_dir / name).mkdir(mode=0o700, exist_ok=True)
    (data_dir / "maestro.db").touch(mode=0o600)  # an empty file is an empty database


def _try(fd: int, kind: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
        return True
    return False


def _read(fd: int) -> Holder:
    with contextlib.suppress(ValueError, TypeError):
        return Holder(**json.loads(os.pread(fd, 4096, 0)))
    return Holder()  # its first words are not written yet


def _refusal(data_dir: Path, holder: Holder) -> str:
    who = f"process {holder.pid}" if holder.pid else "another process"
    where = f"; it serves at {holder.url}" if holder.url else " and is just starting"
    return f"Maestro already runs on {data_dir}: {who} holds it{where}. Use that one, or choose another --data-dir."
