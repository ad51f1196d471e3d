"""What happens between the creation of a session and its merge."""

from __future__ import annotations

from pathlib import Path

from tests.faults.kinds.base import FILES, Kind, kind
from tests.repos import commit, make_repo, run_git, write_files


@kind
def target_moved_since(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    return Kind(repo, since=lambda: commit(repo, {"later.txt": "later\n"}), wanted={"later.txt": b"later\n"})


@kind
def target_moved_on_the_same_lines(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    return Kind(
        repo,
        since=lambda: commit(repo, {"t1.txt": "mine\n"}),
        blocked="changed the same lines in: t1.txt",
        free=lambda: run_git(repo, "reset", "-q", "--hard", "HEAD~1"),
    )


@kind
def base_branch_deleted_since(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES, branch="gone")
    return Kind(
        repo,
        since=lambda: (run_git(repo, "checkout", "-q", "-b", "stays"), run_git(repo, "branch", "-D", "gone")),
        blocked="no branch “gone”",
        target="stays",
    )


@kind
def target_checked_out_twice_since(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    return Kind(repo, since=lambda: run_git(repo, "worktree", "add", "-q", "-f", str(tmp / "wt"), "main"))


@kind
def untracked_file_in_the_way(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    write_files(repo, {"t1.txt": "mine, not committed\n"})
    return Kind(repo, blocked="would be overwritten: t1.txt", free=(repo / "t1.txt").unlink)


def _operation(tmp: Path, *steps: tuple[str, ...], doing: str, end: tuple[str, ...]) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "checkout", "-q", "-b", "theirs")
    commit(repo, {"README.md": "theirs\n"})
    run_git(repo, "checkout", "-q", "main")
    commit(repo, {"README.md": "ours\n"})
    for step in steps:
        run_git(repo, *step, check=False)
    return Kind(repo, blocked=f"A {doing} ", free=lambda: run_git(repo, *end), base="main", target="main")


@kind
def in_a_merge(tmp: Path) -> Kind:
    return _operation(tmp, ("merge", "theirs"), doing="merge", end=("merge", "--abort"))


@kind
def in_a_rebase(tmp: Path) -> Kind:
    return _operation(tmp, ("rebase", "theirs"), doing="rebase", end=("rebase", "--abort"))


@kind
def in_a_cherry_pick(tmp: Path) -> Kind:
    return _operation(tmp, ("cherry-pick", "theirs"), doing="cherry-pick", end=("cherry-pick", "--abort"))


@kind
def in_a_bisect(tmp: Path) -> Kind:
    return _operation(
        tmp, ("bisect", "start"), ("bisect", "bad"), ("bisect", "good", "HEAD~1"), doing="bisect",
        end=("bisect", "reset"),
    )  # fmt: skip


@kind
def index_lock_left_behind(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    lock = repo / ".git/index.lock"
    lock.touch()
    return Kind(repo, blocked="index.lock", free=lock.unlink)
