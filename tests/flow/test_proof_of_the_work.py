"""Done means proven: what an agent hid, changed elsewhere, or did to its own proof keeps a task from being done."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.commands import control
from maestro.core.kernel import places
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git, write_files

CHECK = "sh check.sh"
#: Names no single tests, so that only files can tell.
PLAIN = "python tests/test_plain.py"
PLAIN_TEST = "import sys\nsys.path.insert(0, '.')\nimport calc\nassert calc.add(2, 2) == 4\n"
FILES: dict[str, str | bytes] = {
    "calc.py": "def add(a, b):\n    return a + b\n",
    "check.sh": "test $(cat value.txt) = good\n",
    "Makefile": "test: other\n\t@bash ci/all.sh\nother:\n",
    "ci/all.sh": "sh ./check.sh\n",
    "value.txt": "good\n",
    "tests/test_plain.py": PLAIN_TEST,
    "deep/inside/a.txt": "a\n",
    ".gitignore": "__pycache__/\n",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", FILES)


def test_work_left_in_a_stash_goes_back_and_a_stash_of_the_user_does_not_matter(tmp_path: Path, repo: Path) -> None:
    (repo / "value.txt").write_text("mine\n")
    run_git(repo, "stash", "-q")
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        tree = b.begin()
        write_files(tree, {"seen.txt": "1\n"})
        run_git(tree, "add", "-A")
        run_git(tree, "commit", "-q", "-m", "seen")
        write_files(tree, {"hidden.txt": "2\n"})
        run_git(tree, "stash", "-q", "-u")
        b.end()
        task = b.land()
        assert (task.status, task.attempt) == ("running", 2)
        assert "hidden.txt" in (task.prompt or "")
        assert "value.txt" not in (task.prompt or "")
        run_git(tree, "stash", "apply", "-q")
        b.end()
        # The entry is still there; what it holds is in the work now.
        assert b.land().status == "completed"
        assert len(run_git(repo, "stash", "list").splitlines()) == 2


@pytest.mark.parametrize(("elsewhere", "mine"), [(["-b", "wip"], ["--detach"]), (["--detach"], ["main"])])
def test_work_left_in_a_stash_that_was_made_beside_the_tasks_branch_goes_back(
    tmp_path: Path, repo: Path, elsewhere: list[str], mine: list[str]
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        tree = b.begin()
        branch = run_git(tree, "branch", "--show-current")
        run_git(tree, "checkout", "-q", *elsewhere)
        write_files(tree, {"hidden.txt": "2\n"})
        run_git(tree, "stash", "-q", "-u")
        run_git(tree, "checkout", "-q", branch)
        # The user's own, made meanwhile at the commit where the task began.
        run_git(repo, "checkout", "-q", *mine)
        write_files(repo, {"mine.txt": "1\n"})
        run_git(repo, "stash", "-q", "-u")
        write_files(tree, {"own.txt": "1\n"})
        b.end()
        task = b.land()
        assert (task.status, task.attempt) == ("running", 2)
        assert "hidden.txt" in (task.prompt or "")
        assert "mine.txt" not in (task.prompt or "")
        run_git(tree, "stash", "drop", "-q", "stash@{1}")
        b.end()
        assert b.land().status == "completed"


def test_commits_left_on_another_branch_go_back(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        tree = b.begin()
        branch = run_git(tree, "branch", "--show-current")
        run_git(tree, "checkout", "-q", "-b", "side")
        write_files(tree, {"side.txt": "1\n"})
        run_git(tree, "add", "-A")
        run_git(tree, "commit", "-q", "-m", "side")
        run_git(tree, "checkout", "-q", branch)
        write_files(tree, {"own.txt": "1\n"})
        b.end()
        task = b.land()
        assert (task.status, task.attempt) == ("running", 2)
        assert "`side`" in (task.prompt or "")
        run_git(tree, "merge", "-q", "--no-edit", "side")
        b.end()
        assert b.land().status == "completed"
        assert "side.txt" in run_git(repo, "ls-tree", "--name-only", b.session.session_branch)


def test_a_task_done_on_a_branch_of_the_agents_own_making_comes_in(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        tree = b.begin()
        run_git(tree, "checkout", "-q", "-b", "feature")
        write_files(tree, {"side.txt": "1\n"})
        run_git(tree, "add", "-A")
        run_git(tree, "commit", "-q", "-m", "side")
        b.end()
        assert b.land().status == "completed"


def test_a_worktree_left_on_something_else_goes_back_instead_of_failing(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        tree = b.begin()
        run_git(tree, "checkout", "-q", "--orphan", "elsewhere")
        run_git(tree, "commit", "-q", "-m", "no parents")
        b.end()
        task = b.land()
        assert (task.status, task.attempt) == ("running", 2)
        assert "does not come from" in (task.prompt or "")


def test_a_run_that_ended_with_an_error_is_not_done_whatever_it_is_called(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        write_files(b.begin(), {"own.txt": "1\n"})
        b.end(is_error=True, message="API Error: 529")
        task = b.land()
        assert (task.status, task.attempt) == ("running", 2)
        assert "529" in (task.prompt or "")


def test_a_refused_commit_costs_a_task_without_checks_no_attempt_and_another_command_does(
    tmp_path: Path, repo: Path
) -> None:
    def refused(command: str, signature: str) -> dict[str, str]:
        return {"tool": "Bash", "title": f"Run `{command}`", "signature": signature}

    commits = [
        refused("git add -A && git commit -m docs", "Bash:git add + git commit"),
        refused("git add docs && git commit -m \"$(cat <<'EOF' Docs", "Bash:exactly 1"),
    ]
    others = [refused("git add -f made.txt", "Bash:git add"), refused("make docs", "Bash:make docs")]
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        write_files(b.begin(), {"docs/a.md": "a\n"})
        b.end(denied=[*commits, *others])
        assert b.land().attempt == 2
        told = b.task().prompt or ""
        assert [word in told for word in ("make docs", "git add -f", "git commit")] == [True, True, False]
        b.end(denied=commits)
        assert b.land().status == "completed"


def test_files_far_from_the_declared_ones_are_decided_by_the_user_once(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "files": ["src/*.py"], "checks": ["true"]})) as b:
        near = {"src/x.py": "x = 1\n", "src/more/y.py": "y = 1\n", "uv.lock": "\n", "tests/test_x.py": "\n"}
        unproven = PLAIN_TEST.replace("4", "2 + 2")  # no check of the task runs it
        assert b.work({**near, "deep/inside/a.txt": "b\n", "tests/test_plain.py": unproven}).status == "waiting"
        (question,) = b.asked("outside_files")
        assert question.detail["files"] == ["deep/inside/a.txt", "tests/test_plain.py"]
        assert b.land().status == "waiting"
        assert len(b.asked()) == 1
        b.answer("deny", message="not that one")
        task = b.land()
        assert (task.status, task.attempt) == ("running", 2)
        assert "not that one" in (task.prompt or "")
        assert b.work({"deep/inside/a.txt": "a\n", "tests/test_plain.py": PLAIN_TEST}).status == "completed"


def test_an_answer_given_after_a_restart_counts(tmp_path: Path, repo: Path) -> None:
    plan = plan_of({"id": "t1", "files": ["src/*.py"], "checks": ["true"]})
    with bench(tmp_path, repo, plan) as b:
        assert b.work({"src/x.py": "x = 1\n", "deep/inside/a.txt": "b\n"}).status == "waiting"
        b.reopen()
        b.answer("allow")
        assert b.land().status == "completed"
        assert queries.list_approvals(b.rt, status=None, session_id=b.id)[0].status == "allowed"


def test_a_session_that_is_given_up_and_retried_asks_again(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "files": ["src/*.py"], "checks": ["true"]})) as b:
        assert b.work({"src/x.py": "x = 1\n", "deep/inside/a.txt": "b\n"}).status == "waiting"
        control.fail_session(b.rt, b.id)
        assert not b.asked()
        control.retry(b.rt, b.id)
        assert b.land().status == "waiting"
        b.answer("allow")
        assert b.land().status == "completed"


@pytest.mark.parametrize(
    ("check", "files", "told"),
    [
        (CHECK, {"check.sh": "true\n", "value.txt": "bad\n"}, "check.sh"),
        (PLAIN, {"calc.py": "def add(a, b):\n    return 5\n", "tests/test_plain.py": "pass\n"}, "tests/test_plain.py"),
        ("make test", {"ci/all.sh": "true\n", "value.txt": "bad\n"}, "ci/all.sh"),
        ("python -m ruff check --no-cache .", {"bad.py": "import os\n", "ruff.toml": "exclude = ['*.py']\n"}, "ruff.toml"),
        ("true", {"tests/test_plain.py": None}, "tests/test_plain.py"),
        ("true", {".github/workflows/ci.yml": "jobs: {}\n"}, ".github/workflows/ci.yml"),
        (
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 python -m pytest -q -p no:cacheprovider new",
            {"new/test_n.py": "def test_n(three):\n    assert 0\n", "new/conftest.py": "import pytest\n"
             "@pytest.fixture\ndef three():\n    return 3\n"
             "def pytest_runtest_call(item):\n    item.obj = lambda: None\n    item.runtest = lambda: None\n"
             "def pytest_pyfunc_call(pyfuncitem):\n    return True\n"},
            "new/conftest.py",
        ),
    ],
)  # fmt: skip
def test_a_check_that_passes_only_because_the_task_changed_what_it_runs_is_shown_as_a_diff(
    tmp_path: Path, repo: Path, check: str, files: dict[str, str | None], told: str
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": [check]})) as b:
        assert b.work({**files, "more.txt": "1\n"}).status == "waiting"
        (question,) = b.asked()
        assert question.kind == "check_changed"
        assert question.detail["files"] == [told]
        assert f"b/{told}" in question.detail["diff"]
        b.answer("allow")
        assert b.land().status == "completed"


def test_a_changed_test_that_hides_nothing_or_that_the_plan_names_asks_nothing(tmp_path: Path, repo: Path) -> None:
    harmless = {"tests/test_plain.py": PLAIN_TEST + "assert calc.add(1, 1) == 2\n"}
    named: dict[str, str | None] = {"calc.py": "def add(a, b):\n    return b + a\n", "tests/test_plain.py": "pass\n"}
    plan = plan_of({"id": "t1", "checks": [PLAIN]}, {"id": "t2", "files": ["calc.py", "tests/**"], "checks": [PLAIN]})
    with bench(tmp_path, repo, plan) as b:
        assert b.work({**harmless}).status == "completed"
        assert b.work(named, "t2").status == "completed"
        assert not places.of_scratch(b.rt, b.id, "proof-t1").exists()


def test_a_copy_of_the_users_own_file_is_committed_neither_by_maestro_nor_by_the_agent(
    tmp_path: Path, repo: Path
) -> None:
    write_files(repo, {"conf/.env": "KEY=secret\n", ".gitignore": ".env\n"})
    run_git(repo, "commit", "-qam", "ignore")
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]}, {"id": "t2"}), copy_files=[".env"]) as b:
        # As a scaffold's template does.
        assert b.work({".gitignore": "node_modules/\n", "a.txt": "a\n"}).status == "completed"
        tree = b.begin("t2")
        start = run_git(tree, "rev-parse", "HEAD")
        run_git(tree, "add", "-A")
        run_git(tree, "commit", "-q", "-m", "all")
        run_git(tree, "rm", "-q", "--cached", "conf/.env")
        run_git(tree, "commit", "-q", "--allow-empty", "-m", "gone, and still in the history")
        write_files(tree, {"b.txt": "b\n"})
        b.end("t2")
        assert b.land("t2").status == "waiting"
        assert b.asked("outside_files")[0].detail["files"] == ["conf/.env"]
        b.answer("deny")
        assert "git reset --soft" in (b.land("t2").prompt or "")
        run_git(tree, "reset", "-q", "--soft", start)
        run_git(tree, "rm", "-q", "-r", "--cached", "--ignore-unmatch", "conf/.env")
        b.end("t2")
        assert b.land("t2").status == "completed"
        assert run_git(repo, "log", "--format=%h", b.session.session_branch, "--", "conf") == ""


@pytest.mark.parametrize("mark", ["--skip-worktree", "--assume-unchanged"])
def test_what_is_hidden_from_git_is_part_of_the_commit_that_is_proven(tmp_path: Path, repo: Path, mark: str) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["grep -q new value.txt && test ! -e calc.py"]})) as b:
        tree = b.begin()
        run_git(tree, "update-index", mark, "value.txt", "calc.py")
        write_files(tree, {"value.txt": "new\n", "own.txt": "1\n"})
        (tree / "calc.py").unlink()
        b.end()
        assert b.land().status == "completed"
        assert run_git(repo, "show", f"{b.session.session_branch}:value.txt") == "new"
        assert "calc.py" not in run_git(repo, "ls-tree", "--name-only", b.session.session_branch)


def test_a_check_that_passes_only_beside_code_that_git_ignores_goes_back(tmp_path: Path, repo: Path) -> None:
    (repo / ".gitignore").write_text("__pycache__/\nlib/\nnode_modules/\n.venv/\nmade.py\n")
    run_git(repo, "commit", "-qam", "ignore")
    ran = tmp_path / "ran"
    check = f"echo x >> {ran}; python -c 'import app'"
    plan = plan_of({"id": "t1", "checks": [check]}, {"id": "t2", "checks": [check]})
    with bench(tmp_path, repo, plan, setup=["touch made.py"]) as b:
        task = b.work({"app.py": "import lib.helper\n", "lib/helper.py": "x = 1\n"})
        assert (task.status, task.attempt) == ("running", 2)
        assert "- lib/helper.py" in (task.prompt or "")
        assert "If a command of the repository makes them" in (task.prompt or "")
        assert "made.py" not in (task.prompt or "")
        assert [run.passed for run in b.evidence()] == [True, False]
        run_git(b.begin(), "add", "-f", "lib/helper.py")
        b.end()
        assert b.land().status == "completed"
        assert "lib/helper.py" in run_git(repo, "ls-tree", "-r", "--name-only", b.session.session_branch)
        before = len(ran.read_text())
        # What tools and set-ups make is no code of the work, and costs no second run.
        ordinary: dict[str, str | None] = {f"{f}/x.py": "1\n" for f in ("node_modules", ".venv", "lib/__pycache__")}
        assert b.work({"more.py": "x = 1\n", **ordinary}, "t2").status == "completed"
        assert len(ran.read_text()) == before + len("x\n")
