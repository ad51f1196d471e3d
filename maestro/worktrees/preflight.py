"""What stands against working in a repository although it is one: said before any work starts.

Looked at before the first call that would touch its files, because that call runs the filters which a
repository's own configuration names.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from maestro import untrusted
from maestro.worktrees.git import git
from maestro.worktrees.refs import ref_commit

#: git-lfs looks for its transfer programs with this very pattern, whose dots stand for anything.
_ASKED = (
    r"^(lfs\.extension\..*|.*lfs.customtransfer.*"
    r"|filter\..*\.(clean|smudge|process|required)|includeif\..*\.path"
    r"|extensions\.partialclone|remote\..*\.promisor|core\.sparsecheckout)$"
)

#: Filters by their usual tools, looked up on PATH: nothing of the repository runs.
_KNOWN = re.compile(
    r"""cat|
        git-lfs[ ](clean|smudge)([ ]--skip)?([ ]--[ ]%f)?|
        git-lfs[ ]filter-process([ ]--skip)?|
        "?git-crypt"?[ ](clean|smudge)([ ]--key-name=[\w.-]+)?
    """,
    re.VERBOSE,
)
_NO_PROGRAM = re.compile(r"\d*|true|false|download|upload|both")
_PLAIN_PROGRAM = re.compile(r"[\w./+-]+")


@dataclass
class _Settings:
    """git's configuration as far as it matters here: what holds, and where it comes from."""

    own: dict[str, str] = field(default_factory=dict)  # the user's
    here: dict[str, str] = field(default_factory=dict)  # the repository's

    @property
    def in_force(self) -> dict[str, str]:
        return self.own | self.here


def objection(root: Path, git_dir: Path) -> str | None:
    """Why Maestro cannot work in the checkout at ``root``, and what to do; None: it can."""
    settings = _read(root)
    return _foreign_program(settings) or _missing_filter(root, settings) or _not_writable(git_dir) or _taken_name(root)


def missing_objects(root: Path, git_dir: Path, commit: str) -> str | None:
    """Why files of ``commit`` cannot be had without a network; None: they are all there.

    Only a partial clone, or one that borrows from a repository that is gone, is looked through.
    """
    here = _read(root).here
    partial = any("promisor" in key or "partialclone" in key for key in here)
    if not partial and not _borrows_in_vain(git_dir):
        return None
    sparse = here.get("core.sparsecheckout", "false") == "true"
    count = _missing_in_index(root) if sparse else _missing_in(root, commit)
    if not count:
        return None
    if not partial:
        return incomplete(root, git_dir)
    return (
        f"{root} is a partial clone: {count} files or folders of {commit[:12]} were never fetched, and "
        f"Maestro's own git calls fetch nothing. Fetch them: git -C {shlex.quote(str(root))} fetch --refetch --no-filter"
    )


def _missing_in(root: Path, commit: str) -> int:
    out = git(root, "rev-list", "--objects", "--missing=print", f"{commit}^{{tree}}", check=False, timeout_s=600)
    return sum(line.startswith(b"?") for line in out.stdout.splitlines()) or int(out.code != 0)


def _missing_in_index(root: Path) -> int:
    """Of what a sparse checkout lays out; the rest is rightly not there."""
    entries = git(root, "ls-files", "-t", "-s", "-z").fields
    laid_out = [line.split(" ")[2] for line in entries if not line.startswith("S") and line.split(" ")[1] != "160000"]
    asked = "\n".join(laid_out).encode() + b"\n"
    found = git(root, "cat-file", "--batch-check", "--buffer", input=asked, timeout_s=600).stdout
    return found.count(b" missing\n")


def incomplete(root: Path, git_dir: Path) -> str:
    """What to say where git cannot find objects that it should have."""
    lender = _borrows_in_vain(git_dir)
    because = f" It borrows them from {lender}, which does not exist." if lender else ""
    return f"Objects of the repository {root} are missing.{because} See what is left with: git fsck"


def _read(root: Path) -> _Settings:
    found = _Settings()
    fields = git(root, "config", "-z", "--show-scope", "--get-regexp", _ASKED, check=False).fields
    for scope, entry in zip(fields[::2], fields[1::2], strict=True):
        key, _, value = entry.partition("\n")
        (found.here if scope in ("local", "worktree") else found.own)[key] = value
    return found


def _foreign_program(settings: _Settings) -> str | None:
    """A filter of the repository's own, or a program of its own that git-lfs runs."""
    for key in settings.here:
        if key.startswith("includeif."):
            # It may hold in Maestro's worktrees alone, and then nothing of it is to be seen here.
            return (
                f"The repository's own configuration includes a file under a condition ({key}), so Maestro cannot see "
                "which programs it names. Include it without a condition, or in your own configuration (--global)."
            )
    foreign = [(key, value) for key, value in settings.here.items() if _is_foreign(key, value, settings.own)]
    if not foreign:
        return None
    trusting = " && ".join(f"git config --global {shlex.quote(key)} {shlex.quote(value)}" for key, value in foreign)
    return (
        f"The repository's own configuration names a program that git runs on its files ({foreign[0][0]}), and "
        f"Maestro runs none of a repository's programs. If you know and trust it, make it yours: {trusting}"
    )


def _is_foreign(key: str, value: str, own: dict[str, str]) -> bool:
    if own.get(key) == value:
        return False
    if re.search(r"^lfs\.extension\.|lfs.customtransfer", key) and not _NO_PROGRAM.fullmatch(value):
        return True
    return key.startswith("filter.") and not key.endswith(".required") and value != "" and not _KNOWN.fullmatch(value)


def _missing_filter(root: Path, settings: _Settings) -> str | None:
    """A filter that git insists on, whose program is not here, though files go through it."""
    for key, value in settings.in_force.items():
        if not key.endswith((".clean", ".smudge", ".process")):
            continue
        name = key.removeprefix("filter.").rpartition(".")[0]
        program = value.split(" ")[0]
        required = settings.in_force.get(f"filter.{name}.required", "false").lower() in ("", "true", "yes", "on", "1")
        if not required or not _PLAIN_PROGRAM.fullmatch(program) or shutil.which(program):
            continue
        if re.fullmatch(r"[\w.-]+", name) and git(root, "ls-files", "-z", "--", f":(attr:filter={name})").stdout:
            return (
                f"Files of this repository go through “{program}” (the filter “{name}”), which is not installed here. "
                "Install it and try again."
            )
    return None


def _not_writable(git_dir: Path) -> str | None:
    for place in (git_dir, git_dir / "objects", git_dir / "refs"):
        if not os.access(place, os.W_OK | os.X_OK):
            return (
                f"Maestro cannot write to {place}, where its branches and commits would go. Make it writable for the "
                "user that runs Maestro, or use a clone of the repository."
            )
    return None


def _taken_name(root: Path) -> str | None:
    if ref_commit(root, "refs/heads/maestro") is None:
        return None
    return (
        "There is a branch named “maestro”, and git allows no other branch below that name, where Maestro's own go "
        "(maestro/…). Rename it: git branch -m maestro NEW-NAME"
    )


def _borrows_in_vain(git_dir: Path) -> Path | None:
    """The folder of objects that this repository borrows and that is not there."""
    lines = (untrusted.note(git_dir / "objects/info/alternates", follow=True) or "").splitlines()
    folders = (git_dir / "objects" / line for line in lines if line and not line.startswith("#"))
    return next((folder for folder in folders if not folder.is_dir()), None)
