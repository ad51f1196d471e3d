"""Code of another checkout that the programs of a check loaded, as our hooks saw it when each of them ended.

However a check gets to its interpreter (``poetry run``, ``tox``, a script of a script), what counts is where the code
came from that ran in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from maestro import untrusted

#: The file of a check's temporary folder that tells its hooks where to look, and the folder for what they found.
_PLACES = "checkouts"
_FOUND = "elsewhere"
_MAX_BYTES = 100_000
#: Below these is what was installed; that a program of the user's environment runs is no fault of the code under test.
_INSTALLED = frozenset({"site-packages", "dist-packages", "node_modules", "gems", "vendor"})


def ask(aside: Path, here: Path, others: Iterable[Path]) -> None:
    """Have the hooks of a check note what is loaded from one of ``others``; ``here`` is the worktree it is about."""
    places = [os.path.realpath(place) for place in (here, *others)]
    if any("\n" in place for place in places):
        return
    (aside / _FOUND).mkdir()
    (aside / _PLACES).write_text("".join(f"{place}\n" for place in places))


def read(aside: Path) -> tuple[Path, ...]:
    """The files that were loaded from elsewhere, each once."""
    found: dict[Path, None] = {}
    for path in _files(aside / _FOUND):
        try:
            lines = untrusted.text(path, _MAX_BYTES).splitlines()
        except OSError:
            continue
        found |= dict.fromkeys(Path(line) for line in lines if line and not _INSTALLED.intersection(Path(line).parts))
    return tuple(found)


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
