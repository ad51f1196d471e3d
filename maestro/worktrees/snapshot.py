"""Saving uncommitted work of a worktree as a commit, without touching the worktree or its index."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from maestro import untrusted
from maestro.errors import GitError
from maestro.worktrees import links, nested, sparse, submodules, uncommittable
from maestro.worktrees.commits import commit_tree, tree_of
from maestro.worktrees.git import git, own_git_dir
from maestro.worktrees.listing import git_dir_of
from maestro.worktrees.refs import keep

#: A list of paths, one for each copied file.
_NOTE_BYTES = 64_000_000
_LONG_S = 600
_COPIED = "maestro-copied"


def remember_copied(worktree: Path, paths: list[str]) -> None:
    """Note files that Maestro put into ``worktree`` and that are never to be committed."""
    note = own_git_dir(worktree) / _COPIED
    untrusted.write(note, "\0".join(dict.fromkeys([*_noted(note), *paths])))


def copied(git_dir: Path) -> list[str]:
    """The files noted by ``remember_copied``."""
    return _noted(git_dir / _COPIED)


def not_work(worktree: Path, git_dir: Path, env: dict[str, str] | None = None) -> list[str]:
    """What git would take for work and is none: copies of the user's files, links in the place of ignored folders."""
    return [*_exposed_copies(worktree, git_dir, env), *links.stand_ins(worktree, env)]


def _exposed_copies(worktree: Path, git_dir: Path, env: dict[str, str] | None = None) -> list[str]:
    """The files noted by ``remember_copied`` that git does not ignore."""
    noted = copied(git_dir)
    if not noted:
        return []
    names = "\0".join(noted).encode("utf-8", "surrogateescape")
    ignored = set(git(worktree, "check-ignore", "-z", "--stdin", input=names, env=env or {}, check=False).fields)
    return [path for path in noted if path not in ignored]


def _noted(note: Path) -> list[str]:
    return [path for path in (untrusted.note(note, _NOTE_BYTES) or "").split("\0") if path]


def nested_repositories(worktree: Path) -> list[str]:
    """Folders in ``worktree`` that are repositories of their own (an agent ran ``git init`` or ``clone``).

    git cannot commit their files as part of this repository, so they are left out of commits.
    """
    return _nested(worktree, {})


def _nested(worktree: Path, env: dict[str, str]) -> list[str]:
    untracked = git(worktree, "ls-files", "-z", "--others", "--exclude-standard", env=env, timeout_s=_LONG_S)
    return [path.rstrip("/") for path in untracked.fields if path.endswith("/")]


def stage_all(worktree: Path, *, git_dir: Path, index: Path | None = None, env: dict[str, str]) -> list[str]:
    """``git add`` of all that belongs to the work; returns the nested repositories that were left out.

    Raises GitError; Uncommittable where a file is too large for it.
    """
    uncommittable.refuse_large(worktree, env)
    gitlinks = _read_all(worktree, git_dir, index, env)
    repositories = _nested(worktree, env)
    apart = copied(git_dir)
    left_out = [*repositories, *gitlinks, *not_work(worktree, git_dir, env)]
    specs = [":/", *(f":(exclude,top,literal){path}" for path in left_out)]
    git(
        worktree, *sparse.options(git_dir), "add", "-A", "--sparse", "--pathspec-from-file=-", "--pathspec-file-nul",
        input="\0".join(specs).encode("utf-8", "surrogateescape"), index=index, env=env, timeout_s=_LONG_S,
    )  # fmt: skip
    _stage_gitlinks(worktree, gitlinks, index, env)
    if apart:
        # An agent may have staged them; they are the user's secrets more often than not.
        committed = set(git(worktree, "ls-tree", "-r", "-z", "--name-only", "HEAD", env=env).fields)
        names = "\0".join(path for path in apart if path not in committed)
        data = names.encode("utf-8", "surrogateescape")
        git(worktree, "update-index", "--force-remove", "-z", "--stdin", input=data, index=index, env=env)
    return repositories


def _stage_gitlinks(worktree: Path, paths: list[str], index: Path | None, env: dict[str, str]) -> None:
    """Stage the commits that repositories inside of the worktree stand on.

    ``git add`` would ask each with ``git status``, which runs the filters that its own configuration names.
    """
    lines = []
    for path in paths:
        with suppress(GitError):  # not one that can be asked: what is staged stays
            inner = nested.environment(worktree / path, worktree)
            commit = git(worktree / path, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", env=inner).text
            lines.append(f"160000 {commit} 0\t{path}\0")
    if lines:
        data = "".join(lines).encode("utf-8", "surrogateescape")
        git(worktree, "update-index", "-z", "--index-info", input=data, index=index, env=env)


def _read_all(worktree: Path, git_dir: Path, index: Path | None, env: dict[str, str]) -> list[str]:
    """Undo ``update-index --skip-worktree`` and ``--assume-unchanged``: git would leave changed files out.

    In a sparse worktree files that are not there have the first of these marks rightly. Returns the repositories inside
    of the worktree that the index names, and that are there.
    """
    asked = ("config", "--type=bool", "--get", "core.sparseCheckout")
    narrow = sparse.is_sparse(git_dir) or git(worktree, *asked, check=False, env=env).text == "true"
    unseen: dict[str, list[str]] = {"--no-skip-worktree": [], "--no-assume-unchanged": []}
    gitlinks = []
    listed = ("ls-files", "-v", "-s", "-z", "--full-name")
    for line in git(worktree, *listed, index=index, env=env, timeout_s=_LONG_S).fields:
        meta, _, path = line.partition("\t")
        tag, mode = meta[0], meta[2:8]
        place = worktree / path
        if mode == "160000" and place.is_dir() and not place.is_symlink():
            gitlinks.append(path)
        if tag in "Ss" and not (narrow and not os.path.lexists(worktree / path)):
            unseen["--no-skip-worktree"].append(path)
        if tag.islower():
            unseen["--no-assume-unchanged"].append(path)
    for option, paths in unseen.items():
        if paths:
            names = "\0".join(paths).encode("utf-8", "surrogateescape")
            git(worktree, "update-index", option, "-z", "--stdin", input=names, index=index, env=env)
    return list(dict.fromkeys(gitlinks))


def save_work(repo: Path, worktree: Path, ref: str, message: str) -> str | None:
    """Save tracked and untracked (not ignored) changes as a commit on the worktree's HEAD, under ``ref``.

    Returns the commit, or None when there is nothing to save. The worktree and its index stay as they are.
    Files of nested repositories, and of submodules with work that is nowhere else, are saved as plain
    files. A worktree whose ``.git`` was lost or replaced
    is saved by its registration. Raises GitError when something cannot be read.
    """
    git_dir = git_dir_of(repo, worktree) or own_git_dir(worktree)
    env = {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(worktree.resolve())}
    head = git(worktree, "rev-parse", "--verify", "HEAD^{commit}", env=env).text
    with tempfile.TemporaryDirectory(prefix="maestro-index-") as scratch:
        index = Path(scratch) / "index"
        try:
            untrusted.copy(git_dir / "index", index)  # keeps what git knows about unchanged files
        except OSError:
            git(worktree, "read-tree", "HEAD", index=index, env=env)
        repositories = stage_all(worktree, git_dir=git_dir, index=index, env=env)
        modules = _unsaved_submodules(worktree, index, env)
        for path in modules:
            submodules.keep_head(repo, worktree, path, ref)
        for path in (*repositories, *modules):
            _stage_nested(worktree, path, git_dir, index, Path(scratch) / "nested")
        tree = git(worktree, "write-tree", index=index, env=env).text
    if tree == tree_of(repo, head):
        return None
    commit = commit_tree(repo, tree, [head], message.rstrip("\n") + "\n")
    keep(repo, ref, commit)
    return commit


def _unsaved_submodules(worktree: Path, index: Path, env: dict[str, str]) -> list[str]:
    """Submodules with changes, or with commits kept nowhere else: their repositories go with the worktree."""
    found = []
    for line in git(worktree, "ls-files", "-s", "-z", index=index, env=env).fields:
        meta, _, path = line.partition("\t")
        if not meta.startswith("160000") or not (worktree / path / ".git").exists():
            continue
        if submodules.holds_work(worktree / path, worktree):
            found.append(path)
    return found


def _stage_nested(worktree: Path, path: str, git_dir: Path, index: Path, scratch: Path) -> None:
    inner = {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str((worktree / path).resolve())}
    scratch.unlink(missing_ok=True)
    try:
        git(worktree / path, "add", "-A", "--sparse", ".", index=scratch, env=inner, timeout_s=_LONG_S)
        tree = git(worktree / path, "write-tree", index=scratch, env=inner).text
    except GitError as error:
        raise GitError(f"The repository inside {path} could not be saved: {error.detail}") from None
    outer = {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(worktree.resolve())}
    git(worktree, "update-index", "--force-remove", "--", path, index=index, env=outer)
    git(worktree, "read-tree", f"--prefix={path}/", tree, index=index, env=outer)
