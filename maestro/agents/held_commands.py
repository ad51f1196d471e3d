"""Commands in the sandbox are held while Claude Code's own tools work on files.

These tools work outside of the sandbox, with paths that were judged a moment before. A command that runs at the same time
(of a subagent) could put a link there in between, and a file of the user's would be read or written in its place.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

import psutil

#: A tool that is not told to have ended holds commands no longer than that.
_LONGEST_S = 2.0
#: What is started while others are being stopped is found by looking again.
_ROUNDS = 5
_SANDBOX = "bwrap"


class HeldCommands:
    """For one run: which commands run, and which calls of file tools hold them."""

    def __init__(self) -> None:
        self._running: set[str] = set()
        self._holding: dict[str, asyncio.TimerHandle] = {}
        self._stopped: list[psutil.Process] = []
        self._free = asyncio.Event()
        self._free.set()

    async def command(self, call: str) -> None:
        """A command is about to run: it waits for the calls that hold."""
        self._running.add(call)
        await self._free.wait()

    def hold(self, call: str) -> None:
        """From now on no command runs until ``ended`` is told of this call."""
        if not self._running:
            return
        self._free.clear()
        self._holding[call] = asyncio.get_running_loop().call_later(_LONGEST_S, self.ended, call)
        for _ in range(_ROUNDS):
            fresh = [one for one in confined() if one not in self._stopped]
            for one in fresh:
                with suppress(psutil.Error):
                    one.send_signal(signal.SIGSTOP)
            self._stopped += fresh
            if not fresh:
                break

    def ended(self, call: str) -> None:
        """A call of a tool is over, or was not allowed."""
        self._running.discard(call)
        timer = self._holding.pop(call, None)
        if timer is None:
            return
        timer.cancel()
        if not self._holding:
            stopped, self._stopped = self._stopped, []
            for one in stopped:
                with suppress(psutil.Error):
                    one.send_signal(signal.SIGCONT)
            self._free.set()


def confined() -> list[psutil.Process]:
    """All processes in sandboxes that this process has started, directly or not."""
    found: list[psutil.Process] = []
    with suppress(psutil.Error):
        for child in psutil.Process(os.getpid()).children(recursive=True):
            with suppress(psutil.Error):
                if child.name() == _SANDBOX:
                    found += [child, *child.children(recursive=True)]
    return list(dict.fromkeys(found))
