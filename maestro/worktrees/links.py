"""Links that lead out of a worktree: what lies behind them is in no commit, and is not there for anybody else.

A link of the base commit, and one that the set-up made, is the user's own.
"""

from __future__ import annotations

import json
import os
import posixpath
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from maestro import untrusted
from maestro.worktrees.git import git, own_git_dir

_NOTE_BYTES = 64_000_000
_LINK = "120000"

#: In a worktree's git folder: the commit that all began with, and the links that its set-up made.
_NOTE = "maestro-links"
#: Beside it while a check runs: the links that are away, and where they lead.
_AWAY = "maestro-links-away"


def leads_out(worktree: Path, path: str, target: str | None = None) -> bool:
    """Whether a link leads to something that is not in the worktree: by its text, or through other links.

    ``target``: what the link says, where it does not lie there. An absolute path always leads out: after the merge
    it would be about this machine, and this worktree.
    """
    says = target if target is not None else _target(worktree / path)
    if says is None:
        return False
    plain = posixpath.normpath(posixpath.join(posixpath.dirname(path), says))
    if says.startswith(("/", "~")) or plain.split("/")[0] in ("..", ".git"):
        return True
    place = worktree / posixpath.dirname(path) / says
    try:
        real, root = place.resolve(), worktree.resolve()
    except (OSError, RuntimeError):  # a circle
        return False
    return not real.is_relative_to(root) or real.is_relative_to(root / ".git")


def committed(worktree: Path, start: str, head: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The links that lead out and that ``start``..``head`` add or change, and what they say. ``head`` is checked out."""
    options = ("-r", "-z", "--no-renames", "--no-ext-diff", "--raw", "--abbrev=64")
    fields = git(worktree, "diff-tree", *options, start, head, "--", env=env).fields
    found = {}
    for meta, path in zip(fields[::2], fields[1::2], strict=True):
        _before, mode, _old, new, _how = meta.removeprefix(":").split(" ")
        if mode == _LINK:
            says = git(worktree, "cat-file", "blob", new, env=env).stdout.decode("utf-8", "surrogateescape")
            if leads_out(worktree, path, says):
                found[path] = says
    return found


def would_be_ignored(worktree: Path, paths: Iterable[str], env: Mapping[str, str] | None = None) -> list[str]:
    """Those of some links that git would ignore if they were the folders they stand for (``node_modules/``)."""
    wanted = list(paths)
    if not wanted:
        return []
    place = {"GIT_DIR": str(own_git_dir(worktree)), **(env or {})}
    with tempfile.TemporaryDirectory(prefix="maestro-rules-") as scratch:
        for path in wanted:
            _copy_rules(worktree, Path(scratch), path)
            (Path(scratch) / path).mkdir(parents=True, exist_ok=True)
        names = "\0".join(wanted).encode("utf-8", "surrogateescape")
        asked = ("check-ignore", "--no-index", "-z", "--stdin")
        return git(Path(scratch), *asked, input=names, check=False, env=place | {"GIT_WORK_TREE": scratch}).fields


def _copy_rules(worktree: Path, scratch: Path, path: str) -> None:
    for folder in Path(path).parents:
        rules = worktree / folder / ".gitignore"
        if rules.is_file() and not rules.is_symlink():
            (scratch / folder).mkdir(parents=True, exist_ok=True)
            untrusted.copy(rules, scratch / folder / ".gitignore")


def stand_ins(worktree: Path, env: Mapping[str, str] | None = None) -> list[str]:
    """Links that lead out, stand for a folder that git ignores, and that git would take for work all the same."""
    untracked = git(worktree, "ls-files", "-z", "--others", "--exclude-standard", env=env, timeout_s=600).fields
    return would_be_ignored(worktree, [p for p in untracked if leads_out(worktree, p)], env)


def note_links(worktree: Path, base: str, before: Mapping[str, str]) -> None:
    """Note what a session began with, and the links that its set-up has made here; ``before``: was ``strange`` then."""
    made = {path: says for path in _untracked(worktree) if (says := _target(worktree / path)) != before.get(path)}
    untrusted.write(own_git_dir(worktree) / _NOTE, json.dumps({"base": base, "made": made}))


def strange(worktree: Path) -> dict[str, str]:
    """Links that lead out, by path with what they say, but for those that were there before anybody worked here."""
    try:
        note = json.loads(untrusted.text(own_git_dir(worktree) / _NOTE, _NOTE_BYTES))
    except (OSError, ValueError):
        return {}
    found = {p: says for p in _untracked(worktree) if (says := _target(worktree / p)) and note["made"].get(p) != says}
    tracked = {p: says for p in _tracked(worktree) if (says := _target(worktree / p))}
    if tracked:
        out = git(worktree, "ls-tree", "-r", "-z", "--full-tree", note["base"], check=False).fields
        before = {entry.partition("\t")[2] for entry in out if entry.startswith(_LINK)}
        for path, says in tracked.items():
            if path not in before or not _says_the_same(worktree, note["base"], path, says):
                found[path] = says
    return {path: says for path, says in found.items() if leads_out(worktree, path)}


def _says_the_same(worktree: Path, commit: str, path: str, says: str) -> bool:
    was = git(worktree, "cat-file", "blob", f"{commit}:{path}", check=False)
    return was.code == 0 and was.stdout == os.fsencode(says)


def _tracked(worktree: Path) -> list[str]:
    entries = git(worktree, "ls-files", "-s", "-z", timeout_s=600).fields
    return [entry.partition("\t")[2] for entry in entries if entry.startswith(_LINK)]


def _untracked(worktree: Path) -> list[str]:
    """Links that are in no commit, ignored ones too; folders of which nothing is tracked are not opened."""
    listed = git(worktree, "ls-files", "-z", "--others", "--directory", timeout_s=600).fields
    return [path for path in listed if not path.endswith("/") and (worktree / path).is_symlink()]


@contextmanager
def away(worktree: Path) -> Iterator[dict[str, str]]:
    """Without the ``strange`` links for a moment, so that nothing is proven by what lies behind them."""
    put_back(worktree)
    found = strange(worktree)
    note = own_git_dir(worktree) / _AWAY
    if found:
        untrusted.write(note, json.dumps(found))
        for path in found:
            (worktree / path).unlink(missing_ok=True)
    try:
        yield found
    finally:
        put_back(worktree)


def put_back(worktree: Path) -> None:
    """Bring links back that ``away`` took, also one that a kill cut short; what has come in their place stays."""
    note = own_git_dir(worktree) / _AWAY
    try:
        found = json.loads(untrusted.text(note, _NOTE_BYTES))
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        found = {}
    for path, says in found.items():
        place = worktree / path
        if not os.path.lexists(place):
            with suppress(OSError):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(says)
    note.unlink(missing_ok=True)


def _target(place: Path) -> str | None:
    try:
        return str(place.readlink())
    except OSError:
        return None
