"""The app's own log: a rotating file in the data folder, errors in one line on stderr, and no secret in either."""

from __future__ import annotations

import copy
import logging
import logging.handlers
import re
from pathlib import Path

from maestro.settings import SECRET, Settings

_FILE_BYTES = 5_000_000
_FILES = 3
_HIDDEN = "•••"
_SHAPES = re.compile(r"(?i)([?&]token=|bearer\s+|x-api-key['\":=\s]+)[^\s&'\"]+|sk-ant-[\w-]+")
_MIN_SECRET = 6  # shorter ones are words that also mean something else


class _Redacting(logging.Formatter):
    """Takes secrets out of what is written, tracebacks included."""

    def __init__(self, form: str, secrets: list[str]) -> None:
        super().__init__(form)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return _SHAPES.sub(lambda m: (m[1] or "") + _HIDDEN, text)


class _OneLine(_Redacting):
    """Only the message; the traceback is in the file."""

    def format(self, record: logging.LogRecord) -> str:
        short = copy.copy(record)  # the traceback may hang there already, as text that another handler made
        short.exc_info = short.exc_text = short.stack_info = None
        return super().format(short)


def set_up(settings: Settings, token: str) -> None:
    """Send the log of the whole process to ``<data>/logs/maestro.log``."""
    folder = settings.data_dir / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    secrets = _secrets(settings, token)
    file = logging.handlers.RotatingFileHandler(
        folder / "maestro.log", maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8", errors="backslashreplace"
    )
    file.setFormatter(_Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s", secrets))
    screen = logging.StreamHandler()
    screen.setLevel(logging.ERROR)
    screen.setFormatter(_OneLine(f"maestro: %(message)s (see {_relative(folder)}/maestro.log)", secrets))
    logging.basicConfig(level=logging.WARNING, handlers=[file, screen], force=True)
    logging.getLogger("maestro").setLevel(logging.INFO)
    logging.captureWarnings(True)


def _secrets(settings: Settings, token: str) -> list[str]:
    values = [getattr(settings, name) for name in SECRET]
    words = [token, *(v.get_secret_value() for v in values if v is not None)]
    return sorted({w for w in words if len(w) >= _MIN_SECRET}, key=len, reverse=True)


def _relative(folder: Path) -> Path:
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
