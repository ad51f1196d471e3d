"""What changed between two commits: in numbers, as paths, as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maestro.worktrees.git import git, git_head
from maestro.worktrees.refs import commit_of

_PLAIN = ("--no-ext-diff", "--no-textconv")


@dataclass(frozen=True)
class DiffSummary:
    """A diff in numbers; a rename counts as one file (its new path), a binary file as no lines."""

    files: int
    insertions: int
    deletions: int
    paths: list[str]


def diff_summary(repo: Path, a: str, b: str) -> DiffSummary:
    """The diff from commit ``a`` to commit ``b`` in numbers."""
    rows = changed_lines(repo, a, b)
    return DiffSummary(len(rows), sum(i for _, i, _ in rows), sum(d for _, _, d in rows), [path for path, _, _ in rows])


def changed_lines(repo: Path, a: str, b: str) -> list[tuple[str, int, int]]:
    """Path, added and removed lines of each file that differs between two commits, counted as in ``DiffSummary``."""
    return _numstat(repo, commit_of(repo, a), commit_of(repo, b))


def count_files(repo: Path, before: str, after: str) -> int:
    """How many files differ between two commits or trees; a rename counts as one."""
    return len(_numstat(repo, before, after))


def _numstat(repo: Path, before: str, after: str) -> list[tuple[str, int, int]]:
    out = git(repo, "diff-tree", "-r", "-M", "--numstat", "-z", *_PLAIN, before, after, "--").stdout
    parts = iter(out.decode("utf-8", "surrogateescape").split("\0"))
    rows = []
    for part in parts:
        if not part:
            continue
        added, removed, path = part.split("\t", 2)
        if not path:  # a rename: the old and the new path follow
            next(parts)
            path = next(parts)
        rows.append((path, int(added) if added.isdigit() else 0, int(removed) if removed.isdigit() else 0))
    return rows


def diff_text(repo: Path, a: str, b: str, limit_bytes: int) -> tuple[str, bool]:
    """The diff from ``a`` to ``b`` as text in git's format, and whether it was cut (at a line's end)."""
    ends = (commit_of(repo, a), commit_of(repo, b))
    form = ("--src-prefix=a/", "--dst-prefix=b/", "--no-color")
    data, cut = git_head(repo, "diff-tree", "-r", "-p", "-M", *form, *_PLAIN, *ends, "--", limit_bytes=limit_bytes)
    if cut:
        data = data[: data.rfind(b"\n") + 1]
    return data.decode("utf-8", "replace"), cut


def changed_files(repo: Path, a: str, b: str) -> list[str]:
    """All paths that differ between ``a`` and ``b``; a rename gives both of its paths."""
    ends = (commit_of(repo, a), commit_of(repo, b))
    return git(repo, "diff-tree", "-r", "--name-only", "--no-renames", "-z", *ends, "--").fields


def changed_status(repo: Path, a: str, b: str) -> dict[str, str]:
    """Each path that differs between ``a`` and ``b`` with how: A (new in ``b``), D (gone), M, T."""
    ends = (commit_of(repo, a), commit_of(repo, b))
    fields = git(repo, "diff-tree", "-r", "--name-status", "--no-renames", "-z", *_PLAIN, *ends, "--").fields
    return dict(zip(fields[1::2], fields[::2], strict=True))


def contents(repo: Path, commit: str, paths: list[str]) -> dict[str, str]:
    """What a commit holds at each path: the object, and its mode where it is no plain file; empty where it has nothing."""
    found = dict.fromkeys(paths, "")
    for field in git(repo, "ls-tree", "-r", "-z", "--full-tree", commit_of(repo, commit), "--", *paths).fields:
        head, _, path = field.partition("\t")
        mode, _kind, oid = head.split()
        found[path] = oid if mode == "100644" else f"{oid} {mode}"
    return found


def path_diff(repo: Path, a: str, b: str, paths: list[str], limit_bytes: int) -> tuple[str, bool]:
    """``diff_text`` of some paths only."""
    ends = (commit_of(repo, a), commit_of(repo, b))
    form = ("--src-prefix=a/", "--dst-prefix=b/", "--no-color", "--no-renames")
    named = [f":(top,literal){path}" for path in paths]
    data, cut = git_head(repo, "diff-tree", "-r", "-p", *form, *_PLAIN, *ends, "--", *named, limit_bytes=limit_bytes)
    return data.decode("utf-8", "replace"), cut
