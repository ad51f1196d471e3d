"""Pooled worktrees: handed on without a trace of their last use, whole again after a kill between any two steps."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from maestro.worktrees import git as git_module
from maestro.worktrees import integration, manager, pool, sparse
from maestro.worktrees.git import own_git_dir
from tests.repos import commit, make_repo, run_git, write_files

FILES = {f"d{d}/f{n}.txt": f"{d} {n}\n" for d in range(3) for n in range(4)} | {".gitignore": "*.log\nnode_modules/\n"}
KEEP = "refs/maestro/s/recovered/worktree-t1"


def _going_on() -> bool:
    return False


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", FILES)


def _state(worktree: Path) -> dict[str, object]:
    """All that a task can find in its worktree, and in what git keeps for it."""
    parts = sorted(p for p in worktree.rglob("*") if p.name != ".git")
    files = {str(p.relative_to(worktree)): (p.stat().st_mode, p.read_bytes() if p.is_file() else b"") for p in parts}
    git_dir = own_git_dir(worktree)
    return {
        "files": files,
        "git": {p.name for p in git_dir.iterdir()},
        "status": run_git(worktree, "status", "--porcelain", "--ignored"),
        "flags": run_git(worktree, "ls-files", "-v"),
        "log": run_git(worktree, "reflog", "--format=%H"),
        "head": run_git(worktree, "rev-parse", "HEAD"),
        "settings": run_git(worktree, "config", "--list", "--local", "--worktree", check=False),
    }


def _mess(worktree: Path) -> None:
    """What agents leave: changed, new and ignored files, repositories, a half-done merge, logs, hidden commits."""
    run_git(worktree, "branch", "side", "HEAD")
    commit(worktree, {"d0/f0.txt": "the task's\n", ".gitattributes": "*.txt eol=crlf\n"}, "The task's work")
    run_git(worktree, "checkout", "-q", "side")
    commit(worktree, {"d0/f0.txt": "the other's\n"}, "Somewhere else")
    run_git(worktree, "checkout", "-q", "maestro/x-1/t1")
    run_git(worktree, "merge", "-q", "side", check=False)
    write_files(worktree, {"left.log": "x", "node_modules/a/b.js": "x", "new/file.txt": "uncommitted\n"})
    run_git(worktree, "init", "-q", "new/inner")
    run_git(worktree, "update-ref", "refs/worktree/mine", "HEAD")
    (own_git_dir(worktree) / "info").mkdir(exist_ok=True)
    (own_git_dir(worktree) / "info" / "sparse-checkout").write_text("/d0/\n")
    (own_git_dir(worktree) / "maestro-copied").write_text(".env")


def test_the_next_task_finds_what_a_new_worktree_would_have(tmp_path: Path, repo: Path) -> None:
    base, below = run_git(repo, "rev-parse", "HEAD"), tmp_path / "data"
    pool.add_worktree(repo, below / "t1", "maestro/x-1/t1", base, _going_on)
    used = own_git_dir(below / "t1")
    _mess(below / "t1")
    pool.put_back(repo, below / "t1", recover_as=KEEP, below=below)
    assert "uncommitted" in run_git(repo, "show", f"{KEEP}:new/file.txt")
    assert pool.ready(repo, below)
    assert not (below / "t1").exists()

    later = commit(repo, {"d1/f1.txt": "moved on\n", "d9/new.txt": "new\n"})
    assert pool.add_worktree(repo, below / "t2", "maestro/x-1/t2", later, _going_on).created
    assert own_git_dir(below / "t2") == used, "it was used again"
    fresh = manager.add_worktree(repo, tmp_path / "new" / "t3", "maestro/x-1/t3", later).path
    new, again = _state(fresh), _state(below / "t2")
    new["git"] = set(new["git"]) - {"ORIG_HEAD"}  # git's own leaving
    assert again == new


@pytest.mark.parametrize("spoil", ["hidden", "unreadable", "permissions", "linked", "git init", "rules"])
def test_one_that_cannot_be_made_like_new_is_not_used_again(tmp_path: Path, repo: Path, spoil: str) -> None:
    base, below = run_git(repo, "rev-parse", "HEAD"), tmp_path / "data"
    path = pool.add_worktree(repo, below / "t1", "maestro/x-1/t1", base, _going_on).path
    file = path / "d0" / "f0.txt"
    if spoil == "hidden":
        run_git(path, "update-index", "--assume-unchanged", "d0/f0.txt")
        file.write_text("nobody sees this")
    elif spoil == "unreadable":
        (own_git_dir(path) / "index").write_text("broken")
    elif spoil == "permissions":
        (path / "d0").chmod(0o700)
    elif spoil == "linked":
        os.link(file, tmp_path / "elsewhere")
        run_git(path, "update-index", "-q", "--refresh")
    elif spoil == "git init":
        (path / ".git").unlink()
        run_git(path, "init", "-q")
    pool.put_back(repo, path, recover_as=None, below=below)
    if spoil == "rules":
        (repo / ".git" / "info" / "attributes").write_text("*.txt eol=crlf\n")
    assert pool.ready(repo, below) == []
    path = pool.add_worktree(repo, below / "t2", "maestro/x-1/t2", base, _going_on).path
    assert run_git(path, "status", "--porcelain", "--ignored") == ""
    wanted = b"0 0\r\n" if spoil == "rules" else b"0 0\n"
    assert (path / "d0" / "f0.txt").read_bytes() == wanted


def test_a_pool_that_moved_with_the_data_folder_or_was_deleted_leaves_nothing_registered(
    tmp_path: Path, repo: Path
) -> None:
    base, old, new = run_git(repo, "rev-parse", "HEAD"), tmp_path / "data" / "s1", tmp_path / "moved" / "s1"
    for _ in range(2):
        pool.prepare_ahead(repo, old, base, _going_on)
    shutil.rmtree(pool.pooled(old)[0])
    new.parent.mkdir()
    old.rename(new)
    assert pool.ready(repo, new) == []
    pool.tidy(repo, new)
    assert list(new.iterdir()) == []
    assert run_git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1


def _killed_before(step: int, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Do ``work`` in a process of its own that dies before its n-th call of git; False when it had fewer."""
    if (child := os.fork()) == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(120)  # a lock that another thread held at the fork stays held here
        calls, start = 0, git_module._start

        def counted(*args: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step:
                os._exit(9)
            return start(*args, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(git_module, "_start", counted)
        try:
            work()
        finally:
            os._exit(0)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in {0, 9}
    return ended == 9


def test_after_a_kill_between_any_two_steps_the_work_is_there_and_the_next_task_starts_well(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = run_git(repo, "rev-parse", "HEAD")
    place = tmp_path / "round"
    here, below = place / "repo", place / "data"

    def work() -> None:
        pool.put_back(here, below / "t1", recover_as=KEEP, below=below)
        pool.add_worktree(here, below / "t2", "maestro/x-1/t2", base, _going_on)

    step, killed = 0, True
    while killed:
        step += 2
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(repo, here)
        pool.add_worktree(here, below / "t1", "maestro/x-1/t1", base, _going_on)
        write_files(below / "t1", {"new.txt": "uncommitted\n", "d0/f0.txt": "changed\n"})
        killed = _killed_before(step, work, monkeypatch)
        # What a start does: tidy, then go on with the task.
        pool.tidy(here, below)
        manager.remove_worktree(here, below / "t1", recover_as=KEEP, below=below)
        pool.add_worktree(here, below / "t2", "maestro/x-1/t2", base, _going_on)
        assert run_git(here, "show", f"{KEEP}:new.txt") == "uncommitted", f"killed before step {step}"
        assert run_git(below / "t2", "status", "--porcelain", "--branch", "--ignored") == "## maestro/x-1/t2"
        assert (below / "t2" / "d0" / "f0.txt").read_text() == "0 0\n"
        held = run_git(here, "worktree", "list", "--porcelain")
        assert {p.name for p in below.iterdir()} <= {"t2", *(p.name for p in pool.ready(here, below))}, held
        assert held.count("worktree ") == 2 + len(pool.ready(here, below))
    assert step > 20, "the steps were counted"


def test_work_in_a_sparse_worktree_is_saved_and_widened_without_deletions_or_a_word_in_the_configuration(
    tmp_path: Path, repo: Path
) -> None:
    base, below = run_git(repo, "rev-parse", "HEAD"), tmp_path / "data"
    before = (repo / ".git" / "config").read_text()
    folders = sparse.folders_of(repo, base, ["d0/f?.txt", "/d9/new/file.txt", "top.txt"])
    assert folders == ["d0", "d9/new"]
    assert [sparse.folders_of(repo, base, wide) for wide in (["**/f0.txt"], ["*.txt"], [])] == [None, None, None]
    path = pool.add_worktree(repo, below / "t1", "maestro/x-1/t1", base, _going_on, folders=folders).path
    assert sorted(p.name for p in path.iterdir()) == [".git", ".gitignore", "d0"]
    assert run_git(path, "status", "--porcelain", "--branch") == "## maestro/x-1/t1"
    # Also written where git has a file that is not here.
    write_files(path, {"d0/f0.txt": "mine\n", "d1/f1.txt": "over it\n", "new.txt": "new\n"})
    wanted = ["M\td0/f0.txt", "M\td1/f1.txt", "A\tnew.txt"]
    saved = integration.save_work(repo, path, KEEP, "Saved")
    assert run_git(repo, "diff", "--name-status", base, str(saved)).splitlines() == wanted
    sparse.widen(path)
    sparse.widen(path)
    assert (path / "d2" / "f3.txt").read_text() == "2 3\n"
    made = integration.commit_all(path, "Work", {"Maestro-Session": "s", "Maestro-Task": "t1"}, branch="maestro/x-1/t1")
    assert run_git(repo, "diff", "--name-status", base, str(made)).splitlines() == wanted
    assert (repo / ".git" / "config").read_text() == before
    pool.put_back(repo, path, recover_as=KEEP, below=below)
    assert len(pool.ready(repo, below)) == 1
