"""What is seen of a plan while it is made: the phase, the files looked at, and the tasks drafted so far.

In memory, for a generation ends with the app and begins again with it; each step is an event (``plan_drafting``).
"""

from __future__ import annotations

import json
import re

from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.views import DraftedTask, PlanProgress
from maestro.db import models

_MOST_FILES, _MOST_TASKS, _MOST_CHARS = 200, 200, 2_000_000
_TASK = re.compile(r'"id"\s*:\s*("(?:[^"\\]|\\.){1,60}"|\d{1,9})\s*,\s*"title"\s*:\s*("(?:[^"\\]|\\.)*")')

#: By session, what its generation has come to.
_PROGRESS = Service(dict[str, PlanProgress])


def of(rt: Runtime, session_id: str) -> PlanProgress | None:
    """How far the generation of a session's plan is; None while there is none."""
    return rt.service(_PROGRESS).get(session_id)


def ended(rt: Runtime, session_id: str) -> None:
    """There is a plan, or a reason why not."""
    rt.service(_PROGRESS).pop(session_id, None)


class Drafting:
    """One generation's progress."""

    def __init__(self, rt: Runtime, session_id: str) -> None:
        self._rt, self._session_id = rt, session_id
        self._now = rt.service(_PROGRESS)[session_id] = PlanProgress()
        self._written = ""
        self._seen = 0

    def phase(self, phase: str, findings: list[str] | None = None) -> None:
        """Another phase begins."""
        self._now.phase, self._now.findings = phase, findings or self._now.findings
        self._written, self._seen = "", 0
        if phase in {"drafting", "rewriting"}:
            self._now.tasks = []
        self._tell()

    def read(self, what: str) -> None:
        """The assistant looks at something of the repository."""
        if what not in self._now.files and len(self._now.files) < _MOST_FILES:
            self._now.files.append(what)
            self._tell()

    def written(self, delta: str) -> None:
        """More of what the plan's tool is called with."""
        if len(self._written) > _MOST_CHARS:
            return
        self._written += delta
        if '"' not in delta and "}" not in delta:
            return
        found = [match for match in _TASK.finditer(self._written, self._seen) if match.end() < len(self._written)]
        if not found:
            return
        self._seen = found[-1].end()
        if self._now.phase == "reading":
            self._now.phase = "drafting"
        for match in found[: _MOST_TASKS - len(self._now.tasks)]:
            self._now.tasks.append(DraftedTask(id=_text(match[1]), title=_text(match[2])[:255]))
        self._tell()

    def submitted(self) -> None:
        """The tool was called: another answer begins anew."""
        self._written, self._seen = "", 0

    def refused(self) -> None:
        """What was handed in was wrong: its tasks are not those of the plan."""
        self._now.tasks = []

    def _tell(self) -> None:
        with self._rt.db.write(durable=False) as tx:
            if tx.db.get(models.Session, self._session_id) is not None:
                now = self._now
                tx.emit("plan_drafting", self._session_id, phase=now.phase, files=len(now.files), tasks=len(now.tasks))


def _text(written: str) -> str:
    try:
        return str(json.loads(written))
    except ValueError:
        return written.strip('"')
