"""The one reader for small files that somebody else may have put there.

What lies below ``.git``, in a worktree, a spool or a repository was written by an agent, a check or a stranger. Under
such a name may stand a pipe that nobody fills, a device that never ends, a link to one, or more than fits into memory.
So: links are not followed unless the caller says so, opening never waits, only regular files are read, and never more
than a limit.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import threading
from contextlib import suppress
from pathlib import Path

#: What is read of one file where the caller says nothing else, in bytes.
LIMIT = 4_000_000

#: Where a link may lead: nowhere, anywhere (for what is never shown), or to what lies below a folder.
Follow = bool | Path

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def open_file(path: Path, *, follow: Follow = False, flags: int = 0) -> int:
    """A descriptor of the regular file at ``path``, at its beginning; the caller closes it.

    A lease that somebody holds on the file (a file server, a backup) is waited for; it ends by itself, at the latest
    after the kernel's ``lease-break-time``. Raises OSError: ELOOP for a link that is not followed, EINVAL for whatever
    is no regular file.
    """
    place = _inside(path, follow) if isinstance(follow, Path) else os.fspath(path)
    wanted = _FLAGS | flags | (0 if follow is True else os.O_NOFOLLOW)
    try:
        try:
            descriptor = os.open(place, wanted, 0o600)
        except BlockingIOError:  # a lease: only regular files have one
            descriptor = os.open(place, wanted & ~os.O_NONBLOCK, 0o600)
    except ValueError as error:  # a NUL byte in the name
        raise OSError(errno.EINVAL, str(error)) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "This is not a file", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def head(path: Path, limit: int = LIMIT, *, follow: Follow = False) -> bytes:
    """The first ``limit`` bytes of a file. Raises OSError as ``open_file`` does."""
    descriptor = open_file(path, follow=follow)
    try:
        return _take(descriptor, limit)
    finally:
        os.close(descriptor)


def read(path: Path, limit: int = LIMIT, *, follow: Follow = False) -> bytes:
    """All of a file of at most ``limit`` bytes. Raises OSError as ``open_file`` does, and EFBIG for a larger one."""
    data = head(path, limit + 1, follow=follow)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"This file is larger than {limit} bytes", str(path))
    return data


def text(path: Path, limit: int = LIMIT, *, follow: Follow = False, errors: str = "replace") -> str:
    """All of a file as UTF-8 text. Raises OSError as ``read`` does."""
    return read(path, limit, follow=follow).decode("utf-8", errors)


def note(path: Path, limit: int = LIMIT, *, follow: Follow = False) -> str | None:
    """All of a file as text, names that are no UTF-8 kept; None where none can be read."""
    try:
        return text(path, limit, follow=follow, errors="surrogateescape")
    except OSError:
        return None


def write(path: Path, content: str | bytes) -> None:
    """Put a file at ``path`` whole, in the place of whatever stands there: never through a link, never into a pipe.

    Raises OSError.
    """
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    with suppress(FileNotFoundError):
        part.unlink()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def copy(source: Path, target: Path, limit: int = 1 << 40) -> None:
    """Copy a file of any size with its times and permissions, in the place of whatever stands at ``target``.

    Raises OSError as ``open_file`` does, and EFBIG for one larger than ``limit`` bytes.
    """
    descriptor = open_file(source)
    with os.fdopen(descriptor, "rb") as given:
        about = os.fstat(descriptor)
        if about.st_size > limit:
            raise OSError(errno.EFBIG, f"This file is larger than {limit} bytes", str(source))
        with suppress(FileNotFoundError):
            target.unlink()
        made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(made, "wb") as taken:
            shutil.copyfileobj(given, taken, 1 << 20)
            os.fchmod(made, stat.S_IMODE(about.st_mode))
        os.utime(target, ns=(about.st_atime_ns, about.st_mtime_ns))


def is_regular(path: Path) -> bool:
    """Whether a file stands there, and neither link, pipe nor device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _inside(path: Path, within: Path) -> str:
    try:
        real = Path(os.path.realpath(path))
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error
    if not real.is_relative_to(os.path.realpath(within)):
        raise OSError(errno.ELOOP, "This leads out of its folder", str(path))
    return str(real)


def _take(descriptor: int, limit: int) -> bytes:
    pieces, left = [], limit
    while left > 0 and (piece := os.read(descriptor, min(left, 1 << 20))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
