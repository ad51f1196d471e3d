"""A git folder of an agent's own: seen where the repository's shared one is, so that nothing it does there reaches that.

Its refs are a copy, its new objects go to a folder of their own that borrows from the repository's, and configuration,
hooks and the like are the repository's, only read. What the worktree has of its own (HEAD, index, the state of a merge)
is a copy as well (``private_worktree``). When the agent has ended, ``take_in`` brings what it committed over: as one
pack that git itself checks as it checks a push, made inside of the confinement.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from maestro import untrusted
from maestro.confinement import git_folders
from maestro.errors import GitError
from maestro.worktrees import large_files, private_worktree, refs, stray_work
from maestro.worktrees.deleting import delete_tree
from maestro.worktrees.git import GitResult, common_dir, git, own_git_dir
from maestro.worktrees.private_worktree import Confined

#: In the agent's folder: where the repository's own objects are seen. git-lfs looks for its own beside them.
_BORROWED = "maestro/objects"
_BORROWED_LARGE = "maestro/lfs"
#: Of the shared folder, what the agent sees as it is.
_AS_IT_IS = ("config", "config.worktree", "info", "hooks", "shallow", "description", "modules")
#: Of the worktree's own git folder, what says where things are: the agent only reads it.
_GUARDED = ("commondir", "gitdir", "config.worktree")
_COPIED = ("refs/heads", "refs/tags", "refs/remotes")
_LINE = re.compile(r"([0-9a-f]{40,64}) (refs/[^\s~^:?*\[\\\x00-\x1f\x7f]+)")
_TAKEN = ("refs/heads/", "refs/tags/")
_MOST_STASHED = 50
_OID = re.compile(r"[0-9a-f]{40,64}")
_MOST_REF_BYTES = 256 * 1024 * 1024
_PACK_S = 600
#: Fewer objects than that go in one by one, as git does with pushes.
_LOOSE = 100


@dataclass(frozen=True, slots=True)
class Mounts:
    """What a confinement shows of git (see ``confinement.profile``)."""

    written: dict[Path, Path]  # a place -> what is seen there
    read: dict[Path, Path]


@dataclass(frozen=True, slots=True)
class Taken:
    """What ``take_in`` brought over. ``beside``: what lies on no branch of the task, by the ref that keeps it."""

    commits: bool = False
    beside: tuple[tuple[str, str], ...] = ()


def make(worktree: Path, at: Path) -> None:
    """Make the folder, anew; what it holds must have been taken in. Raises GitError and OSError."""
    shared = common_dir(worktree)
    delete_tree(at)
    folder = at / "git"
    for name in ("objects/info", "objects/pack", _BORROWED, _BORROWED_LARGE):
        (folder / name).mkdir(parents=True)
    private_worktree.make(worktree, at / "own")
    if (shared / "reftable").is_dir():
        for name in ("reftable", "refs"):
            shutil.copytree(shared / name, folder / name, symlinks=True)
        listed = git(worktree, "for-each-ref", "--format=%(objectname) %(refname)").stdout
    else:
        for name in ("refs/heads", "refs/tags"):
            (folder / name).mkdir(parents=True)
        listed = git(worktree, "for-each-ref", "--format=%(objectname) %(refname)", *_COPIED).stdout
        (folder / "packed-refs").write_bytes(listed)
    (at / "before").write_bytes(listed)
    (folder / "HEAD").write_text(untrusted.text(shared / "HEAD"))
    own = own_git_dir(worktree)
    borrowed = [path for path in git_folders.of(worktree) if path not in (own, shared)]
    lines = [str(shared / _BORROWED), *map(str, borrowed)]
    (folder / "objects/info/alternates").write_text("".join(f"{line}\n" for line in lines))


def mounts(worktree: Path, at: Path) -> Mounts:
    """Where the folder that ``make`` made is seen, and with it what is the repository's."""
    shared, own = common_dir(worktree), own_git_dir(worktree)
    as_it_is = [shared / name for name in _AS_IT_IS if (shared / name).exists()]
    guarded = [own / name for name in _GUARDED if (own / name).exists()]
    borrowed = {shared / _BORROWED: shared / "objects"}
    if (shared / "lfs").is_dir():
        borrowed[shared / _BORROWED_LARGE] = shared / "lfs"
    return Mounts(
        written={shared: at / "git", own: at / "own"},
        read=borrowed | {path: path for path in (*as_it_is, *guarded)},
    )


def is_made(at: Path) -> bool:
    """Whether there is a folder whose content was not taken in."""
    return (at / "before").is_file() and (at / "git").is_dir()


def take_in(worktree: Path, at: Path, branch: str, confined: Confined, beside: str) -> Taken:
    """Bring over what the agent committed, added and stashed: ``branch`` moves, all else is kept below the ref ``beside``.

    The folder is gone afterwards. May be repeated after a kill. Raises GitError, Conflict: then nothing has moved, and
    ``set_aside`` makes the worktree whole without it.
    """
    before = _parsed(untrusted.read(at / "before", _MOST_REF_BYTES))
    now = _parsed(_done(confined(["for-each-ref", "--format=%(objectname) %(refname)"], b"")).stdout)
    head = confined(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], b"").text
    on = confined(["symbolic-ref", "--quiet", "HEAD"], b"").text
    if head and not _OID.fullmatch(head):
        raise GitError("HEAD in the agent's git folder is not valid.")
    changed = {name: oid for name, oid in now.items() if before.get(name) != oid and name.startswith(_TAKEN)}
    changed |= _stashed(confined)
    _take_objects(worktree, confined, [*changed.values(), *([head] if head else [])], list(before.values()))
    for oid in {*changed.values(), *([head] if head else [])}:
        git(worktree, "rev-list", "--objects", "--quiet", oid, "--not", "--all")
    large_files.take_in(at / "git" / "lfs", common_dir(worktree) / "lfs")
    private_worktree.take_in(worktree, at / "own", branch, confined)
    own_branch = refs.branch_ref(branch)
    if own_branch in changed:
        refs.move_ref(worktree, own_branch, changed[own_branch], before.get(own_branch), "maestro: the agent's commits")
    if head and on != own_branch:
        git(worktree, "update-ref", "--no-deref", "-m", "maestro: where the agent left HEAD", "HEAD", head)
    kept = []
    for name, oid in sorted(changed.items()):
        commit = git(worktree, "rev-parse", "--verify", "--quiet", f"{oid}^{{commit}}", check=False).text
        if name != own_branch and commit:
            kept.append((name, refs.keep(worktree, f"{beside}-{_slug(name)}", commit)))
    stray_work.note_beside(worktree, kept)
    delete_tree(at)
    return Taken(own_branch in changed, tuple(kept))


def _stashed(confined: Confined) -> dict[str, str]:
    """All entries of the stash: the ref itself leads to the latest only."""
    listed = confined(["log", "-g", "-n", str(_MOST_STASHED), "--format=%H", "refs/stash", "--"], b"")
    oids = listed.text.split() if listed.code == 0 else []
    return {f"refs/stash@{{{number}}}": oid for number, oid in enumerate(oids) if _OID.fullmatch(oid)}


def set_aside(worktree: Path, at: Path, branch: str) -> Path:
    """What cannot be taken in goes out of the way: the files stay as they are, on the branch as it was before the run."""
    aside, number = at.with_name(f"{at.name}-refused"), 1
    while aside.exists():
        number += 1
        aside = at.with_name(f"{at.name}-refused-{number}")
    git(worktree, "symbolic-ref", "-m", "maestro: back to the task's branch", "HEAD", refs.branch_ref(branch))
    (own_git_dir(worktree) / "index").unlink(missing_ok=True)
    git(worktree, "reset", "--quiet", "--mixed", "HEAD", check=False)
    shutil.move(at, aside)
    return aside


def _take_objects(worktree: Path, confined: Confined, wanted: list[str], known: list[str]) -> None:
    """All objects that the agent made and that something names: commits, its index, its reflogs."""
    lines = [*dict.fromkeys(wanted), "--not", *dict.fromkeys(known)]
    told = "".join(f"{line}\n" for line in lines).encode()
    options = ("pack-objects", "--quiet", "--revs", "--indexed-objects", "--local", "--stdout")
    made = confined([*options, "--reflog"], told)
    if made.code != 0:  # a reflog that somebody wrote by hand
        made = _done(confined(options, told))
    pack = made.stdout
    if pack[:4] != b"PACK" or len(pack) < 32:
        raise GitError("The agent's git folder could not be listed.")
    count = int.from_bytes(pack[8:12], "big")
    if not count:
        return
    loose = ("unpack-objects", "-q", "--strict")
    git(worktree, *(loose if count < _LOOSE else ("index-pack", "--stdin", "--strict")), input=pack, timeout_s=_PACK_S)


def _done(result: GitResult) -> GitResult:
    if result.code != 0:
        raise GitError(
            f"The agent's git folder cannot be read: {result.stderr.decode('utf-8', 'replace').strip()[-500:]}"
        )
    return result


def _parsed(listed: bytes) -> dict[str, str]:
    lines = listed.decode("utf-8", "surrogateescape").splitlines()
    return {found[2]: found[1] for line in lines if (found := _LINE.fullmatch(line))}


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name.removeprefix("refs/").removeprefix("heads/")).strip("-")[:80] or "ref"
