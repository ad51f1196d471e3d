"""Code of another checkout that the programs of a check loaded, as our hooks saw it when each of them ended.

Likewise a copy of the repository's own packages that was installed before the check ran: it is as old as that.

However a check gets to its interpreter (``poetry run``, ``tox``, a script of a script), what counts is where the code
came from that ran in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from maestro import untrusted

#: The file of a check's temporary folder that tells its hooks where to look, and the folder for what they found.
_PLACES = "checkouts"
_FOUND = "elsewhere"
_NAMES = "names"
_MAX_BYTES = 100_000
#: Below these is what was installed; that a program of the user's environment runs is no fault of the code under test.
_COPIED = frozenset({"site-packages", "dist-packages"})
_INSTALLED = frozenset({"site-packages", "dist-packages", "node_modules", "gems", "vendor"})


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Files that were loaded, each once: of other checkouts, and of copies that were installed before the check began."""

    checkouts: tuple[Path, ...] = ()
    copies: tuple[Path, ...] = ()


NOTHING = Elsewhere()


def ask(aside: Path, here: Path, others: Iterable[Path], names: Iterable[str]) -> None:
    """Have the hooks of a check note what is loaded from one of ``others``; ``here`` is the worktree it is about.

    ``names``: what can be imported from it, by the first name.
    """
    places = [os.path.realpath(place) for place in (here, *others)]
    if any("\n" in place for place in places):
        return
    (aside / _FOUND).mkdir()
    (aside / _NAMES).write_text("\n".join(names))
    (aside / _PLACES).write_text("".join(f"{place}\n" for place in places))


def read(aside: Path) -> Elsewhere:
    """What the hooks of a check have noted."""
    found: dict[Path, None] = {}
    for path in _files(aside / _FOUND):
        try:
            found |= dict.fromkeys(Path(line) for line in untrusted.text(path, _MAX_BYTES).splitlines() if line)
        except OSError:
            continue
    own = [path for path in found if not _INSTALLED.intersection(path.parts)]
    copies = [path for path in found if _COPIED.intersection(path.parts) and _is_older(path, aside / _PLACES)]
    return Elsewhere(tuple(own), tuple(copies))


def _is_older(path: Path, mark: Path) -> bool:
    try:
        return path.lstat().st_ctime_ns < mark.lstat().st_ctime_ns
    except OSError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(folder.iterdir())


def name_of(path: Path, checkout: Path) -> tuple[str, Path]:
    """What a file of ``checkout`` is called for the user: its package or its own name, and where that is."""
    top, place = path, path
    while (place.parent / "__init__.py").exists() and place.parent != checkout:
        place = place.parent
        top = place
    return PurePosixPath(top.name).stem, top
