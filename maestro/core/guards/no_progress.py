"""Recognising that many tool calls change nothing in a worktree, by no edit and by no other means.

Git is asked in the background, and what it said is judged at a later look: a large worktree holds up nobody.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from maestro.core.guards.loops import Trace
from maestro.core.kernel.runtime import Runtime
from maestro.errors import MaestroError
from maestro.worktrees.git import git

#: How long git may take for one answer.
_PATIENCE_S = 20


@dataclass
class _Fingerprint:
    """A worktree at one time. ``print`` is None until it has been taken."""

    print: str | None = None


class Standstill:
    """What is known of one run's worktree: how it was when half of the calls were done."""

    def __init__(self, worker_id: str) -> None:
        self.job = f"standstill:{worker_id}"
        self._before: _Fingerprint | None = None
        self._after: _Fingerprint | None = None
        self._since: int | None = None  # calls without an edit when the first picture was there

    def check(self, rt: Runtime, worktree: Path, trace: Trace) -> str | None:
        """That nothing changes, as a sentence: as many calls as the setting says without an edit, and over the
        second half of them the worktree is the same. None when it is not so, or not known yet.
        """
        calls, limit = trace.since_change, rt.settings.stuck_calls_without_change
        if calls < limit // 2 or calls < (self._since or 0):
            self._before = self._after = self._since = None
            return None
        if self._before is None:
            self._before = self._take(rt, worktree)
        if self._before is None or self._before.print is None:
            return None
        if self._since is None:
            self._since = calls
        if calls < limit or calls - self._since < limit // 2:
            return None
        if self._after is None:
            self._after = self._take(rt, worktree)
        if self._after is None or self._after.print is None:
            return None
        same = self._before.print == self._after.print
        self._before, self._after, self._since = self._after, None, calls
        return f"{calls} tool calls in a row changed nothing in the worktree" if same else None

    def _take(self, rt: Runtime, worktree: Path) -> _Fingerprint | None:
        picture = _Fingerprint()
        return picture if rt.jobs.start(self.job, _develop, picture, worktree) else None


def _develop(picture: _Fingerprint, worktree: Path) -> None:
    """The worktree's contents against its commit, the commit, and what tells files apart that git does not know."""
    found = hashlib.sha256()
    try:
        for arguments in (("rev-parse", "HEAD"), ("diff", "--no-ext-diff", "--no-textconv", "HEAD")):
            found.update(git(worktree, *arguments, timeout_s=_PATIENCE_S).stdout)
        status = git(worktree, "status", "--porcelain", "-z", "--untracked-files=all", timeout_s=_PATIENCE_S).stdout
        found.update(status)
        for entry in status.split(b"\0"):
            if entry.startswith(b"?? "):
                found.update(_stamp(worktree / os.fsdecode(entry[3:])))
    except (MaestroError, OSError):
        found.update(str(time.monotonic()).encode())  # cannot be told: never the same
    picture.print = found.hexdigest()


def _stamp(path: Path) -> bytes:
    try:
        seen = path.lstat()
    except OSError:
        return b"gone"
    return f"{seen.st_size} {seen.st_mtime_ns};".encode()
