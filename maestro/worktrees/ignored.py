"""Code in a worktree that git ignores, so that no commit holds it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from maestro.worktrees.copying import copied_into
from maestro.worktrees.git import git

_CODE = re.compile(
    r"\.(pyi?|[cm]?[jt]s|[jt]sx|vue|svelte|go|rs|java|kt|scala|rb|php|c|cc|cpp|h|hpp|cs|swift|exs?|dart|lua|pl|sh|sql)"
)
#: Folders that hold what tools make or fetch; those whose names begin with a dot do as well.
_ORDINARY = re.compile(
    r"\..*|__pycache__|node_modules|bower_components|s?venv|env|virtualenv|site-packages|build|dist|out|output|target|obj|bin"
    r"|coverage|htmlcov|vendor|third_party|eggs|.*\.egg-info|wheels|cmake-build.*|cdk\.out|_build|site|public|storybook-static"
    r"|tmp|temp|logs?|.*cache|(__)?generated(__)?|gen|pods|deps"
)
_MADE = re.compile(r"_version\.py|version\.py|.*(_pb2(_grpc)?|\.pb|\.g|\.gen|[._-]generated|\.min|\.d)\.\w+")
#: What compilers write, and from what.
_COMPILED = frozenset({".js", ".mjs", ".cjs", ".jsx", ".c", ".cpp"})
_COMPILED_FROM = frozenset({".ts", ".mts", ".cts", ".tsx", ".coffee", ".vue", ".svelte", ".pyx", ".y", ".l"})

_LOOKED_AT = 5_000


def code(worktree: Path) -> list[str]:
    """Files of code that git ignores and that neither Maestro copied nor, by their names, a tool has made."""
    apart = copied_into(worktree)
    found = [path for path in _ignored(worktree) if path not in apart and _is_written(path)]
    if not found:
        return []
    tracked = (PurePosixPath(path) for path in git(worktree, "ls-files", "-z").fields)
    sources = {path.stem for path in tracked if path.suffix in _COMPILED_FROM}
    return [p for p in found if PurePosixPath(p).suffix not in _COMPILED or PurePosixPath(p).stem not in sources]


def _is_written(path: str) -> bool:
    pure = PurePosixPath(path)
    return bool(_CODE.fullmatch(pure.suffix)) and not _MADE.fullmatch(pure.name) and not _is_ordinary(pure.parts[:-1])


def _is_ordinary(folders: Iterable[str]) -> bool:
    return any(_ORDINARY.fullmatch(name.lower()) for name in folders)


def _ignored(worktree: Path) -> Iterator[str]:
    """All ignored files, ordinary folders not opened, up to a limit of each folder."""
    listed = git(
        worktree, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", timeout_s=600
    )
    for path in listed.fields:
        if not path.endswith("/"):
            yield path
        elif not _is_ordinary(PurePosixPath(path).parts):
            yield from _below(worktree, path)


def _below(worktree: Path, folder: str) -> Iterator[str]:
    left = _LOOKED_AT
    for place, folders, files in os.walk(worktree / folder):
        folders[:] = [name for name in folders if not _is_ordinary([name])]
        if "pyvenv.cfg" in files or ".git" in files:
            folders.clear()
            continue
        for name in files:
            yield str(Path(place, name).relative_to(worktree))
        left -= len(files)
        if left < 0:
            return
