"""The steps of a session that take long. What they need is loaded with the first of a kind: the start waits for none."""

from __future__ import annotations

from maestro.core.kernel.runtime import Runtime


def start_worker(rt: Runtime, task_id: str) -> None:
    """See ``starting``. Whether a task's checks test its worktree is proving's subject, which execution does not know."""
    from maestro.core.execution import starting
    from maestro.core.integration import updates
    from maestro.core.proving import other_code

    if updates.prepare(rt, task_id):
        return
    starting.start_worker(rt, task_id, other_code.review)


def land(rt: Runtime, task_id: str) -> None:
    """See ``landing``."""
    from maestro.core.integration import landing

    landing.land(rt, task_id)


def validate(rt: Runtime, session_id: str) -> None:
    """See ``validation``."""
    from maestro.core.integration import validation

    validation.validate(rt, session_id)


def run_baseline(rt: Runtime, session_id: str) -> None:
    """See ``validation``. Raises as it does."""
    from maestro.core.integration import validation

    validation.run_baseline(rt, session_id)
