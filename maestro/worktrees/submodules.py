"""Submodules of Maestro's worktrees: filled from what the user's checkout has, their commits kept, never the network.

A worktree's submodule is a repository of its own in the worktree's git folder, which borrows the objects of the
user's. It goes with the worktree, so a commit made in it is brought to the user's repository of that submodule first.
"""

from __future__ import annotations

import os
import posixpath
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from maestro import untrusted
from maestro.errors import GitError, MaestroError
from maestro.worktrees import nested
from maestro.worktrees.git import common_dir, git, own_git_dir
from maestro.worktrees.listing import list_worktrees

_LONG_S = 600
_LOCAL = {"GIT_ALLOW_PROTOCOL": "file"}

#: In the git folder of a submodule that Maestro has filled: where its objects come from.
_SOURCE = "maestro-source"
#: In a worktree's git folder: what its set-up had changed in submodules before anybody worked there.
_BEFORE = "maestro-submodules"
#: In a filled submodule: commits that will outlive it.
_SAFE = "refs/maestro/safe"


@dataclass(frozen=True, slots=True)
class Submodule:
    """A submodule as the index of its worktree has it. ``path`` is seen from there."""

    name: str
    path: str
    commit: str
    place: Path
    root: Path  # of the worktree

    @property
    def filled(self) -> bool:
        """Whether its files are there, or something that stands for them."""
        return os.path.lexists(self.place / ".git")

    @property
    def env(self) -> dict[str, str]:
        """Variables for each call in it. Raises GitError where it is not what it seems."""
        return nested.environment(self.place, self.root)


@dataclass(frozen=True, slots=True)
class Kept:
    """A commit made in a submodule, and the ref and repository that keep it."""

    path: str
    commit: str
    ref: str
    repository: Path


def of(worktree: Path, root: Path | None = None) -> list[Submodule]:
    """The submodules in a worktree's index, those of submodules left out; ``root``: the worktree that it lies in itself.

    Raises GitError where git cannot be asked.
    """
    if not (worktree / ".gitmodules").is_file():
        return []
    env = nested.environment(worktree, root) if root is not None else {}
    asked = ("config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    entries = (entry.partition("\n") for entry in git(worktree, *asked, check=False, env=env).fields)
    names = {path: key.removeprefix("submodule.").removesuffix(".path") for key, _, path in entries}
    found = []
    for line in git(worktree, "ls-files", "-s", "-z", env=env).fields:
        meta, _, path = line.partition("\t")
        name = names.get(path)
        # Of a name or a path that leads elsewhere nothing is made.
        if not meta.startswith("160000") or name is None or ".." in name.split("/") or name.startswith("/"):
            continue
        place = worktree / path
        if not place.is_symlink() and place.parent.resolve().is_relative_to(worktree.resolve()):
            found.append(Submodule(name, path, meta.split(" ")[1], place, root or worktree))
    return found


def fill(worktree: Path) -> list[str]:
    """Bring the submodules of a worktree, and theirs, to the commits that its index names.

    Those that hold other changes stay as they are. Returns what could not be had here, as sentences.
    """
    if not (worktree / ".gitmodules").is_file():
        return []
    shared = common_dir(worktree)
    main = next((entry.path for entry in list_worktrees(worktree) if entry.main and not entry.bare), None)
    users = [shared, *(place.parent for place in sorted(shared.glob("worktrees/*/modules")))]
    return [f"{words} Run `git submodule update --init --recursive` in your checkout and try again."
            for words in _fill(worktree, users, main, "")]  # fmt: skip


def empty_ones(worktree: Path, output: str) -> list[str]:
    """The submodules that are empty in a checkout and that an output speaks of by their paths."""
    return [module.path for module in of(worktree) if module.path in output and not module.filled]


def _fill(
    worktree: Path, users: Sequence[Path], checkout: Path | None, above: str, root: Path | None = None
) -> list[str]:
    said = []
    for module in of(worktree, root):
        shown = posixpath.join(above, module.path)
        source = _source(module, users, checkout)
        if source is None:
            said.append(f"The submodule {shown} is empty: its commit {module.commit[:10]} is not on this machine.")
            continue
        try:
            if not module.filled:
                _make(worktree, module, source)
            elif git(module.place, "rev-parse", "HEAD", check=False, env=module.env).text != module.commit:
                git(module.place, "checkout", "--quiet", "--detach", module.commit, "--", env=module.env)
        except (MaestroError, OSError) as error:
            said.append(f"The submodule {shown} could not be filled: {error}")
            continue
        below = checkout / module.path if checkout else None
        said += _fill(module.place, [source], below, shown, module.root)
    return said


def _source(module: Submodule, users: Sequence[Path], checkout: Path | None) -> Path | None:
    """The user's repository that holds the commit of a submodule."""
    for place in _repositories(module, users, checkout):
        if git(place, "cat-file", "-e", f"{module.commit}^{{commit}}", check=False, env=_at(place)).code == 0:
            return place
    return None


def _repositories(module: Submodule, users: Sequence[Path], checkout: Path | None) -> Iterator[Path]:
    """Where the user may have a submodule's objects: its own repository first, the one around it last."""
    places = [git_dir / "modules" / module.name for git_dir in users]
    if checkout is not None and (checkout / module.path / ".git").exists():
        with suppress(MaestroError):
            places.append(own_git_dir(checkout / module.path))
    for place in (*dict.fromkeys(places), *users[:1]):
        if (place / "HEAD").is_file() and not (place / _SOURCE).exists():
            yield place


def _at(git_dir: Path) -> dict[str, str]:
    """Variables for a call in a git folder, wherever its configuration says that its files are: they may not be there."""
    return {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(git_dir)}


def _make(worktree: Path, module: Submodule, source: Path) -> None:
    git_dir = own_git_dir(worktree) / "modules" / module.name
    if git_dir.exists():
        shutil.rmtree(git_dir)  # left by a kill: what is in use has a .git file that leads there
    git_dir.parent.mkdir(parents=True, exist_ok=True)
    env = _at(source)
    form = git(source, "rev-parse", "--show-object-format", env=env).text
    options = ("--quiet", "--template=", f"--object-format={form}", f"--separate-git-dir={git_dir}")
    git(worktree, "init", *options, "--", str(module.place))
    inner = module.env
    (git_dir / _SOURCE).write_text(str(source))
    lent = git(source, "rev-parse", "--path-format=absolute", "--git-path", "objects", env=env).text
    (git_dir / "objects/info").mkdir(parents=True, exist_ok=True)
    (git_dir / "objects/info/alternates").write_bytes(lent.encode("utf-8", "surrogateescape") + b"\n")
    if (source / "shallow").is_file():
        untrusted.copy(source / "shallow", git_dir / "shallow")
    url = git(source, "config", "--get", "remote.origin.url", check=False, env=env).text
    if url:
        git(module.place, "config", "remote.origin.url", url, env=inner)
        git(module.place, "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*", env=inner)
    _copy_refs(module, source, env)
    git(module.place, "checkout", "--quiet", "--force", "--detach", module.commit, "--", env=inner, timeout_s=_LONG_S)


def _copy_refs(module: Submodule, source: Path, env: dict[str, str]) -> None:
    """Branches as of the remote, and tags: builds ask for them. Nothing of Maestro's own."""
    out = git(
        source, "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags", "refs/remotes", "refs/heads", env=env
    )
    wanted = {_SAFE: module.commit}
    for line in out.text.splitlines():
        oid, _, name = line.partition(" ")
        wanted[name.replace("refs/heads/", "refs/remotes/origin/", 1)] = oid
    wanted.pop("refs/remotes/origin/HEAD", None)
    text = "".join(f"update {name} {oid}\n" for name, oid in wanted.items())
    told = text.encode("utf-8", "surrogateescape")
    git(module.place, "update-ref", "--stdin", input=told, check=False, env=module.env)


def note_leftovers(worktree: Path) -> None:
    """Note what a set-up has left in submodules: it is nobody's work."""
    if (worktree / ".gitmodules").is_file():
        text = "\0".join(changed_files(worktree))
        untrusted.write(own_git_dir(worktree) / _BEFORE, text)


def uncommitted(worktree: Path) -> list[str]:
    """Files in submodules that were changed since the set-up and are in no commit of theirs."""
    found = changed_files(worktree)
    note = own_git_dir(worktree) / _BEFORE
    before = (untrusted.note(note, 64_000_000) or "").split("\0") if found else []
    return [path for path in found if path not in before]


def changed_files(worktree: Path, root: Path | None = None) -> list[str]:
    """Files in submodules, and in theirs, that differ from the commit checked out there, ignored ones left out.

    A submodule that cannot be asked counts as one of them.
    """
    found = []
    for module in of(worktree, root):
        if not module.filled:
            found += [module.path] if module.place.is_dir() and any(module.place.iterdir()) else []
            continue
        asked = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty")
        try:
            entries = git(module.place, *asked, env=module.env, timeout_s=_LONG_S).fields
            names = [*(entry[3:] for entry in entries), *changed_files(module.place, module.root)]
        except GitError:
            found.append(module.path)
            continue
        found += [posixpath.join(module.path, name) for name in names]
    return found


def holds_work(place: Path, root: Path) -> bool:
    """Whether a submodule of the worktree at ``root`` holds changes, or a commit that would go with it."""
    try:
        env = nested.environment(place, root)
        if git(place, "status", "--porcelain", "-z", env=env).stdout or changed_files(place, root):
            return True
        known = ("for-each-ref", "--count=1", "--contains", "HEAD", "refs/remotes", "refs/maestro")
        return not git(place, *known, check=False, env=env).stdout
    except GitError:
        return True


def discard(worktree: Path, root: Path | None = None) -> None:
    """Put submodules back to what the index names; ignored files stay. What a check left there is meant."""
    for module in of(worktree, root):
        if not module.filled:
            continue
        with suppress(GitError):  # one that leads elsewhere stays as it is
            env = module.env
            asked = ("status", "--porcelain", "-z", "--ignore-submodules=dirty")
            moved = git(module.place, "rev-parse", "HEAD", env=env, check=False).text != module.commit
            if moved or git(module.place, *asked, env=env, timeout_s=_LONG_S).stdout:
                git(module.place, "reset", "--hard", "--quiet", module.commit, "--", env=env, check=False)
                git(module.place, "clean", "-fd", "--quiet", env=env, check=False)
            discard(module.place, module.root)


def moved(worktree: Path, start: str, head: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The submodules that name another commit in ``head`` than in ``start``, with that commit."""
    options = ("-r", "-z", "--no-renames", "--no-ext-diff", "--raw", "--abbrev=64")
    fields = git(worktree, "diff-tree", *options, start, head, "--", env=env).fields
    found = {}
    for meta, path in zip(fields[::2], fields[1::2], strict=True):
        _before, mode, _old, new, _how = meta.removeprefix(":").split(" ")
        if mode == "160000":
            found[path] = new
    return found


def keep(repo: Path, worktree: Path, commits: dict[str, str], label: str) -> list[Kept]:
    """Bring commits made in submodules, by path, to the user's repositories of these, under a ref that starts with ``label``.

    What the user has already is left alone. Raises GitError naming a commit that is nowhere.
    """
    shared = common_dir(repo)
    main = next((entry.path for entry in list_worktrees(repo) if entry.main and not entry.bare), None)
    users = [shared, *(place.parent for place in sorted(shared.glob("worktrees/*/modules")))]
    return _keep(worktree, commits, users, main, label)


def keep_head(repo: Path, worktree: Path, path: str, label: str) -> None:
    """Keep the commit that a submodule stands on, as far as it can be: its files are saved all the same."""
    with suppress(MaestroError):
        env = nested.environment(worktree / path, worktree)
        commit = git(worktree / path, "rev-parse", "--verify", "HEAD^{commit}", env=env).text
        keep(repo, worktree, {path: commit}, f"{label}-{path.replace('/', '-')}")


def _keep(
    worktree: Path,
    commits: dict[str, str],
    users: Sequence[Path],
    checkout: Path | None,
    label: str,
    root: Path | None = None,
) -> list[Kept]:
    modules = {module.path: module for module in of(worktree, root)}
    done: list[Kept] = []
    for path, commit in commits.items():
        module = modules.get(path) or Submodule(path, path, commit, worktree / path, root or worktree)
        wanted = replace(module, commit=commit)
        if not _has(module, commit):
            if _source(wanted, users, checkout) is None:
                raise GitError(f"{path} names the commit {commit[:12]}, which no repository here contains.")
            continue
        env = module.env
        before = begun_at(module.place, module.root)
        places = list(_repositories(module, users, checkout))
        inner = moved(module.place, before, commit, env) if before else {}
        done += _keep(module.place, inner, places[:1], checkout / path if checkout else None, label, module.root)
        if not _is_kept(places, commit):
            ref = f"{label}-{commit[:12]}"
            _fetch(module, commit, places[0], ref)
            done.append(Kept(path, commit, ref, places[0]))
        git(module.place, "update-ref", f"{_SAFE}-{commit[:12]}", commit, env=env)
    return done


def _has(module: Submodule, commit: str) -> bool:
    if not module.filled:
        return False
    return git(module.place, "cat-file", "-e", f"{commit}^{{commit}}", check=False, env=module.env).code == 0


def begun_at(place: Path, root: Path) -> str | None:
    """The commit that Maestro filled a submodule of the worktree at ``root`` with; None: it did not.

    Raises GitError where the submodule is not what it seems.
    """
    if not os.path.lexists(place / ".git"):
        return None
    env = nested.environment(place, root)
    found = git(place, "rev-parse", "--verify", "--quiet", _SAFE, check=False, env=env)
    return found.text if found.code == 0 else None


def _is_kept(places: Sequence[Path], commit: str) -> bool:
    """Whether a ref of the user's leads to a commit; its HEAD alone does, too, as long as it stands there."""
    for place in places:
        env = _at(place)
        if git(place, "cat-file", "-e", f"{commit}^{{commit}}", check=False, env=env).code != 0:
            continue
        held = git(place, "for-each-ref", "--count=1", f"--contains={commit}", check=False, env=env).text
        head = git(place, "merge-base", "--is-ancestor", commit, "HEAD", check=False, env=env)
        if held or head.code == 0:
            return True
    return False


def _fetch(module: Submodule, commit: str, to: Path, ref: str) -> None:
    env = module.env
    git(module.place, "update-ref", f"{_SAFE}-{commit[:12]}", commit, env=env)
    options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance")
    allowed = ("-c", "protocol.file.allow=always", "-c", "fetch.fsckObjects=true")
    refspec = f"+{_SAFE}-{commit[:12]}:{ref}"
    git(to, *allowed, "fetch", *options, "--", env["GIT_DIR"], refspec, env=_at(to) | _LOCAL, timeout_s=_LONG_S)
