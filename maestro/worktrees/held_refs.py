"""Branches, tags and what follows a remote, which all worktrees share: put back where a command has moved them.

Only what the command lines of its own git calls name: the user commits, tags and fetches meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maestro.worktrees.git import git
from maestro.worktrees.held import File

_OURS = ("refs/maestro/", "refs/heads/maestro/")
_GETS = frozenset({"fetch", "pull"})
_BRANCHES = frozenset({"branch", "checkout", "switch", "update-ref", "worktree", "fetch", "pull"})
_KEPT = "refs/maestro/put-back"
#: Before the name of the ref that a symbolic one leads to.
_TO = "ref:"


def read(shared: Path) -> dict[str, str]:
    """All refs but Maestro's own, with what they point to: a commit, or as ``ref:name`` another ref."""
    out = git(shared, "for-each-ref", "--format=%(objectname) %(refname) %(symref)", env=_at(shared), check=False).text
    rows = (line.split(" ") for line in out.splitlines())
    found = ((name, f"{_TO}{leads_to}" if leads_to else oid) for oid, name, leads_to in rows)
    return {name: value for name, value in found if not name.startswith(_OURS)}


def branch_of(head: File | None) -> str | None:
    """The full name of the branch that a ``HEAD`` names; None for a commit, and for what git does not understand."""
    words = head.data.decode("utf-8", "replace").strip() if head is not None else ""
    return words.removeprefix("ref:").strip() if words.startswith("ref:") else None


def switches_to(argv: Sequence[str], branch: str) -> bool:
    """Whether a call of git may have put a checkout on this branch."""
    return bool({"checkout", "switch", "symbolic-ref", "branch"}.intersection(argv)) and (
        branch in argv or branch.removeprefix("refs/heads/") in argv
    )


def may_have_moved(traced: Sequence[Sequence[str]]) -> bool:
    """Whether any of these calls of git moves refs."""
    words = {"tag", "notes", "stash", "remote", "replace", "bisect", "symbolic-ref", *_BRANCHES}
    return any(words.intersection(argv) for argv in traced)


def put_back(
    shared: Path, before: dict[str, str], traced: Sequence[Sequence[str]]
) -> list[tuple[str, str, str | None]]:
    """Move back what the traced calls have moved: name, how ("new", "gone", "changed"), and the ref that keeps what was there."""
    now = read(shared)
    done = []
    for name in sorted(before.keys() | now.keys()):
        was, there = before.get(name), now.get(name)
        if was == there or not any(_moves(argv, name) for argv in traced):
            continue
        kept = None
        if there is not None and not there.startswith(_TO):
            kept = f"{_KEPT}/{there}"
            git(shared, "update-ref", "--no-deref", kept, there, env=_at(shared))
        if _put(shared, name, was, there):
            done.append((name, "new" if was is None else "gone" if there is None else "changed", kept))
    return done


def _put(shared: Path, name: str, was: str | None, there: str | None) -> bool:
    """Give a ref what it ``was``; whether that went well. A commit is only exchanged for the one that is ``there``."""
    if was is not None and was.startswith(_TO):
        arguments = ["-c", "core.logAllRefUpdates=false", "symbolic-ref", name, was.removeprefix(_TO)]
    elif there is not None and there.startswith(_TO):
        to = ["-d", name] if was is None else [name, was]
        arguments = ["update-ref", "--no-deref", *to]
    else:
        to = ["-d", name] if was is None else [name, was]
        arguments = ["update-ref", "--no-deref", *to, there or "0" * len(was or "")]
    return git(shared, *arguments, env=_at(shared), check=False).code == 0


def _moves(argv: Sequence[str], name: str) -> bool:
    """Whether a call of git may have moved this very ref."""
    if "symbolic-ref" in argv and name in argv:
        return True
    kind, _, short = name.removeprefix("refs/").partition("/")
    named = any(word in (name, short) or word.endswith((f":{short}", f":{name}")) for word in argv)
    if kind == "tags":
        return bool(_GETS.intersection(argv)) or ("tag" in argv and named) or ("update-ref" in argv and named)
    if kind == "remotes":
        return bool(_GETS.intersection(argv)) or "remote" in argv or ("update-ref" in argv and named)
    if kind == "heads":
        return named and bool(_BRANCHES.intersection(argv))
    return kind in argv or ("update-ref" in argv and named)


def _at(shared: Path) -> dict[str, str]:
    return {"GIT_DIR": str(shared), "GIT_WORK_TREE": str(shared)}
