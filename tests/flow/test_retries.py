"""A failed task is tried again: in a new conversation, by another agent or model, with more effort."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.commands import control
from maestro.core.commands.retries import AnotherAgent
from maestro.core.kernel.agent_config import in_force
from maestro.core.planning import own_agent
from maestro.db import models
from maestro.errors import InvalidInput
from tests.landing import Bench, bench, plan_of
from tests.repos import make_repo


def agent_of(b: Bench) -> tuple[str, str | None, str | None]:
    with b.rt.db.read() as db:
        chosen = own_agent.of_stored(db, b.task(), b.session, in_force(b.session.agent_config, b.rt.settings))
    return chosen.agent_type, chosen.model, chosen.effort


def fail(b: Bench) -> None:
    """The task's agent has done something else, in a conversation."""
    with b.rt.db.write() as tx:
        row = tx.db.get(models.Task, b.task().id)
        assert row is not None
        row.conversation_id = row.conversation_id or "c"
        tx.db.add(row)
    assert b.work({"other.txt": "x\n"}).status == "failed"


def test_a_failed_task_is_tried_again_with_what_was_chosen(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["test -s t1.txt"]}), max_attempts=1) as b:
        fail(b)
        wrong = {"effort": AnotherAgent(effort="enormous"), "agent": AnotherAgent(agent="nobody")}
        for name, another in wrong.items():
            with pytest.raises(InvalidInput) as caught:
                control.retry(b.rt, b.id, task="t1", another=another)
            assert list(caught.value.fields) == [name]
        with pytest.raises(InvalidInput, match="no command to run"):
            control.retry(b.rt, b.id, task="t1", another=AnotherAgent(agent="command"))
        assert (b.task().status, queries.get_plan(b.rt, b.id).version) == ("failed", 1)
        control.retry(b.rt, b.id, task="t1", hint="Slowly", another=AnotherAgent("claude-other-1", "high"))
        assert agent_of(b) == ("claude_code", "claude-other-1", "high")
        assert (b.task().status, b.task().conversation_id, b.task().attempt) == ("running", "c", 1)
        assert "Slowly" in str(b.task().prompt)
        plan = queries.get_plan(b.rt, b.id)
        assert (plan.version, plan.approved_at is not None) == (2, True)
        assert plan.feedback == "Retry t1 with model claude-other-1, effort high"
        fail(b)
        control.retry(b.rt, b.id, fresh=True)
        assert b.task().conversation_id is None
        assert "Check" in b.task().guard_state.afresh  # what the new conversation hears of the old one
        assert queries.get_plan(b.rt, b.id).version == 2
