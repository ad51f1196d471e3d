"""Becomes the Claude Code CLI, so that it ends with the worker, and has its key in no environment that others can read.

Started as a program of its own (it needs nothing but Python's standard library)::

    python -I -S claude_launcher.py CLI ARGUMENTS...

The CLI hands its environment to every command of the agent, and the kernel shows it to every program of the user. So
key and login token go through a pipe that the CLI reads once; the variables are gone when it begins.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

#: Where the CLI is told which descriptor to read instead.
DESCRIPTORS = {
    "ANTHROPIC_API_KEY": "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_TOKEN": "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
}


def main(command: list[str]) -> None:
    """Never returns. Raises OSError when the CLI cannot be started."""
    _end_with_the_worker()
    for name, told in DESCRIPTORS.items():
        secret = os.environ.pop(name, "")
        if secret:
            os.environ[told] = str(_pipe_with(secret.encode()))
    os.execv(command[0], command)  # noqa: S606 - it is given as words


def _end_with_the_worker() -> None:
    """The kernel ends the CLI when the worker is gone, however that ended (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before
        os._exit(1)


def _pipe_with(secret: bytes) -> int:
    """A descriptor with this to read, once, and then its end."""
    reading, writing = os.pipe()
    os.write(writing, secret)  # a pipe holds more than any key
    os.close(writing)
    os.set_inheritable(reading, True)
    return reading


if __name__ == "__main__":
    main(sys.argv[1:])
