"""What is heard of the planner while it works, and when it need not go on."""

from __future__ import annotations

import time

from maestro.assistants.base import Usage
from maestro.core.brainstorm.assistant import count_usage
from maestro.core.brainstorm.repository_tools import clean
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State
from maestro.core.planning.drafting import Drafting
from maestro.core.planning.improving import Settled
from maestro.db import models

_LOOK_S = 1.0


class PlanListener:
    """Hears the planner: tools become log rows; ends it when there is a plan, or nobody waits for one."""

    def __init__(self, rt: Runtime, session_id: str, wanted: Settled, progress: Drafting) -> None:
        self._rt = rt
        self._session_id = session_id
        self._wanted = wanted
        self._progress = progress
        self._looked_at = 0.0
        self._left = False

    @property
    def ended(self) -> bool:
        """Whether the app stops or the session has left PLANNING."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._looked_at = now
            with self._rt.db.read() as db:
                session = db.get(models.Session, self._session_id)
                self._left = session is None or session.status != State.PLANNING
        return self._left or self._rt.jobs.stopping.is_set()

    def on_text(self, delta: str) -> None:
        """See ``Listener``; the answer's text is kept by the answer itself."""

    def on_input(self, delta: str) -> None:
        """See ``HearsInput``."""
        self._progress.written(delta)

    def on_tool(self, name: str, summary: str) -> None:
        """See ``Listener``."""
        if name.startswith("submit_"):
            self._progress.submitted()
        else:
            self._progress.read(clean(summary))
        with self._rt.db.write(durable=False) as tx:
            tx.log(self._session_id, clean(summary), source="assistant", kind="tool", details={"tool": name})

    def on_usage(self, usage: Usage) -> None:
        """See ``Listener``."""
        count_usage(self._rt, self._session_id, usage)

    def should_stop(self) -> bool:
        """See ``Listener``."""
        return self._wanted.settled or self.ended
