"""The app's own log: a rotating file in the data folder, errors in one line on stderr, and no secret in either."""

from __future__ import annotations

import copy
import logging
import logging.handlers
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from maestro import secrets
from maestro.settings import Settings

_FILE_BYTES = 5_000_000
_FILES = 3


class _Redacting(logging.Formatter):
    """Takes secrets out of what is written, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return secrets.clean(super().format(record))


class _OneLine(_Redacting):
    """Only the message; the traceback is in the file."""

    def format(self, record: logging.LogRecord) -> str:
        short = copy.copy(record)  # the traceback may hang there already, as text that another handler made
        short.exc_info = short.exc_text = short.stack_info = None
        return super().format(short)


def set_up(settings: Settings) -> None:
    """Send the log of the whole process to ``<data>/logs/maestro.log``."""
    folder = settings.data_dir / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = logging.handlers.RotatingFileHandler(
        folder / "maestro.log", maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8", errors="backslashreplace"
    )
    file.setFormatter(_Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    screen = logging.StreamHandler()
    screen.setLevel(logging.ERROR)
    screen.setFormatter(_OneLine(f"maestro: %(message)s (see {_relative(folder)}/maestro.log)"))
    logging.basicConfig(level=logging.WARNING, handlers=[file, screen], force=True)
    logging.getLogger("maestro").setLevel(logging.INFO)
    logging.captureWarnings(True)
    _take_over_crashes()


def _take_over_crashes() -> None:
    """What nobody catches goes to the log as well: Python would print it as it is, to a terminal or a service's journal."""
    log = logging.getLogger("maestro.crash")

    def of_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("Maestro ended unexpectedly: %s: %s", kind.__name__, error, exc_info=(kind, error, trace))

    def of_thread(said: threading.ExceptHookArgs) -> None:
        if said.exc_value is not None and said.exc_type is not SystemExit:
            info = (said.exc_type, said.exc_value, said.exc_traceback)
            log.error("a thread ended unexpectedly: %s: %s", said.exc_type.__name__, said.exc_value, exc_info=info)

    def of_nobody(said: Any) -> None:
        info = (said.exc_type, said.exc_value, said.exc_traceback) if said.exc_value is not None else None
        log.error("ignored: %s %r: %s", said.err_msg or "an exception in", said.object, said.exc_value, exc_info=info)

    sys.excepthook, threading.excepthook, sys.unraisablehook = of_main, of_thread, of_nobody


def _relative(folder: Path) -> Path:
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
