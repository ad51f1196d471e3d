"""What a worker process prints goes to its ``stderr.log`` without the secrets: through a pipe, and a thread that cleans it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

from maestro import secrets

_AT_ONCE = 65_536
#: So long is waited at the end for what is on its way: something that was left running may hold the pipe open.
_END_S = 2.0


def redact() -> Callable[[], None]:
    """From now on the output of this process, and of what inherits it, is cleaned; call what is returned at the end."""
    kept = os.dup(2)
    reading, writing = os.pipe()
    for number in (1, 2):
        os.dup2(writing, number)
    os.close(writing)
    thread = threading.Thread(target=_pass_on, args=(reading, kept), name="printed", daemon=True)
    thread.start()

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        for number in (1, 2):
            os.dup2(kept, number)
        thread.join(_END_S)

    return end


def _pass_on(reading: int, kept: int) -> None:
    lines, rest = secrets.Lines(), b""
    while data := os.read(reading, _AT_ONCE):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            _write(kept, lines, line, b"\n")
        if len(rest) > _AT_ONCE:  # cut between two words, not within a secret
            cut = rest.rfind(b" ") + 1 or len(rest)
            _write(kept, lines, rest[:cut], b"")
            rest = rest[cut:]
    if rest:
        _write(kept, lines, rest, b"")


def _write(kept: int, lines: secrets.Lines, line: bytes, end: bytes) -> None:
    try:
        cleaned = lines.clean(line.decode("utf-8", "surrogateescape"))
        left = cleaned.encode("utf-8", "surrogateescape") + end
        while left:
            left = left[os.write(kept, left) :]
    except OSError:
        return  # a full disk: the worker has to go on
