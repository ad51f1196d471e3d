"""Who holds a worker's slot."""

from __future__ import annotations

from maestro.core.execution import scheduling
from maestro.db import models


def task(key: str, status: str, attempt: int = 1) -> models.Task:
    return models.Task(id=key, session_id="s", key=key, position=0, title=key, status=status, attempt=attempt)


def test_a_task_that_waits_for_the_user_without_a_worker_leaves_its_slot_to_the_next() -> None:
    tasks = [task("t1", "waiting"), task("t2", "pending", 0)]
    assert scheduling.choose(tasks, 1, live={"t1"}) == []
    assert [t.key for t in scheduling.choose(tasks, 1, live=set())] == ["t2"]
