"""Sessions on repositories that count as large: worktrees are handed on, and nobody can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.commands import control
from maestro.core.workspaces import cleanup
from maestro.worktrees import pool
from tests.app_process import wait_for
from tests.engine import engine
from tests.repos import make_repo, run_git
from tests.scripted import bash, say, scenario, task_rule, write

FILES = {f"d{d}/f{n}.txt": f"{d} {n}\n" for d in range(3) for n in range(4)} | {".gitignore": "node_modules/\n"}
POOLED = "git rev-parse --git-dir | grep -qE /p[0-9]{11}$"


def test_tasks_hand_their_worktrees_on_and_the_pool_goes_with_the_session(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", FILES)
    before = run_git(repo, "config", "--list", "--local")
    leave = bash("mkdir -p node_modules/x && echo x > node_modules/x/y")
    script = scenario(
        task_rule("# Task t1", write("d0/f0.txt", "t1\n"), leave, say("Done.")),
        task_rule("# Task t2", bash("ls -a > found.txt; cat d0/f0.txt >> found.txt"), say("Done.")),
        task_rule("# Task t3", write("d2/f0.txt", "t3\n"), say("Done.")),
    )
    chain = [
        {"id": "t1", "title": "One", "checks": [POOLED]},
        {"id": "t2", "title": "Two", "depends_on": ["t1"], "checks": [POOLED, "test ! -e node_modules"]},
        {"id": "t3", "title": "Three", "depends_on": ["t2"], "checks": [POOLED], "requires_approval": True},
    ]
    with engine(tmp_path, script, large_repository_files=10) as e:
        session = e.run(repo, {"summary": "Test", "checks": ["ls"], "tasks": chain}, permission_mode="bypass")
        e.until("approval_requested", kind="task_start")
        below = cleanup.worktrees_folder(e.rt, session.id)
        wait_for(lambda: pool.pooled(below), 120, "a worktree that is kept ready")
        found = run_git(repo, "show", f"{e.get(session.id).session_branch}:found.txt").splitlines()
        assert found == [".", "..", ".git", ".gitignore", "d0", "d1", "d2", "found.txt", "t1"]
        assert {t.status for t in queries.list_tasks(e.rt, session.id)} == {"completed", "waiting"}
        control.cancel(e.rt, session.id)
        wait_for(lambda: not below.exists(), 120, "the pool to go")
    assert run_git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1
    assert run_git(repo, "config", "--list", "--local") == before


def test_a_sparse_task_sees_its_folders_its_checks_see_all_and_nothing_is_lost(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", FILES)
    before = (repo / ".git" / "config").read_text()
    look = bash(
        "ls -d d* | xargs > root.txt; git sparse-checkout add d1; ls -d d* | xargs >> root.txt; git commit -qam Own"
    )
    script = scenario(
        task_rule(
            "# Task t1", look, write("d0/f0.txt", "t1\n"), say("Done."), write("d0/f1.txt", "t1\n"), say("Done.")
        ),
    )
    only = {
        "id": "t1",
        "title": "One",
        "files": ["d0/*.txt", "root.txt"],
        "checks": ["test -e d2/f3.txt", "grep t1 d0/f1.txt"],
    }
    plan = {"summary": "Test", "checks": ["ls"], "tasks": [only]}
    with engine(tmp_path, script, large_repository_files=10) as e:
        session = e.run(repo, plan, permission_mode="bypass", sparse=True)
        e.until("state_changed", to="completed")
        branch = e.get(session.id).session_branch
        assert e.task(session.id, "t1").attempt == 2, "sent back once, with all files by then"
        changed = run_git(repo, "diff", "--name-status", "main", branch).splitlines()
        assert changed == ["M\td0/f0.txt", "M\td0/f1.txt", "A\troot.txt"]
        assert run_git(repo, "show", f"{branch}:root.txt").splitlines() == ["d0", "d0 d1"]
    assert (repo / ".git" / "config").read_text() == before


@pytest.mark.parametrize(("made", "left"), [("node_modules", "d0"), ("d1/node_modules", "d0 d1 d2")])
def test_set_up_sees_all_files_before_a_sparse_task_is_left_with_its_own(tmp_path: Path, made: str, left: str) -> None:
    """What it makes must be the same on the base, in the task and on the whole; so it is not narrowed away either."""
    repo = make_repo(tmp_path / "repo", FILES)
    seen = tmp_path / "seen"
    set_up = f"ls -d d* d2/* | xargs >> {seen}; mkdir {made}; cat d*/*.txt | cksum > {made}/sum"
    look = bash(f"ls -d d* | xargs > root.txt; cp {made}/sum made.txt; git sparse-checkout add d0 || true")
    script = scenario(task_rule("# Task t1", look, write("d0/f0.txt", "t1\n"), say("Done.")))
    checks = [f"test -e d2/f3.txt && test -s {made}/sum"]
    only = {"id": "t1", "title": "One", "files": ["d0/*.txt", "root.txt", "made.txt"], "checks": checks}
    with engine(tmp_path, script, large_repository_files=10) as e:
        plan = {"summary": "Test", "checks": checks, "tasks": [only]}
        session = e.run(repo, plan, permission_mode="bypass", sparse=True, setup=[set_up])
        e.until("state_changed", to="completed")
        branch = e.get(session.id).session_branch
        changed = run_git(repo, "diff", "--name-status", "main", branch).splitlines()
        assert changed == ["M\td0/f0.txt", "A\tmade.txt", "A\troot.txt"]
        assert run_git(repo, "show", f"{branch}:root.txt").strip() == left
    assert len(set(seen.read_text().splitlines())) == 1
    assert len(seen.read_text().splitlines()) >= 2
