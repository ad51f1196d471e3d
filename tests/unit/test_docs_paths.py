"""Paths that the README and the docs name are there: a reader who follows one finds something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "benchmarks" / "README.md", *(ROOT / "docs").glob("*.md")]
)
#: A path in backticks or as a link's target; with a folder of ours in front, or below one of these.
_NAMED = re.compile(r"`([\w./-]+)`|\]\(([^)#\s:]+)[)#]")
_BELOW = ("", "maestro", "maestro/core")


def _named(doc: Path) -> Iterator[str]:
    tops = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")}
    for found in _NAMED.finditer(doc.read_text("utf-8")):
        path = found[1] or found[2]
        if found[2] or ("/" in path and path.split("/")[0] in tops):
            yield path


def test_every_path_that_the_docs_name_exists() -> None:
    named = [(doc, path) for doc in DOCS for path in _named(doc)]
    assert len(named) > 30
    places = {doc: [doc.parent, *(ROOT / below for below in _BELOW)] for doc in DOCS}
    gone = [f"{d.relative_to(ROOT)}: {p}" for d, p in named if not any((place / p).exists() for place in places[d])]
    assert not gone, gone


def test_the_folders_of_the_architecture_are_those_there_are() -> None:
    told = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8")
    for folder in (ROOT / "maestro" / "core", ROOT / "maestro"):
        packages = [entry.name for entry in folder.iterdir() if (entry / "__init__.py").exists()]
        missing = [name for name in packages if f"{name}/" not in told]
        assert not missing, missing
