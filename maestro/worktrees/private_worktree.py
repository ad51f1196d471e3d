"""The git folder of one worktree as an agent in the sandbox has it: a copy, from which little is taken over.

Maestro's own git works in the real one. A link there would have it write into the user's files, notes of Maestro's would
say what an agent likes, and an index that calls a changed file unchanged would have a check prove what no commit holds.
So what comes back is what is staged (never what git believes about files on disk), which merge is half done, and
submodules without anything that leads elsewhere or runs.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from maestro import untrusted
from maestro.errors import GitError
from maestro.worktrees.deleting import delete_tree
from maestro.worktrees.git import GitResult, git, own_git_dir
from maestro.worktrees.refs import branch_ref

#: Runs git confined, in the worktree, with the agent's folder in its place; arguments and input.
Confined = Callable[[Sequence[str], bytes], GitResult]

#: Notes of Maestro's own begin like this.
_NOTES = "maestro-"
_ENTRY = re.compile(r"(?:100644|100755|120000|160000) (?:[0-9a-f]{40}|[0-9a-f]{64}) [0-3]\t.+", re.DOTALL)
_COMMITS = re.compile(r"(?:[0-9a-f]{40,64}\n){1,64}")
#: Of an operation that is half done: the commits, what is said about it, and where what is ended keeps its state.
_HALF_DONE = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")
_SAID = ("MERGE_MSG", "MERGE_MODE")
_SAID_BYTES = 1_000_000
_ENDED = ("rebase-merge", "rebase-apply", "sequencer")
_BISECT = ("BISECT_LOG", "BISECT_START")
#: In the git folder of a submodule: what leads elsewhere, runs, or says what git need not look at.
_LEFT_OUT = frozenset({"hooks", "commondir", "config.worktree", "gitdir", "config", "index"})
_ALTERNATES = Path("objects/info/alternates")
_PLAIN = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"


def make(worktree: Path, at: Path) -> None:
    """Make the copy at ``at``. Raises OSError."""
    own = str(own_git_dir(worktree))
    shutil.copytree(own, at, symlinks=True, ignore=lambda here, names: _notes(names) if here == own else [])


def take_in(worktree: Path, at: Path, branch: str, confined: Confined) -> None:
    """Bring over what is staged, what is half done, and submodules. May be repeated. Raises GitError and OSError."""
    own = own_git_dir(worktree)
    _take_index(worktree, confined)
    _take_operation(own, at, branch)
    if (at / "modules").is_dir() and not (at / "modules").is_symlink():
        _take_modules(worktree, at / "modules", own / "modules")


def _take_index(worktree: Path, confined: Confined) -> None:
    """What is staged there, on what git knew of the files before the agent ran."""
    listed = ("ls-files", "-s", "-z")
    theirs = confined(listed, b"")
    if theirs.code != 0:
        raise GitError("The index in the agent's git folder cannot be read.")
    wanted, known = set(theirs.fields), set(git(worktree, *listed).fields)
    odd = next((line for line in wanted if not _ENTRY.fullmatch(line)), None)
    if odd is not None:
        raise GitError(f"The index in the agent's git folder is not valid: {odd[:200]!r}")
    if wanted == known:
        return
    _have(worktree, {line.split(" ")[1] for line in wanted - known if not line.startswith("160000")})
    null = "0" * len(next(iter(wanted | known)).split(" ")[1])
    gone = {line.partition("\t")[2] for line in known - wanted}
    again = {line for line in wanted & known if line.partition("\t")[2] in gone}  # a path goes with all its stages
    lines = [f"0 {null} 0\t{path}" for path in sorted(gone)] + sorted((wanted - known) | again)
    told = "".join(f"{line}\0" for line in lines).encode("utf-8", "surrogateescape")
    git(worktree, "update-index", "-z", "--index-info", input=told)


def _have(worktree: Path, oids: set[str]) -> None:
    told = "".join(f"{oid}\n" for oid in sorted(oids)).encode()
    for line in git(worktree, "cat-file", "--batch-check", input=told).text.splitlines():
        if line.split(" ")[1:2] != ["blob"]:
            raise GitError(f"The index in the agent's git folder names what is not there: {line[:100]}")


def _take_operation(own: Path, at: Path, branch: str) -> None:
    """Which operation is half done. Rebases and the like are ended, never continued: that there is one is enough."""
    said = {name: untrusted.note(at / name, _SAID_BYTES) for name in (*_HALF_DONE, *_SAID)}
    kept = {name: text for name, text in said.items() if text and (name in _SAID or _COMMITS.fullmatch(text))}
    if not set(kept) & {*_HALF_DONE}:
        kept = {}
    for name in (*_HALF_DONE, *_SAID, *_ENDED, *_BISECT):
        delete_tree(own / name)
        if name in kept:
            untrusted.write(own / name, kept[name])
        elif name in _ENDED and (at / name).is_dir() and not (at / name).is_symlink():
            (own / name).mkdir()
            untrusted.write(own / name / "head-name", f"{branch_ref(branch)}\n")
    if untrusted.is_regular(at / "BISECT_LOG"):
        untrusted.write(own / "BISECT_START", f"{branch}\n")
        untrusted.write(own / "BISECT_LOG", "")


def _take_modules(worktree: Path, source: Path, target: Path) -> None:
    """Submodules' git folders, built anew: plain files alone, with the configuration that they had before."""
    draft = target.with_name(f"{_NOTES}modules")
    delete_tree(draft)
    for path in _plain_files(source):
        copy = draft / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        untrusted.copy(path, copy)
    heads = [head.parent.relative_to(draft) for head in draft.rglob("HEAD")]
    modules = [folder for folder in heads if (source / folder / "objects").is_dir()]
    for folder in modules:
        for name in ("objects/info", "refs"):
            (draft / folder / name).mkdir(parents=True, exist_ok=True)
        untrusted.write(draft / folder / "config", untrusted.note(target / folder / "config") or _PLAIN)
        notes = [path.name for path in (target / folder).glob(f"{_NOTES}*")]
        for known in (str(_ALTERNATES), "index", *notes):
            if untrusted.is_regular(target / folder / known):
                untrusted.copy(target / folder / known, draft / folder / known)
    delete_tree(target)
    draft.rename(target)
    for folder in modules:
        env = {"GIT_DIR": str(target / folder), "GIT_WORK_TREE": str(target)}
        git(worktree, "read-tree", "-m", "HEAD", check=False, env=env)  # what git knows of unchanged files stays


def _notes(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(_NOTES)]


def _plain_files(top: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(top):
        place = Path(here)
        left_out = {*_LEFT_OUT, *_notes(files)} if "HEAD" in files else set()
        folders[:] = [name for name in folders if name not in left_out and not (place / name).is_symlink()]
        for name in files:
            path = place / name
            if name not in left_out and untrusted.is_regular(path) and path.parts[-3:] != _ALTERNATES.parts:
                yield path
