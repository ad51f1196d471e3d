"""Looking at a repository before any work starts: is it one, where does it stand, what can a session begin from."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from maestro.errors import InvalidInput
from maestro.worktrees import first_commit, preflight
from maestro.worktrees.check_detection import suggest_checks
from maestro.worktrees.git import common_dir, git
from maestro.worktrees.refs import branch_ref, list_branches, ref_commit
from maestro.worktrees.tracked_files import count_files, instructions, list_files, read_file, search

__all__ = [
    "RepositoryInfo",
    "beginning_of",
    "count_files",
    "inspect",
    "instructions",
    "list_files",
    "read_file",
    "resolve_base",
    "search",
    "suggest_checks",
]


@dataclass(frozen=True)
class RepositoryInfo:
    """What a session needs to know about the user's checkout."""

    root: Path
    git_dir: Path  # shared by all worktrees
    head_commit: str
    branch: str | None  # None: detached
    branches: list[str]
    dirty: bool
    dirty_files: int
    shallow: bool
    has_submodules: bool


def inspect(path: Path | str) -> RepositoryInfo:
    """Look at the repository at ``path`` (its root, a folder inside it, or a linked worktree of it).

    Raises InvalidInput naming ``repo_path``, with what to do, when Maestro cannot work there.
    """
    folder = _folder(str(path))
    root = _root(folder)
    git_dir = common_dir(root)
    head = git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", check=False)
    if head.code != 0:
        raise _no_commit(root, git_dir)
    words = preflight.objection(root, git_dir) or preflight.missing_objects(root, git_dir, head.text)
    if words:
        raise _wrong(words)
    branch = git(root, "symbolic-ref", "--quiet", "HEAD", check=False).text.removeprefix("refs/heads/")
    # Not into submodules: they have configurations of their own, which may name filters.
    options = ("--no-renames", "--untracked-files=all", "--ignore-submodules=dirty")
    status = git(root, "status", "--porcelain", "-z", *options, check=False)
    if status.code != 0:
        raise _wrong(f"git cannot read the checkout {root}: {status.stderr.decode('utf-8', 'replace').strip()}")
    dirty = len(status.fields)
    return RepositoryInfo(
        root=root,
        git_dir=git_dir,
        head_commit=head.text,
        branch=branch or None,
        branches=list_branches(root),
        dirty=dirty > 0,
        dirty_files=dirty,
        shallow=git(root, "rev-parse", "--is-shallow-repository").text == "true",
        has_submodules=git(root, "cat-file", "-e", "HEAD:.gitmodules", check=False).code == 0,
    )


def resolve_base(info: RepositoryInfo, base_branch: str | None) -> tuple[str | None, str]:
    """The branch (None: detached) and commit a session starts from; no name means what is checked out.

    Raises InvalidInput naming ``base_branch`` when there is no local branch of that name.
    """
    if not base_branch:
        return info.branch, info.head_commit
    commit = None if base_branch.startswith("-") else ref_commit(info.root, branch_ref(base_branch))
    if commit is not None:
        here = commit == info.head_commit  # looked at by ``inspect``
        words = None if here else preflight.missing_objects(info.root, info.git_dir, commit)
        if words:
            raise InvalidInput(words, {"base_branch": words})
        return base_branch, commit
    shown = base_branch.replace("\0", "\\0")[:200]
    hint = ""
    if not base_branch.startswith("-") and ref_commit(info.root, f"refs/remotes/{base_branch}"):
        local = base_branch.partition("/")[2]
        hint = f" It exists on a remote: make a local one with git branch {local} {base_branch}"
    detail = f"There is no branch “{shown}” in {info.root}.{hint}"
    raise InvalidInput(detail, {"base_branch": "no such local branch"})


def _wrong(detail: str) -> InvalidInput:
    return InvalidInput(detail, {"repo_path": detail})


def _folder(text: str) -> Path:
    if not text.strip():
        raise _wrong("Enter the folder of a git repository.")
    if "\0" in text:
        raise _wrong("The path contains a NUL byte.")
    path = Path(text)
    if text == "~" or text.startswith("~/"):
        path = path.expanduser()
    if not path.is_absolute():
        raise _wrong(f"“{text[:200]}” is a relative path. Enter the absolute path, starting with a slash.")
    try:
        path.stat()
        if not path.is_dir():
            raise _wrong(f"{path} is a file. Enter the folder of a git repository.")
        with os.scandir(path):
            pass
    except (FileNotFoundError, NotADirectoryError):
        raise _wrong(f"{path} does not exist.") from None
    except PermissionError:
        raise _wrong(f"{path} cannot be read: permission denied for the user Maestro runs as.") from None
    except OSError as error:
        raise _wrong(f"{str(path)[:200]} cannot be read: {error.strerror}.") from None
    return path.resolve()


def _no_commit(root: Path, git_dir: Path) -> InvalidInput:
    # HEAD names a commit, and that commit cannot be read.
    if git(root, "rev-parse", "--verify", "--quiet", "HEAD", check=False).code == 0:
        return _wrong(preflight.incomplete(root, git_dir))
    if first_commit.has_commits(root):
        branch = first_commit.unborn_branch(root)
        return _wrong(
            f"{root} is on “{branch}”, which has no commit, while other branches have. Switch to one of them."
        )
    return _beginning(f"{root} has no commit yet, so there is nothing to start from.", root, is_repository=True)


def _beginning(detail: str, root: Path, *, is_repository: bool) -> InvalidInput:
    """The refusal of a folder that a first commit would make usable; ``first_commit`` in it is the offer."""
    words = f"{detail} Make a first commit: maestro first-commit {shlex.quote(str(root))}"
    offer = {"repo_path": str(root), "init": not is_repository}
    return InvalidInput(words, {"repo_path": detail}, first_commit=offer)


def beginning_of(path: Path | str) -> tuple[Path, bool]:
    """The folder that could get a first commit, and whether it is a repository already.

    Raises InvalidInput when there is a commit, or nothing that ``inspect`` would offer it for.
    """
    try:
        root = inspect(path).root
    except InvalidInput as error:
        offer = error.extra.get("first_commit")
        if offer is None:
            raise
        return Path(offer["repo_path"]), not offer["init"]
    raise _wrong(f"{root} already has a commit.")


def _root(folder: Path) -> Path:
    # Without the ceiling git() sets: a folder inside a repository stands for the repository.
    found = git(folder, "rev-parse", "--show-toplevel", check=False, env={"GIT_CEILING_DIRECTORIES": ""})
    if found.code == 0:
        root = Path(found.text)
        if root.resolve() not in (folder, *folder.parents):
            raise _wrong(
                f"The configuration of {folder} says that its files are in {root} (core.worktree). If they are not: "
                f"git -C {shlex.quote(str(folder))} config --unset core.worktree"
            )
        return root
    said = found.stderr.decode("utf-8", "replace").strip()
    if "dubious ownership" in said:
        advised = re.search(r"safe\.directory (.+)", said)  # names the repository's root
        raise _wrong(
            f"{folder} belongs to another user, so git refuses to work in it. If you trust it: "
            f"git config --global --add safe.directory {advised[1] if advised else shlex.quote(str(folder))}"
        )
    if ".git" in folder.parts and folder.name != ".git" and "must be run in a work tree" in said:
        raise _wrong(f"{folder} is inside git's own folder. Use the folder above it.")
    if "bare repository" in said or "must be run in a work tree" in said:
        if folder.name == ".git":
            raise _wrong(f"{folder} is git's own folder. Use the folder above it.")
        raise _wrong(f"{folder} is a bare repository: it has no files to work on. Clone it and use the clone.")
    lost = re.search(r"not a git repository: (.+)", said)
    if lost:
        raise _wrong(
            f"The file {folder / '.git'} points to {lost[1]}, which does not exist. If the repository was moved, run this "
            f"in it: git worktree repair {shlex.quote(str(folder))}"
        )
    if "not a git repository" in said:
        broken = _unreadable(folder)
        if broken:
            raise _wrong(
                f"{broken} exists, but git cannot read it as a repository. Restore what is missing, or move it away."
            )
        if folder in (Path("/"), Path.home().resolve()):
            raise _wrong(f"{folder} is not a git repository. Use the folder of one project.")
        raise _beginning(f"{folder} is not a git repository.", folder, is_repository=False)
    raise _wrong(f"git cannot read {folder}: {said.removeprefix('fatal: ')}")


def _unreadable(folder: Path) -> Path | None:
    """A ``.git`` above that git passes over; on the same file system, where git looks."""
    device = folder.stat().st_dev
    above = [place for place in (folder, *folder.parents) if (place / ".git").exists()]
    return above[0] / ".git" if above and above[0].stat().st_dev == device else None
