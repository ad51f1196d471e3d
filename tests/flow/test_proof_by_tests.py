"""A check that names single tests is compared with the base test by test."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core.commands import control
from tests.landing import bench, plan_of
from tests.repos import make_repo

PYTEST = "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -q -p no:cacheprovider"
QUIET = "python -E -m unittest -q"  # -E: it does not load what would name its tests
OLD = "def test_good():\n    assert True\n\n\ndef test_bad():\n    assert 1 == 2\n"
UNIT = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_good(self):\n        pass\n"
FILES = {"README.md": "Hello\n", ".gitignore": "__pycache__/\n"}


def one(check: str, tmp_path: Path, files: dict[str, str | bytes]) -> tuple[Path, dict[str, object]]:
    return make_repo(tmp_path / "repo", {**FILES, **files}), plan_of({"id": "t1"}, checks=[check])


def test_what_failed_before_does_not_count_and_is_told(tmp_path: Path) -> None:
    with bench(tmp_path, *one(PYTEST, tmp_path, {"test_old.py": OLD})) as b:
        b.measure_baseline()
        assert b.work({"new.py": "x = 1\n", "test_new.py": "def test_new():\n    pass\n"}).status == "completed"
        (run,) = b.evidence()
        assert run.passed
        assert run.exit_code == 1
        assert "known failures" in (run.note or "")
        assert run.tests_summary is not None
        assert {k: run.tests_summary[k] for k in ("passed", "failed", "skipped", "total")} == {
            "passed": 2,
            "failed": 1,
            "skipped": 0,
            "total": 3,
        }
        assert run.tests_summary["still_failing"] == ["test_old::test_bad"]
        assert "generated xml" not in run.output
        assert b.complete() == "completed"


def test_a_newly_failing_test_goes_back_to_the_agent_by_name(tmp_path: Path) -> None:
    with bench(tmp_path, *one(PYTEST, tmp_path, {"test_old.py": OLD})) as b:
        b.measure_baseline()
        task = b.work({"test_new.py": "def test_new():\n    assert False\n"})
        assert (task.status, task.attempt) == ("running", 2)
        assert "Failing because of this work\n- test_new::test_new" in (task.prompt or "")
        assert "do not count)\n- test_old::test_bad" in (task.prompt or "")


def test_a_flaky_test_is_run_again_told_and_not_counted(tmp_path: Path) -> None:
    once = tmp_path / "failed-once"
    flaky = f"import os\n\n\ndef test_some():\n    assert os.path.exists({str(once)!r}) or open({str(once)!r}, 'w').close()\n"
    once.touch()
    with bench(tmp_path, *one(PYTEST, tmp_path, {"test_old.py": flaky})) as b:
        b.measure_baseline()
        once.unlink()
        assert b.work({"new.py": "x = 1\n"}).status == "completed"
        first, second = b.evidence()
        assert (first.passed, second.passed) == (False, True)
        assert second.tests_summary is not None
        assert second.tests_summary["flaky"] == ["test_old::test_some"]
        assert "flaky" in (second.note or "")


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_a_vanished_or_skipped_test_counts_like_a_failure_until_the_user_agrees(tmp_path: Path, decision: str) -> None:
    fewer = "import pytest\n\n\n@pytest.mark.skip\ndef test_one():\n    pass\n"
    before = "def test_one():\n    pass\n\n\ndef test_two():\n    pass\n"
    with bench(tmp_path, *one(PYTEST, tmp_path, {"test_old.py": before}), max_attempts=2) as b:
        b.measure_baseline()
        assert b.work({"test_old.py": fewer}).status == "waiting"
        (question,) = b.asked()
        assert question.kind == "tests_missing"
        assert question.detail["vanished"] == ["test_old::test_two"]
        assert question.detail["skipped_now"] == ["test_old::test_one"]
        assert not b.evidence()[-1].passed
        b.answer(decision, message="keep them" if decision == "deny" else None)
        task = b.land()
        if decision == "deny":
            assert (task.status, task.attempt) == ("running", 2)
            assert "test_old::test_two" in (task.prompt or "")
            assert "keep them" in (task.prompt or "")
            return
        # Asked once: neither the edit that did it nor the whole at the end raises it again.
        assert task.status == "completed"
        assert "you accepted" in (b.evidence()[-1].note or "")
        assert b.complete() == "completed"


def test_a_quiet_runner_is_compared_by_its_failures_and_its_number_of_tests(tmp_path: Path) -> None:
    two = UNIT + "\n    def test_bad(self):\n        self.fail('old')\n"
    with bench(tmp_path, *one(QUIET, tmp_path, {"test_u.py": two}), max_attempts=3) as b:
        b.measure_baseline()
        assert b.work({"test_u.py": UNIT}).status == "waiting"
        assert "ran 1 tests; before the work it ran 2" in b.asked("tests_missing")[0].detail["vanished"][0]
        b.answer("deny")
        assert b.land().attempt == 2
        assert b.work({"test_u.py": two, "new.py": "x = 1\n"}).status == "completed"
        assert b.evidence()[-1].tests_summary["still_failing"] == ["test_u.T.test_bad"]  # type: ignore[index]


def test_a_quiet_unittest_misses_a_deleted_test_although_another_was_added(tmp_path: Path) -> None:
    two = UNIT + "\n    def test_old(self):\n        pass\n"
    with bench(tmp_path, *one("python -m unittest -q", tmp_path, {"test_u.py": two})) as b:
        b.measure_baseline()
        assert b.work({"test_u.py": two.replace("test_old", "test_new")}).status == "waiting"
        assert b.asked("tests_missing")[0].detail["vanished"] == ["test_u.T.test_old"]
        assert b.evidence()[-1].command == "python -m unittest -q"


def test_a_check_that_passed_on_this_commit_is_not_run_again_after_an_answer(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    repo, plan = one(f"echo x >> {ran}", tmp_path, {"docs/a.md": "a\n"})
    plan["tasks"][0]["files"] = ["src/x.py"]  # type: ignore[index]
    plan["tasks"][0]["checks"] = [f"echo y >> {ran}"]  # type: ignore[index]
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        assert b.work({"src/x.py": "x = 1\n", "docs/a.md": "b\n"}).status == "waiting"
        b.answer("allow", "outside_files")
        assert b.land().status == "completed"
        assert b.land().status == "completed"
        assert ran.read_text().split() == ["x", "y"]


def test_a_landing_waits_for_the_baseline_that_is_being_measured(tmp_path: Path) -> None:
    slow = f"test -e {tmp_path}/once || {{ touch {tmp_path}/once; sleep 1; exit 3; }}"
    with bench(tmp_path, *one(slow, tmp_path, {})) as b:
        assert b.rt.jobs.start(f"baseline:{b.id}", b.measure_baseline)
        assert b.work({"new.py": "x = 1\n"}).status == "completed"
        (before,) = b.evidence("baseline")
        assert before.exit_code == 3
        assert b.evidence()[0].created_at > before.created_at


def test_a_test_of_an_earlier_task_is_missed_and_after_a_rollback_only_what_the_branch_holds(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {**FILES, "test_old.py": OLD})
    own = {"files": ["test_old.py"]}  # an assertion is mended where it stands: asked about, though the plan names it
    plan = plan_of({"id": "t1", **own}, {"id": "t2", **own}, {"id": "t3", **own}, checks=[PYTEST])
    fixed = OLD.replace("1 == 2", "True")
    two = f"{fixed}\n\ndef test_new():\n    pass\n\n\ndef test_more():\n    pass\n"
    fewer = f"import pytest\n\n\n{fixed}\n\n@pytest.mark.skip\ndef test_more():\n    pass\n"
    with bench(tmp_path, repo, plan, max_attempts=4) as b:
        b.measure_baseline()
        assert b.work({"test_old.py": two}).status == "waiting"
        b.answer("allow", "check_changed")
        assert b.land().status == "completed"
        assert b.work({"test_old.py": fewer}, "t2").status == "waiting"
        (question,) = b.asked("tests_missing")
        assert question.detail["vanished"] == ["test_old::test_new"]
        assert question.detail["skipped_now"] == ["test_old::test_more"]
        b.answer("deny")
        assert b.land("t2").attempt == 2
        # What an earlier task has mended counts as well.
        task = b.work({"test_old.py": two.replace("True", "False")}, "t2")
        assert (task.status, task.attempt) == ("running", 3)
        assert "Failing because of this work\n- test_old::test_bad" in (task.prompt or "")
        control.rollback(b.rt, b.id, "0")
        assert b.work({"test_old.py": fixed}, "t3").status == "waiting"
        b.answer("allow", "check_changed")
        assert b.land("t3").status == "completed"
        assert not b.asked()


def test_a_check_of_an_earlier_task_runs_again_for_a_task_that_touches_its_tests(tmp_path: Path) -> None:
    tests = "def test_one():\n    pass\n\n\ndef test_two():\n    pass\n"
    plan = plan_of(
        {"id": "t1", "checks": [f"{PYTEST} test_a.py"]},
        {"id": "t2", "checks": ["true"]},
        {"id": "t3", "checks": ["true"]},
    )
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), plan) as b:
        b.measure_baseline()
        assert b.work({"test_a.py": tests}).status == "completed"
        assert b.work({"other.py": "x = 1\n"}, "t2").status == "completed"
        assert [r.command for r in b.evidence()[1:]] == ["true"]
        assert b.work({"test_a.py": tests.partition("\n\n\n")[0] + "\n"}, "t3").status == "waiting"
        assert b.asked("tests_missing")[0].detail["vanished"] == ["test_a::test_two"]
        b.answer("allow")
        assert b.land("t3").status == "completed"


def test_an_exit_code_of_0_neither_hides_failing_tests_nor_stands_for_tests_that_no_longer_report(
    tmp_path: Path,
) -> None:
    two = "from app import f\n\n\ndef test_one():\n    assert f() == 1\n\n\ndef test_two():\n    assert f() + 1 == 2\n"
    repo = make_repo(tmp_path / "repo", {**FILES, "app.py": "def f():\n    return 1\n", "test_app.py": two})
    tail, one_file = f"{PYTEST} | tail -5", f"{PYTEST} test_app.py"
    plan = plan_of({"id": "t1"}, {"id": "t2", "checks": [tail]}, {"id": "t3", "checks": [one_file]}, checks=[PYTEST])
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        assert b.work({"app.py": "import os\n\n\ndef f():\n    os._exit(0)\n"}).status == "waiting"
        assert b.evidence()[-1].exit_code == 0
        (question,) = b.asked("tests_missing")
        assert question.detail["vanished"] == ["test_app::test_one", "test_app::test_two"]
        task = b.work({"app.py": "def f():\n    return 2\n"}, "t2")
        assert (task.status, task.attempt, b.evidence()[-1].exit_code) == ("running", 2, 0)
        assert "test_app::test_two" in (task.prompt or "")
        # A check of which nothing is known from before, and which would have told of its tests.
        assert b.work({"app.py": "import os\n\n\ndef f():\n    os._exit(0)\n"}, "t3").status == "waiting"
        assert any("reported no tests" in asked.title for asked in b.asked("tests_missing"))


def test_a_check_that_runs_no_test_is_asked_about_unless_nothing_about_that_is_new(tmp_path: Path) -> None:
    unit = "PYTHONDONTWRITEBYTECODE=1 python -m unittest discover; true"  # newer ones end with 5 when they find nothing
    skipped = "import pytest\n\n\n@pytest.mark.skip\ndef test_new():\n    assert False\n"
    plan = plan_of(
        {"id": "t0"},
        {"id": "t1"},
        {"id": "t2", "checks": [f"{PYTEST} test_new.py"]},
        {"id": "t3"},
        {"id": "t4"},
        checks=[unit],
    )
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), plan) as b:
        b.measure_baseline()
        # A repository without tests yet.
        assert b.work({"pre.py": "x = 1\n"}, "t0").status == "completed"
        assert b.work({"app.py": "x = 1\n", "tests/__init__.py": ""}).status == "completed"
        assert b.evidence()[-1].note == "no test ran"
        assert b.work({"test_new.py": skipped}, "t2").status == "waiting"
        (question,) = b.asked("tests_missing")
        assert "reported no tests" in question.title
        assert question.detail["skipped_now"] == ["test_new::test_new"]
        b.answer("deny")
        assert "ran no test" in (b.land("t2").prompt or "")
        assert b.work(
            {"test_new.py": skipped.replace("False", "True").replace("@pytest.mark.skip\n", "")}, "t2"
        ).status == ("completed")
        # Now there are tests, which unittest does not find.
        assert b.work({"app.py": "x = 2\n"}, "t3").status == "waiting"
        assert "found no tests, before the work began, too" in b.asked()[0].title
        b.answer("allow", "infrastructure")
        assert b.land("t3").status == "completed"
        assert b.work({"app.py": "x = 3\n"}, "t4").status == "completed"
        assert b.complete() == "completed"


def test_a_plan_of_which_no_check_ever_ran_a_test_proves_nothing_and_asks_once(tmp_path: Path) -> None:
    # Below Python 3.12 unittest ends with 0 where it finds none; it does not look into src.
    unit = "PYTHONDONTWRITEBYTECODE=1 python -m unittest; true"
    test = "import unittest\n\nimport calc\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n"
    test += "        assert calc.add(1, 1) == 2\n"
    repo = make_repo(tmp_path / "repo", {"src/calc.py": "def add(a, b):\n    return a + b\n", "src/test_calc.py": test})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}, checks=[unit, "true"])) as b:
        b.measure_baseline()
        assert b.work({"src/calc.py": "def add(a, b):\n    return a - b\n"}).status == "waiting"
        (question,) = b.asked("infrastructure")
        assert f"`{unit}` found no tests, before the work began, too." in question.title
        b.answer("allow")
        assert b.land().status == "completed"
        assert b.evidence()[-2].note == "no test ran, which you accepted"
        assert b.work({"note.md": "x\n"}, "t2").status == "completed"


def test_tests_that_move_or_get_other_parameters_or_a_first_fixture_ask_nothing_unless_that_hides_something(
    tmp_path: Path,
) -> None:
    add = "from calc import add\n\n\ndef test_add():\n    assert add(1, 1) == 2\n"
    many = "import pytest\n\n\n@pytest.mark.parametrize('n', [1, 2])\ndef test_many(n):\n    assert n\n"
    moved: dict[str, str | None] = {
        "calc.py": "def add(a, b):\n    return b + a\n",
        "tests/test_a.py": many.replace("[1, 2]", "[1, 3, 4]"),
        "tests/test_new.py": "def test_new(three):\n    assert three == 3\n",
        "tests/test_sum.py": add,
        "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef three():\n    return 3\n",
    }
    emptied: dict[str, str | None] = {
        "calc.py": "def add(a, b):\n    return 5\n",
        "tests/test_sum.py": None,
        "tests/test_other.py": "def test_add():\n    pass\n",
    }
    files = {"calc.py": "def add(a, b):\n    return a + b\n", "tests/test_a.py": f"{add}\n\n{many}"}
    plan = plan_of({"id": "t1", "files": ["calc.py"]}, {"id": "t2"}, {"id": "t3"}, checks=[PYTEST])
    with bench(tmp_path, make_repo(tmp_path / "repo", {**FILES, **files}), plan) as b:
        b.measure_baseline()
        assert b.work(moved).status == "completed", b.asked()
        assert b.work(emptied, "t2").status == "waiting"
        assert b.asked("check_changed")[0].detail["files"] == ["tests/test_sum.py"]
        renamed = {
            name: str(moved[name]).replace("test_new", "test_three").replace("[1, 3, 4]", "[1, 3]") for name in moved
        }
        assert b.work({**renamed}, "t3").status == "waiting"
        (question,) = b.asked("tests_missing")
        assert question.detail["vanished"] == ["tests.test_a::test_many[4]", "tests.test_new::test_new"]
        assert question.detail["new"] == ["tests.test_new::test_three"]
