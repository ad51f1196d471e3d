"""Signing in to Claude Code from Maestro's pages: its own ``auth login`` is started, and its sign-in page passed on."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

from pydantic import BaseModel

from maestro import variables
from maestro.core.kernel import claude_login
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.errors import InvalidInput, NotAllowed, Unavailable

_URL = re.compile(rb"https://[^\s\x1b\x07'\"<>]+")
_CODE = re.compile(r"[!-~]{1,2000}")
_PATIENCE_S = 900.0
_LOOK_S = 0.3
_MOST_OUTPUT = 64_000


class SignIn(BaseModel):
    """How a sign-in stands: ``url`` is the page on which the user signs in, ``error`` why it ended without one."""

    running: bool = False
    signed_in: bool = False
    url: str | None = None
    error: str | None = None


class _Seat:
    """The sign-in that is under way, or was last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.output = b""
        self.error: str | None = None
        self.cancelled = False


_SEAT = Service(_Seat)


def start(rt: Runtime) -> SignIn:
    """Start Claude Code's sign-in, unless one is under way. Raises Unavailable where Claude Code cannot be started."""
    seat = rt.service(_SEAT)
    with seat.lock:
        if seat.process is None or seat.process.poll() is not None:
            seat.output, seat.error, seat.cancelled = b"", None, False
            seat.process = _begin(rt)
            rt.jobs.start(f"sign-in:{seat.process.pid}", _watch, rt, seat, seat.process)
    return state(rt)


def state(rt: Runtime) -> SignIn:
    """How it stands now."""
    seat = rt.service(_SEAT)
    found = _URL.search(seat.output)
    return SignIn(
        running=seat.process is not None and seat.process.poll() is None,
        signed_in=claude_login.has_login(),
        url=found[0].decode("ascii", "replace") if found else None,
        error=seat.error,
    )


def enter_code(rt: Runtime, code: str) -> None:
    """Pass on the code that the sign-in page shows. Raises InvalidInput, and NotAllowed when no sign-in is under way."""
    if not _CODE.fullmatch(code.strip()):
        words = "must be the code that the sign-in page shows, without spaces"
        raise InvalidInput(f"The code {words}.", {"code": words})
    process = rt.service(_SEAT).process
    if process is None or process.stdin is None or process.stdin.closed or process.poll() is not None:
        raise NotAllowed("The sign-in has ended. Start it again.", state="ended", allowed=["start"])
    with contextlib.suppress(OSError, ValueError):  # it has just ended, which its state says
        process.stdin.write(code.strip().encode() + b"\n")
        process.stdin.flush()


def cancel(rt: Runtime) -> None:
    """End the sign-in that is under way."""
    rt.service(_SEAT).cancelled = True


def _begin(rt: Runtime) -> subprocess.Popen[bytes]:
    program = str(rt.settings.claude_path) if rt.settings.claude_path else _bundled() or shutil.which("claude")
    if program is None:
        raise Unavailable("Claude Code was not found. Set its path under Settings.")
    kept = variables.of_the_machine(os.environ)
    environment = {k: v for k, v in os.environ.items() if k in kept} | variables.for_claude(os.environ, None)
    try:
        return subprocess.Popen(
            [program, "auth", "login"],
            env=environment,
            cwd=str(Path.home()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"Claude Code could not be started: {error.strerror} ({program}).") from error


def _bundled() -> str | None:
    found = importlib.util.find_spec("claude_agent_sdk")
    bundled = Path(found.origin).parent / "_bundled" / "claude" if found and found.origin else None
    return str(bundled) if bundled and bundled.is_file() else None


def _watch(rt: Runtime, seat: _Seat, process: subprocess.Popen[bytes]) -> None:
    """Until it ends, is cancelled, takes too long, or the app stops."""
    reader = threading.Thread(target=_read, args=(seat, process), daemon=True, name="sign-in")
    reader.start()
    until = time.monotonic() + _PATIENCE_S
    while process.poll() is None:
        if seat.cancelled or time.monotonic() > until or rt.jobs.stopping.wait(_LOOK_S):
            process.kill()
            break
    process.wait()
    reader.join(1)
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
    if process.returncode and not seat.cancelled and not claude_login.has_login():
        last = seat.output.decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
        seat.error = f"The sign-in ended without success{f': {last}' if last else ''}. Start it again."
    with rt.db.write() as tx:
        tx.emit("settings_changed", "", names=[])  # pages show whether the assistant is ready


def _read(seat: _Seat, process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    with contextlib.suppress(OSError, ValueError):  # closed: it has ended
        while piece := os.read(process.stdout.fileno(), 4096):
            seat.output = (seat.output + piece)[:_MOST_OUTPUT]
