"""Settings in files: ``config.toml`` of the user's own, and the ``.env`` beside Maestro's own ``app.py``.

Which file may be read at all is decided in ``core.configuration``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from maestro.errors import InvalidInput

_MOST_BYTES = 256 * 1024


def read_dotenv(path: Path) -> dict[str, str]:
    """Names and values of a ``.env``; none when there is no such file. Raises InvalidInput when it cannot be read."""
    text = _text(path)
    if text is None:
        return {}
    import io

    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value is not None}


def names_in_dotenv(path: Path, known: Iterable[str]) -> list[str]:
    """Which of the ``known`` variables a ``.env`` of anybody's sets, to say that they do not count."""
    try:
        text = _text(path)
    except InvalidInput:
        return []
    words = {line.strip().removeprefix("export ").partition("=")[0].strip() for line in (text or "").splitlines()}
    return sorted(words & set(known))


def read_config(path: Path) -> dict[str, Any]:
    """The settings in ``config.toml``; none when there is no such file.

    Raises InvalidInput when it cannot be read, or when somebody else could have written it.
    """
    text = _text(path)
    if text is None:
        return {}
    import tomllib

    real = path.resolve()
    for place, right in ((real, "600"), (real.parent, "700")):
        found = place.stat()
        if found.st_uid not in {os.getuid(), 0} or found.st_mode & stat.S_IWOTH:
            raise InvalidInput(f"{place} can be changed by other users. Fix that with: chmod {right} {place}")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path} is not valid TOML: {error}. Correct it, or move it away.") from error


def _text(path: Path) -> str | None:
    """A regular file's text. A pipe or a device of that name is not waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise InvalidInput(f"{path} cannot be read: it is not a regular file.")
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise InvalidInput(f"{path} cannot be read: it is larger than {_MOST_BYTES // 1024} KB.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} cannot be read: {error}. Save it as UTF-8 text.") from error
