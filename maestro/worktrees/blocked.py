"""What git would read without end: pipes and devices where its own files belong.

git opens its files without asking what they are. A pipe that nobody fills holds a call for ever, a link to ``/dev/zero``
fills the memory, and an agent can make either. The usual places are looked at before each call; everything else is
looked for once a call takes long.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from maestro import untrusted

#: In a checkout, and in its folders.
_IN_FOLDERS = (".gitattributes", ".gitignore", ".gitmodules", ".mailmap")
#: In the folder of one worktree, and in the one that all share.
_IN_GIT_DIR = (
    "HEAD", "index", "config", "config.worktree", "packed-refs", "shallow", "commondir", "gitdir", "MERGE_HEAD",
    "info/attributes", "info/exclude", "info/grafts", "info/sparse-checkout", "objects/info/alternates",
)  # fmt: skip
#: Lists that a user writes: git reads them whole.
_LISTS = frozenset({"info/attributes", "info/exclude", "info/grafts"})
_LIST_BYTES = 100_000_000
#: So many folders of a checkout are looked through for what holds a call.
_MOST_FOLDERS = 20_000


def by(root: Path) -> Path | None:
    """What stands in a usual place of a checkout at ``root`` and is no file; None where all is well."""
    for name in _IN_FOLDERS:
        if _is_endless(root / name, follow=False):
            return root / name
    for folder in _git_dirs(root):
        for name in _IN_GIT_DIR:
            if _is_endless(folder / name) or (name in _LISTS and _is_huge(folder / name)):
                return folder / name
    return None


def anywhere(root: Path) -> Path | None:
    """As ``by``, but in all folders of the checkout, and among branches and logs as well."""
    found = by(root)
    if found is not None:
        return found
    for here, folders, files in itertools.islice(os.walk(root), _MOST_FOLDERS):
        folders[:] = [name for name in folders if name != ".git"]
        odd = next((n for n in files if n in _IN_FOLDERS and _is_endless(Path(here, n), follow=False)), None)
        if odd:
            return Path(here, odd)
    places = (folder / part for folder in _git_dirs(root) for part in ("refs", "logs", "info", "worktrees"))
    for here, _folders, files in itertools.chain.from_iterable(os.walk(place) for place in places):
        odd = next((name for name in files if _is_endless(Path(here, name))), None)
        if odd:
            return Path(here, odd)
    return None


def words(place: Path) -> str:
    """What to say about it."""
    return f"{place} is not an ordinary file (a pipe, a device or far too large), and git would read it for ever. Remove it."


def _git_dirs(root: Path) -> Iterator[Path]:
    own = root / ".git"
    if _is_endless(own):
        return
    if not own.is_dir():
        pointer = untrusted.note(own, 10_000) or ""
        if not pointer.startswith("gitdir: "):
            return
        own = root / pointer.removeprefix("gitdir: ").rstrip("\n")
    yield own
    shared = untrusted.note(own / "commondir", 10_000)
    if shared:
        yield own / shared.rstrip("\n")


def _is_endless(place: Path, *, follow: bool = True) -> bool:
    try:
        mode = place.stat(follow_symlinks=follow).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def _is_huge(place: Path) -> bool:
    try:
        return place.stat().st_size > _LIST_BYTES
    except (OSError, ValueError):
        return False
