"""Checks as people write them: for bash, for a terminal that somebody watches, or simply wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.commands import approvals
from maestro.core.kernel import watch_mode
from maestro.core.workspaces.environ import command_environment
from maestro.core.workspaces.run_command import run_command
from maestro.errors import InvalidInput
from maestro.settings import Settings
from tests.landing import Bench, bench, plan_of
from tests.repos import make_repo

#: Prints what vitest prints, and waits for changes; ends where somebody says so.
WATCHES = """import sys, time
print("Test Files  1 passed (1)")
if "--run" not in sys.argv:
    print(" PASS  Waiting for file changes...\\n       press h to show help, press q to quit", flush=True)
    time.sleep(600)
"""
UNTIL_CI = "import os, time\nprint('PASS', flush=True)\nwhile not os.environ.get('CI'): time.sleep(1)\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {"README.md": "Hello\n", "watch.py": WATCHES, "until_ci.py": UNTIL_CI}
    return make_repo(tmp_path / "repo", files)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_mode, "IDLE_S", 0.2)


def _plan(b: Bench) -> list[str]:
    return list(queries.get_plan(b.rt, b.id).plan["checks"])


@pytest.mark.parametrize(
    "command",
    [
        "source ./env.sh && test $GREETING = hello",
        "[[ README.md == *.md ]]",
        "diff <(echo a) <(echo a)",
        "for n in {1..3}; do echo $n; done | grep -q 3",
        "set -o pipefail; true | true",
        "false | true",  # no pipefail of ours: it ends as in a terminal
        "files=(*.sh); test ${#files[@]} = 1",
    ],
)
def test_checks_are_written_for_bash(command: str, tmp_path: Path) -> None:
    (tmp_path / "env.sh").write_text("GREETING=hello\n")
    outcome = run_command(command, tmp_path, command_environment(Settings(), {}), 30)
    assert (outcome.exit_code, outcome.output.strip()) in {(0, ""), (0, "hello")}


def test_what_watches_unless_ci_is_set_ends(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["python until_ci.py"])) as b:
        b.measure_baseline()
        assert b.work({"one.txt": "1\n"}).status == "completed"
        assert [run.passed for run in b.evidence("baseline") + b.evidence()] == [True, True]


@pytest.mark.usefixtures("soon")
def test_a_watcher_is_told_before_any_attempt_and_its_correction_holds_from_then_on(tmp_path: Path, repo: Path) -> None:
    watches, ends = "python watch.py", "python watch.py --run"
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": [watches]}, checks=[watches]), checks=[watches]) as b:
        b.measure_baseline()
        (question,) = b.asked()
        assert (question.kind, question.task_id) == ("infrastructure", None)
        assert "watch mode" in question.title
        assert f"Use `{ends}` instead" in question.title
        assert question.detail["suggestion"] == ends
        assert question.detail["command"] == watches
        (run,) = b.evidence("baseline")
        assert (run.exit_code, run.could_not_run, run.duration_s < 60) == (None, True, True)
        approvals.decide(b.rt, question.id, "allow", corrected=f"  {ends} ")
        assert _plan(b) == [ends]
        assert b.task().checks == [ends]
        assert b.session.agent_config["checks"] == [ends]
        b.measure_baseline()
        assert b.work({"one.txt": "1\n"}).status == "completed"
        assert b.complete() == "completed"
        assert {(r.command, r.passed) for r in b.evidence("task") + b.evidence("validation")} == {(ends, True)}


@pytest.mark.usefixtures("soon")
def test_a_watcher_costs_no_attempt(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["python watch.py"]})) as b:
        task = b.work({"one.txt": "1\n"})
        assert (task.status, task.attempt) == ("waiting", 1)
        (question,) = b.asked("infrastructure")
        approvals.decide(b.rt, question.id, "allow", corrected="test -e one.txt")
        assert b.land().status == "completed"


def test_a_check_that_could_not_run_is_corrected_in_the_answer(tmp_path: Path, repo: Path) -> None:
    wrong = "frobnicate --all"
    plan = plan_of({"id": "t1"}, {"id": "t2", "checks": [wrong, "true"]}, checks=[wrong, "true"])
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        assert b.work({"one.txt": "1\n"}).status == "waiting"
        (question,) = b.asked("infrastructure")
        with pytest.raises(InvalidInput) as refused:
            approvals.decide(b.rt, question.id, "allow", corrected="   ")
        assert "command" in refused.value.fields
        assert b.asked("infrastructure"), "it is still open"
        approvals.decide(b.rt, question.id, "allow", corrected="true")
        b.measure_baseline()
        assert b.land().status == "completed"
        assert (_plan(b), b.task("t2").checks) == (["true"], ["true"])
        assert queries.get_plan(b.rt, b.id).version == 2


def test_only_a_question_about_a_check_is_answered_with_a_command(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"]), setup=["exit 3"]) as b:
        b.measure_baseline()
        (question,) = b.asked("infrastructure")
        with pytest.raises(InvalidInput):
            approvals.decide(b.rt, question.id, "allow", corrected="true")
        assert _plan(b) == ["true"]


@pytest.mark.parametrize(
    ("said", "way_out"),
    [
        ("mise ERROR error parsing config file: ~/r/mise.toml\nmise ERROR Config files in ~/r/mise.toml are not trusted.\n"
         "Trust them with `mise trust`. See https://mise.jdx.dev/cli/trust.html", "mise trust --yes"),
        ("\x1b[31mdirenv: error /r/.envrc is blocked. Run `direnv allow` to approve its content\x1b[0m", "direnv allow ."),
    ],
)  # fmt: skip
def test_files_that_nobody_trusted_at_this_path_are_nobodys_failure(
    said: str, way_out: str, tmp_path: Path, repo: Path
) -> None:
    (tmp_path / "said").write_text(said)
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[f"cat {tmp_path}/said; exit 1"])) as b:
        b.measure_baseline()
        task = b.work({"one.txt": "1\n"})
        assert (task.status, task.attempt) == ("waiting", 1)
        (question,) = b.asked("infrastructure")
        assert f"add `{way_out}` as the first setup command" in question.title
