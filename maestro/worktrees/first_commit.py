"""A folder without any commit: what a first one would hold, and making it, because the user asked for it."""

from __future__ import annotations

import fnmatch
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maestro.errors import Conflict, GitError, InvalidInput
from maestro.worktrees import preflight
from maestro.worktrees.commits import commit_tree
from maestro.worktrees.git import common_dir, git, own_git_dir, repository_lock
from maestro.worktrees.refs import move_ref
from maestro.worktrees.snapshot import nested_repositories, stage_all

Content = Literal["files", "empty"]

#: From this size on, what is to be committed is said to be large: a commit keeps it for good.
LARGE_BYTES = 50_000_000
_LISTING_S = 60
_NAMED = 8
_MESSAGE = "First commit\n"
#: Names that mostly hold passwords and keys, and those among them that do not.
_SECRET = (
    ".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "*.keystore", "id_rsa", "id_ed25519", "id_ecdsa", ".netrc",
    ".npmrc", ".pypirc", "credentials", "credentials.json", "secrets.*", "*.kdbx",
)  # fmt: skip
_NO_SECRET = ("*.example", "*.sample", "*.template", "*.dist")


@dataclass(frozen=True)
class Beginning:
    """A folder that could get its first commit; ``names`` are the first of its files, ignored ones left out."""

    root: Path
    is_repository: bool  # False: ``git init`` comes first
    branch: str
    files: int
    total_bytes: int
    names: list[str]
    secrets: list[str]  # by their names
    large: list[str]  # single files of at least LARGE_BYTES
    nested: list[str]  # repositories of their own inside, which are left out


def outlook(folder: Path, *, is_repository: bool) -> Beginning:
    """What a first commit of all that lies in ``folder`` would hold. Writes nothing there.

    ``folder`` is the root of a repository without a commit, or lies in none. Raises GitError when that
    takes too long.
    """
    if is_repository:
        return _listed(folder, own_git_dir(folder), is_repository=True)
    with tempfile.TemporaryDirectory(prefix="maestro-look-") as scratch:
        # A git folder elsewhere, so that the ignore rules hold although there is none here.
        git(Path(scratch), "init", "--quiet", "--template=", ".")
        return _listed(folder, Path(scratch) / ".git", is_repository=False)


def make(folder: Path, content: Content, *, is_repository: bool) -> str:
    """Make the first commit on the branch that HEAD names; returns it. Hooks do not run.

    ``files`` commits all that is there and not ignored (nested repositories left out), ``empty`` nothing, and
    the files stay as they are. Raises InvalidInput when Maestro could not work there, Conflict when there is
    a commit meanwhile.
    """
    if not is_repository:
        git(folder, "init", "--quiet", "--initial-branch", _future_branch(folder))
    words = preflight.objection(folder, common_dir(folder))
    if words:
        raise InvalidInput(words, {"repo_path": words})
    with repository_lock(folder):
        if git(folder, "rev-parse", "--verify", "--quiet", "HEAD", check=False).code == 0:
            raise Conflict(f"{folder} already has a commit. Nothing was changed.")
        if content == "files":
            stage_all(folder, git_dir=own_git_dir(folder), env={})
            tree = git(folder, "write-tree").text
        else:
            tree = git(folder, "mktree", input=b"").text
        commit = commit_tree(folder, tree, [], _MESSAGE)
        move_ref(folder, f"refs/heads/{unborn_branch(folder)}", commit, None, "commit (initial): First commit")
    return commit


def unborn_branch(root: Path) -> str:
    """The branch that HEAD names and that has no commit."""
    return git(root, "symbolic-ref", "--quiet", "HEAD").text.removeprefix("refs/heads/")


def has_commits(root: Path) -> bool:
    """Whether any branch has a commit, although HEAD's has none."""
    return bool(git(root, "for-each-ref", "--count=1", "refs/heads", "refs/remotes").text)


def _listed(folder: Path, git_dir: Path, *, is_repository: bool) -> Beginning:
    env = {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(folder)}
    options = ("-z", "--cached", "--others", "--exclude-standard")
    try:
        listed = git(folder, "ls-files", *options, env=env, timeout_s=_LISTING_S).fields
    except GitError as error:
        raise GitError(f"The files in {folder} could not be listed: {error.detail}") from None
    paths = sorted({path for path in listed if not path.endswith("/")})
    sizes = {path: _size(folder / path) for path in paths}
    there = [path for path, size in sizes.items() if size is not None]
    nested = nested_repositories(folder) if is_repository else [p.rstrip("/") for p in listed if p.endswith("/")]
    return Beginning(
        root=folder,
        is_repository=is_repository,
        branch=unborn_branch(folder) if is_repository else _future_branch(folder),
        files=len(there),
        total_bytes=sum(size for size in sizes.values() if size is not None),
        names=[_shown(path) for path in there[:_NAMED]],
        secrets=[_shown(path) for path in there if _is_secret(path)],
        large=[_shown(path) for path in there if (sizes[path] or 0) >= LARGE_BYTES],
        nested=[_shown(path) for path in nested],
    )


def _future_branch(folder: Path) -> str:
    named = git(folder, "config", "--global", "--get", "init.defaultBranch", check=False).text.strip()
    return named or "main"


def _size(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except OSError:
        return None  # staged, and deleted since


def _is_secret(path: str) -> bool:
    name = path.rpartition("/")[2].lower()

    def fits(patterns: tuple[str, ...]) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

    return fits(_SECRET) and not fits(_NO_SECRET)


def _shown(path: str) -> str:
    """A path as text that can be shown and sent: bytes that are no UTF-8 are replaced."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
