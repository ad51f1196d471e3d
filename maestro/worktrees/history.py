"""Looking at commits: where a branch stands, where two lines parted, whose a commit is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from maestro.errors import BranchGone, GitError
from maestro.worktrees.commits import read_commit, with_trailers
from maestro.worktrees.git import git
from maestro.worktrees.refs import branch_ref, commit_of, ref_commit


def tip(repo: Path, branch: str) -> str:
    """Where a branch stands now. Raises BranchGone."""
    commit = ref_commit(repo, branch_ref(branch))
    if commit is None:
        raise BranchGone(f"The branch {branch} no longer exists.")
    return commit


def merge_base(repo: Path, left: str, right: str) -> str:
    """The last commit that two lines share. Raises GitError when they share none."""
    found = git(repo, "merge-base", left, right, check=False)
    if found.code != 0:
        raise GitError(f"{left[:12]} and {right[:12]} have no commit in common.")
    return found.text.strip()


def subjects(repo: Path, before: str, after: str, limit: int = 200) -> list[str]:
    """The first lines of the commits that ``after`` has and ``before`` has not, the latest first."""
    ends = f"{commit_of(repo, before)}..{commit_of(repo, after)}"
    return git(repo, "log", f"--max-count={limit}", "--format=%s", ends, "--").text.splitlines()


def commits(repo: Path, before: str, after: str) -> set[str]:
    """The commits that ``after`` has and ``before`` has not."""
    ends = f"{commit_of(repo, before)}..{commit_of(repo, after)}"
    return set(git(repo, "rev-list", ends, "--").text.split())


def added_paths(repo: Path, before: str, after: str) -> set[str]:
    """The files that any commit which ``after`` has and ``before`` has not brings in, a later one removed or not."""
    plain = ("--no-ext-diff", "--no-textconv", "--no-renames", "--diff-filter=A", "--name-only", "--format=", "-z")
    return set(git(repo, "log", *plain, f"{commit_of(repo, before)}..{commit_of(repo, after)}", "--").fields)


def carries(repo: Path, commit: str, trailers: Mapping[str, str]) -> bool:
    """Whether a commit's message holds exactly these trailers already."""
    message = read_commit(repo, commit).words
    return with_trailers(message, trailers).strip() == message.strip()
