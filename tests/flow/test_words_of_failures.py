"""What is said when something fails names what is there, and what to do."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.kernel.agent_config import parse_check
from maestro.core.supervisor import stepping
from maestro.db import models
from maestro.errors import InvalidInput
from tests.landing import Bench, bench, plan_of
from tests.repos import make_repo, run_git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"a.txt": "a\n"})


def test_a_session_branch_that_is_gone_is_brought_back_by_the_command_that_is_named(tmp_path: Path, repo: Path) -> None:
    for number, commit in enumerate((None, run_git(repo, "rev-parse", "HEAD"))):
        with bench(tmp_path / str(number), repo, plan_of({"id": "t1"}, checks=["true"])) as b:
            with b.rt.db.write() as tx:
                row = tx.db.get(models.Session, b.id)
                assert row is not None
                row.session_commit = commit
                tx.db.add(row)
            run_git(repo, "update-ref", "-d", f"refs/heads/{b.session.session_branch}")
            b.complete()
            (question,) = b.asked("infrastructure")
            way = f"git branch {b.session.session_branch} {b.session.base_commit}"
            assert f"To restore it: `{way}`" in question.detail["reason"]
            run_git(repo, *way.split()[1:])
            b.answer("allow")
            assert b.complete() == "completed"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No usable temporary directory found in ['/tmp', '/']"), "start Maestro with TMPDIR set"),
        (FileNotFoundError(2, "No such file or directory", "{tmp}/maestro-check-x"), "Create it"),
        (PermissionError(13, "Permission denied", "{tmp}/maestro-tmp-1"), "make it writable for Maestro"),
        (PermissionError(13, "Permission denied", "/srv/x"), "/srv/x: Permission denied"),
        (OSError(24, "Too many open files"), "Too many open files"),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_a_step_that_fails_says_why_in_words(tmp_path: Path, repo: Path, error: Exception, words: str) -> None:
    if isinstance(error, OSError) and error.filename:
        error.filename = error.filename.format(tmp=tempfile.gettempdir())
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"])) as b:

        def fail() -> None:
            raise error

        assert not stepping.run_step(b.rt, "baseline", b.id, None, fail)
        assert words in b.logs()
        assert "Errno" not in b.logs()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("x" * 4001, "4,000 characters"),
        ("a\0b", "NUL"),
        ("a" * 5000 + "\0", "than"),
    ],
)
def test_a_check_that_is_none_is_refused_in_plain_words(command: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_check(command)
    assert words in refused.value.detail
    assert "String should" not in refused.value.detail


def _used(b: Bench, key: str, model: str, cost: float) -> None:
    with b.rt.db.write() as tx:
        task = tx.db.get(models.Task, b.task(key).id)
        assert task is not None
        run = models.Worker(session_id=b.id, task_id=task.id, name="W", spool_path="", model=model, model_calls=1)
        run.input_tokens, run.output_tokens, run.cost_usd = 1000, 100, cost
        task.input_tokens, task.cost_usd = 1100, cost
        tx.db.add(run)
        tx.db.add(task)


def _demo(b: Bench, demo: bool) -> None:
    with b.rt.db.write() as tx:
        row = tx.db.get(models.Session, b.id)
        assert row is not None
        row.demo = demo
        tx.db.add(row)


def test_a_cost_of_which_a_part_has_no_known_price_is_the_least(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}, {"id": "t3"})) as b:
        _demo(b, False)
        _used(b, "t1", "claude-sonnet-4-5", 0.5)
        _used(b, "t3", "claude-sonnet-4-5", 0.0)  # goes on: counted by its tokens
        assert not queries.get_session(b.rt, b.id).cost_incomplete
        _used(b, "t2", "qwen3-coder:30b", 0.0)
        assert queries.get_session(b.rt, b.id).cost_incomplete
        assert queries.list_sessions(b.rt)[0][0].cost_incomplete
        tasks = {task.key: task.cost_incomplete for task in queries.list_tasks(b.rt, b.id)}
        assert tasks == {"t1": False, "t2": True, "t3": False}
        _demo(b, True)
        assert not queries.get_session(b.rt, b.id).cost_incomplete
