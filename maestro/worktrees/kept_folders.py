"""Folders that set-up commands have filled (node_modules, .venv…), kept to be copied into worktrees that need the same.

Copied, with the file system's own cheap copies where it has them; never linked: a test that writes into an installed
package must not reach another worktree. Virtual environments hold the path of their worktree. All worktrees' paths
are of the same length, so it is replaced wherever it stands, in text and in binary files alike.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from maestro import programs, untrusted
from maestro.errors import MaestroError
from maestro.worktrees.deleting import delete_tree
from maestro.worktrees.git import git

#: The largest note, and the largest installed file with a path in it.
_NOTE_BYTES = 64_000_000
_FILE_BYTES = 1_000_000_000
#: Folders that installers fill; whatever else comes into being is not theirs alone.
_FOLDERS = frozenset({"node_modules", ".venv", "venv", "env", "vendor", "bundle", ".bundle", "__pypackages__"})
_KEPT = 3  # of one repository: the base's, and two that tasks have changed
_KEPT_S = 3 * 24 * 3600  # what is not pinned moves on
_FREE_BYTES = 2 * 1024**3
_COPY_S = 1200
_NOTE = "note.json"


def unknown_to_git(worktree: Path) -> set[str]:
    """What lies in a worktree beside the tracked files, ignored or not; whole folders end in a slash."""
    return set(git(worktree, "ls-files", "-z", "--others", "--directory").fields)


def keep(store: Path, name: str, worktree: Path, before: Collection[str]) -> str | None:
    """Keep what has come into being in a worktree since ``before``, under ``name``; its seal, for ``bring``.

    Nothing is kept when it is more than folders of what is installed, or the disk has no room for it.
    """
    made = sorted(unknown_to_git(worktree) - set(before))
    folders = [path.rstrip("/") for path in made]
    if not made or not all(_is_installed(path) for path in made) or (store / name).exists():
        return None
    if shutil.disk_usage(worktree).free < _FREE_BYTES + 2 * _size(worktree, folders):
        return None
    draft = store / f"{name}.{os.getpid()}.draft"
    delete_tree(draft)
    draft.mkdir(parents=True)
    try:
        for number, folder in enumerate(folders):
            _copy(worktree / folder, draft / str(number))
        place = _place(worktree)
        note = {"place": place, "folders": folders, "files": _holding(draft, place), "links": _links(draft, place)}
        (draft / _NOTE).write_text(json.dumps(note))
        draft.rename(store / name)
    except BaseException:
        with suppress(MaestroError, OSError):
            delete_tree(draft)
        raise
    _thin_out(store)
    return seal(store, [name])


def bring(store: Path, name: str, worktree: Path, expected: str) -> list[str]:
    """Copy what is kept under ``name`` into a worktree that has none of it; the folders.

    None, and nothing copied, where that cannot be, or anything has been changed since its seal, ``expected``, was taken.
    """
    kept = store / name
    try:
        note = json.loads(untrusted.text(kept / _NOTE, _NOTE_BYTES))
        if time.time() - (kept / _NOTE).stat().st_mtime > _KEPT_S:
            return []
    except (OSError, ValueError):
        return []
    if seal(store, [name]) != expected:
        return []
    folders: list[str] = note["folders"]
    if any(os.path.lexists(worktree / folder) for folder in folders) or len(_place(worktree)) != len(note["place"]):
        return []
    try:
        for number, folder in enumerate(folders):
            (worktree / folder).parent.mkdir(parents=True, exist_ok=True)
            _copy(kept / str(number), worktree / folder)
        _move_in(note, worktree)
    except (OSError, MaestroError, subprocess.SubprocessError):
        for folder in folders:
            delete_tree(worktree / folder)
        return []
    return folders


def forget(store: Path, name: str) -> None:
    """What is kept under ``name`` is not trusted any more."""
    with suppress(MaestroError, OSError):
        delete_tree(store / name)


def _is_installed(path: str) -> bool:
    name = PurePosixPath(path).name
    return path.endswith("/") and (name in _FOLDERS or name.endswith((".egg-info", ".dist-info")))


def _place(worktree: Path) -> str:
    """The end of a worktree's path, which nothing else has: its session's folder and its own."""
    return f"{worktree.parent.name}/{worktree.name}"


def _copy(source: Path, target: Path) -> None:
    cheap = ["-c", "-R", "-p"] if sys.platform == "darwin" else ["--reflink=auto", "-a"]
    subprocess.run(["cp", *cheap, "--", str(source), str(target)], check=True, capture_output=True, timeout=_COPY_S)


def _size(worktree: Path, folders: Sequence[str]) -> int:
    total = 0
    for folder in folders:
        for here, _dirs, files in os.walk(worktree / folder):
            for file in files:
                with suppress(OSError):
                    total += (Path(here) / file).lstat().st_size
    return total


def seal(root: Path, names: Iterable[str]) -> str:
    """Of some files and folders in ``root``, what changes with any writing. Nobody can set the time of a change (ctime) back."""
    told = hashlib.sha256()
    for name in sorted(names):
        for path in _all(root / name.rstrip("/")):
            info = path.lstat()
            line = f"{path}\0{info.st_mode} {info.st_size} {info.st_ino} {info.st_mtime_ns} {info.st_ctime_ns}\n"
            told.update(os.fsencode(line))
    return told.hexdigest()


def _all(path: Path) -> Iterator[Path]:
    yield path
    for here, dirs, files in os.walk(path):
        dirs.sort()
        yield from (Path(here) / name for name in sorted((*dirs, *files)))


def _holding(folder: Path, words: str) -> list[str]:
    """The files below ``folder`` that hold some words, by path from there."""
    command = [programs.find("grep") or "/usr/bin/grep", "-rlF", "--null", "-e", words, "--", "."]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, timeout=_COPY_S)
    if done.returncode > 1:
        raise OSError(f"grep ended with {done.returncode}")
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _links(folder: Path, words: str) -> list[str]:
    """The links below ``folder`` that lead to a path with some words in it."""
    found = []
    for here, dirs, files in os.walk(folder):
        for name in (*dirs, *files):
            path = Path(here) / name
            if path.is_symlink() and words in str(path.readlink()):
                found.append(str(path.relative_to(folder)))
    return found


def _move_in(note: dict[str, list[str] | str], worktree: Path) -> None:
    """Replace the path of the worktree that the folders come from."""
    before, now = str(note["place"]), _place(worktree)
    for name in note["files"]:
        path = _landed(name, note["folders"], worktree)
        info = path.stat()
        content = untrusted.read(path, _FILE_BYTES).replace(before.encode(), now.encode())
        path.chmod(info.st_mode | 0o200)
        path.write_bytes(content)
        path.chmod(info.st_mode)
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    for name in note["links"]:
        path = _landed(name, note["folders"], worktree)
        target = str(path.readlink()).replace(before, now)
        path.unlink()
        path.symlink_to(target)


def _landed(name: str, folders: Sequence[str], worktree: Path) -> Path:
    number, _, rest = name.removeprefix("./").partition("/")
    return worktree / folders[int(number)] / rest


def _thin_out(store: Path) -> None:
    kept = [(note.stat().st_mtime, note.parent) for note in store.glob(f"*/{_NOTE}")]
    for _when, old in sorted(kept, reverse=True)[_KEPT:]:
        forget(store, old.name)
