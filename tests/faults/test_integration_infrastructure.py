"""What is not the agent's fault stops the train once, costs no attempt and starts no repair task."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.proving import infrastructure
from maestro.core.supervisor import steps
from maestro.db import models
from tests.landing import bench, plan_of
from tests.repos import commit, make_repo


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n", "verify.sh": "cat /nowhere/at/all\n"})


def test_a_missing_command_stops_the_train_with_one_question_and_no_attempt_is_burnt(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of({"id": "t1"}, {"id": "t2"}, checks=["frobnicate --all"])
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        assert b.evidence("baseline")[0].could_not_run
        one = b.work({"one.txt": "1\n"})
        assert (one.status, one.attempt) == ("waiting", 1)
        assert "frobnicate was not found" in b.asked()[0].title
        # The second task neither asks again nor runs anything.
        assert b.work({"two.txt": "1\n"}, "t2").status == "checking"
        assert len(b.asked()) == 1
        assert [r.could_not_run for r in b.evidence()] == [True]
        tools = tmp_path / "tools"
        tools.mkdir()
        (tools / "frobnicate").write_text("#!/bin/sh\nexit 0\n")
        (tools / "frobnicate").chmod(0o755)
        monkeypatch.setenv("PATH", str(tools), prepend=":")
        b.answer("allow")
        b.measure_baseline()
        assert b.evidence("baseline")[-1].passed
        assert [b.land(key).status for key in ("t1", "t2")] == ["completed", "completed"]
        assert b.task().attempt == 1


def test_a_check_that_fails_as_it_did_on_the_base_is_counted_only_when_the_user_says_so(
    tmp_path: Path, repo: Path
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}, checks=["sh verify.sh"])) as b:
        b.measure_baseline()
        one = b.work({"one.txt": "1\n"})
        assert (one.status, one.attempt) == ("waiting", 1)
        assert "with the same output as before any work" in b.asked()[0].title
        b.answer("deny", message="your job")
        one = b.land()
        assert (one.status, one.attempt) == ("running", 2)
        assert "your job" in (one.prompt or "")
        # Said once is said for this failure.
        two = b.work({"two.txt": "1\n"}, "t2")
        assert (two.status, two.attempt) == ("running", 2)
        assert not b.asked()


def test_a_check_that_fails_as_it_did_on_the_base_counts_as_passed_once_the_user_goes_on_with_it(
    tmp_path: Path,
) -> None:
    lint = "python -m ruff check --no-cache . 2>/dev/null"
    repo = make_repo(tmp_path / "repo", {"old.py": "import os\n", "test_old.py": "x = 1\n"})
    plan = plan_of({"id": "t1"}, {"id": "t2"}, {"id": "t3", "files": ["new.py"]}, checks=[lint])
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        # The old error has moved, and the check also fails with the old version of a changed test.
        moved = {"old.py": '"""Old."""\n\nimport os\n\nx = 1\n', "test_old.py": "x = 2\n", "one.py": "x = 1\n"}
        assert b.work({**moved}).status == "waiting"
        assert b.asked()[0].detail["allow"] == "continue: it failed before too"
        b.answer("allow")
        assert (b.land().status, b.task().attempt) == ("completed", 1)
        assert "you accepted that" in (b.evidence()[-1].note or "")
        assert b.work({"two.py": "x = 1\n"}, "t2").status == "completed"
        three = b.work({"new.py": "import os\n"}, "t3")
        assert (three.status, three.attempt) == ("running", 2)
        assert b.work({"new.py": "x = 1\n"}, "t3").status == "completed"
        assert b.complete() == "completed"


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("a.py:1: error: A\n(checked 3 source files)", "a.py:4: error: A\n(checked 4 source files)", True),
        ("a.ts(1,2): error TS1: B", "a.ts(31,2): error TS1: B", True),
        ("/x/a.js\n  1:2  error  'a' is not used", "/x/a.js\n  9:12  error  'a' is not used", True),
        ("a.py:1:1: F401 os", "a.py:1:1: F401 os\na.py:2:1: F401 os", False),
        ("a.py:1:1: F401 os", "b.py:1:1: F401 os", False),
        ("errors:5 of 7", "errors:6 of 7", False),
        ("| a | bad |\nend", "| a | worse |\nend", False),
        (f"a\n{'x' * 5000}", f"b\n{'x' * 5000}", False),
    ],
)
def test_an_old_error_that_only_moved_is_the_same_one_and_one_more_is_not(before: str, now: str, same: bool) -> None:
    assert infrastructure.says_the_same(before, now, Path("/nowhere")) is same


def test_a_script_that_the_task_was_to_write_is_the_tasks_own_business(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["./run.sh", "python -c 'import made_up'"])) as b:
        b.measure_baseline()
        task = b.work({"one.txt": "1\n"})
        assert (task.status, task.attempt) == ("running", 2)
        task = b.work({"run.sh": "#!/bin/sh\n"})
        assert (task.status, task.attempt) == ("running", 3)  # not executable: 126
        assert not b.asked()


def test_a_command_that_the_task_broke_is_the_tasks_fault(tmp_path: Path, repo: Path) -> None:
    plan = plan_of({"id": "t1", "files": ["README.md", "tool.sh"]}, checks=["sh -c '. ./tool.sh'"])
    (repo / "tool.sh").write_text("true\n")
    commit(repo, {})
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        task = b.work({"tool.sh": "frobnicate\n"})
        assert (task.status, task.attempt) == ("running", 2)


def test_a_failing_set_up_asks_once_and_is_run_again_afterwards(tmp_path: Path, repo: Path) -> None:
    good = tmp_path / "good"
    setup = f"touch {tmp_path}/tried; test -e {good}"
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"]), setup=[setup]) as b:
        b.measure_baseline()
        (question,) = b.asked("infrastructure")
        assert question.task_id is None
        assert "Worktree setup failed" in question.title
        (tmp_path / "tried").unlink()
        b.measure_baseline()
        assert not (tmp_path / "tried").exists()
        good.touch()
        b.answer("allow")
        b.measure_baseline()
        assert b.work({"one.txt": "1\n"}).status == "completed"


def test_a_worktree_that_cannot_be_set_up_asks_once_for_all_tasks_and_a_no_fails_the_task(
    tmp_path: Path, repo: Path
) -> None:
    plan = plan_of({"id": "t1"}, {"id": "t2"}, checks=["true"])
    with bench(tmp_path, repo, plan, setup=[f"echo x >> {tmp_path}/tried; exit 3"]) as b:
        for key in ("t1", "t2"):
            with b.rt.db.write() as tx:
                row = tx.db.get(models.Task, b.task(key).id)
                assert row is not None
                row.status, row.attempt = "running", 1
            steps.start_worker(b.rt, b.task(key).id)
        assert [b.task(key).status for key in ("t1", "t2")] == ["waiting", "running"]
        assert (tmp_path / "tried").read_text().split() == ["x"]
        b.answer("allow")
        assert b.task().status == "running"
        steps.start_worker(b.rt, b.task().id)
        assert (tmp_path / "tried").read_text().split() == ["x", "x"]
        b.answer("deny")
        steps.start_worker(b.rt, b.task().id)
        assert b.task().status == "failed"
        assert b.task().attempt == 1


def test_three_alike_failures_in_a_row_ask_the_user(tmp_path: Path, repo: Path) -> None:
    plan = plan_of({"id": "t1"}, {"id": "t2"}, {"id": "t3"}, checks=["test -e x.txt || { echo no x; exit 1; }"])
    with bench(tmp_path, repo, plan, max_attempts=5) as b:
        for key in ("t1", "t2"):
            task = b.work({f"{key}.txt": "1\n"}, key)
            assert (task.status, task.attempt) == ("running", 2)
        three = b.work({"t3.txt": "1\n"}, "t3")
        assert (three.status, three.attempt) == ("waiting", 1)
        assert "3 times in a row" in b.asked("infrastructure")[0].title


def test_the_whole_waits_for_an_answer_and_starts_no_repair_task(tmp_path: Path, repo: Path) -> None:
    plan = plan_of({"id": "t1", "checks": ["true"]}, checks=["frobnicate --all"])
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        assert b.work({"one.txt": "1\n"}).status == "completed"
        assert b.complete() == "validating"
        assert b.complete() == "validating"
        assert len(b.asked("infrastructure")) == 1
        assert [t.key for t in queries.list_tasks(b.rt, b.id)] == ["t1"]
        b.answer("deny")
        assert b.complete() == "executing"
        assert [t.key for t in queries.list_tasks(b.rt, b.id)] == ["t1", "repair-1"]
