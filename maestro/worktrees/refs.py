"""Refs: where commits are kept, and how branches move (always by compare-and-swap)."""

from __future__ import annotations

import re
from pathlib import Path

from maestro.errors import Conflict, GitError, InvalidInput
from maestro.worktrees.git import git, repository_lock

_OURS = ("refs/maestro/", "refs/heads/maestro/")


def branch_ref(branch: str) -> str:
    """The full name of a branch."""
    return f"refs/heads/{branch}"


def ref_commit(repo: Path, ref: str) -> str | None:
    """The commit a full ref name points to, or None when there is no such ref."""
    if not ref.startswith("refs/") or "\0" in ref:
        return None
    found = git(repo, "show-ref", "--verify", "--hash", "--", ref, check=False)
    return found.text.strip() if found.code == 0 else None


def commit_of(repo: Path, rev: str) -> str:
    """The commit that ``rev`` names (a hex string, a ref, HEAD). Raises GitError when there is none."""
    if rev.startswith("-") or not rev:
        raise GitError(f"{rev!r} is not a commit.")
    found = git(repo, "rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}", check=False)
    if found.code != 0:
        raise GitError(f"{rev} is not a commit in this repository.")
    return found.text


def is_ancestor(repo: Path, older: str, newer: str) -> bool:
    """Whether ``newer`` contains ``older``."""
    return git(repo, "merge-base", "--is-ancestor", older, newer, check=False).code == 0


def check_branch_name(branch: str, field: str) -> None:
    """Raise InvalidInput (naming ``field``) for a name git would not take for a branch."""
    ok = bool(branch) and not branch.startswith("-") and "\0" not in branch
    if not ok or git(Path("/"), "check-ref-format", branch_ref(branch), check=False).code != 0:
        shown = branch.replace("\0", "\\0")
        raise InvalidInput(f"“{shown}” cannot be the name of a branch.", {field: "not a valid branch name"})


def move_ref(repo: Path, ref: str, new: str, expected: str | None, reason: str) -> None:
    """Move ``ref`` from ``expected`` (None: it must not exist yet) to ``new``, or raise Conflict.

    Done already counts as done, so that a step can be repeated after a crash.
    """
    old = expected if expected is not None else "0" * len(new)
    moved = git(repo, "update-ref", "-m", reason, ref, new, old, check=False)
    if moved.code == 0:
        return
    current = ref_commit(repo, ref)
    if current == new:
        return
    name = ref.removeprefix("refs/heads/")
    if current != expected:
        stands = f"it is at {current[:12]}" if current else "it no longer exists"
        wanted = f"was expected at {expected[:12]}" if expected else "was not expected to exist"
        raise Conflict(f"{name} has moved in the meantime: it {wanted}, but {stands}.", ref=ref, current=current)
    said = moved.stderr.decode("utf-8", "replace").strip()
    in_the_way = re.search(r"'(refs/[^']+)' exists; cannot create", said)
    if in_the_way:
        other = in_the_way[1].removeprefix("refs/heads/")
        raise Conflict(
            f"{name} cannot be created because “{other}” exists: git does not allow a branch and a folder "
            "of branches with the same name. Rename that branch and try again.",
            ref=ref,
        )
    raise GitError(f"git could not move {name}: {said}")


def keep(repo: Path, ref: str, commit: str) -> str:
    """Keep ``commit`` reachable under ``ref`` (below refs/maestro/) and return the name it got.

    What is kept as recovered is never replaced: a taken name gets a number.
    """
    if not ref.startswith("refs/maestro/"):
        raise GitError(f"{ref} is not one of Maestro's own refs.")
    with repository_lock(repo):
        name, number = ref, 1
        while "/recovered/" in ref and ref_commit(repo, name) not in (None, commit):
            number += 1
            name = f"{ref}-{number}"
        git(repo, "update-ref", "-m", "maestro: keep", name, commit)
    return name


def delete_ref(repo: Path, ref: str) -> None:
    """Delete one of Maestro's own refs or branches; one that does not exist is fine."""
    if not ref.startswith(_OURS):
        raise GitError(f"{ref} is not one of Maestro's own refs.")
    with repository_lock(repo):
        git(repo, "update-ref", "-d", ref)


def list_refs(repo: Path, prefix: str) -> dict[str, str]:
    """All refs below ``prefix`` with their commits, by name."""
    if not prefix.startswith("refs/"):
        raise GitError(f"{prefix!r} is not a prefix of refs.")
    out = git(repo, "for-each-ref", "--format=%(objectname) %(refname)", prefix.rstrip("/")).text
    return {name: commit for commit, _, name in (line.partition(" ") for line in out.splitlines())}


def list_branches(repo: Path) -> list[str]:
    """Names of all local branches, the most recently committed first."""
    out = git(repo, "for-each-ref", "--sort=-committerdate", "--format=%(refname)", "refs/heads").text
    return [name.removeprefix("refs/heads/") for name in out.splitlines()]


def name_part(text: str) -> str:
    """``text`` as one component of a ref name."""
    part = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")
    part = re.sub(r"\.{2,}", ".", part)
    return re.sub(r"\.lock$", "-lock", part) or "x"


def checkpoint_ref(session_id: str, n: int) -> str:
    """Where checkpoint ``n`` of a session is kept."""
    return f"refs/maestro/{name_part(session_id)}/checkpoints/{n}"


def recovered_ref(session_id: str, label: str) -> str:
    """Where something that was taken away is kept; ``label`` says what it was."""
    return f"refs/maestro/{name_part(session_id)}/recovered/{name_part(label)}"
