"""Data that tests compare with, wherever it lies: a file that a task changed or deleted and whose name a test mentions.

Golden files in places that do not say so by their names (``snapshots``), tables of cases, recorded answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from maestro.core.proving import file_kinds, snapshots
from maestro.worktrees.git import git

#: What is data by its name; anything else is the program's, or is looked at otherwise.
_DATA = re.compile(
    r"[^/]+\.(?:txt|csv|tsv|json|jsonl|ndjson|ya?ml|toml|xml|html|svg|out|dat|bin|log|md|rst|ini|sql|png|jpe?g|pdf)"
)
#: Manifests, and what is written for readers: tests name these for other reasons.
_OTHERS = re.compile(
    r"(?:package(?:-lock)?|composer|tsconfig\w*|deno|nx|turbo|lerna|project)\.json|(?:pyproject|Cargo)\.toml|(?:README|CHANGELOG|LICENSE)\b.*"
    r"|pnpm-(?:lock|workspace)\.yaml|setup\.cfg|tox\.ini|pom\.xml|requirements\S*\.txt|CMakeLists\.txt",
    re.IGNORECASE,
)
_MOST = 20


def named_by_tests(repo: Path, start: str, changed: Mapping[str, str]) -> list[str]:
    """Changed and deleted data files that tests of the commit ``start`` name; ``changed``: by path, how."""
    asked = [path for path, how in changed.items() if how in "MD" and _is_data(path)][:_MOST]
    return [path for path in asked if _is_named(repo, start, path)]


def _is_data(path: str) -> bool:
    name = PurePosixPath(path).name
    return (
        ("." not in name or bool(_DATA.fullmatch(name)))
        and not _OTHERS.fullmatch(name)
        and not snapshots.is_snapshot(path)
    )


def _is_named(repo: Path, start: str, path: str) -> bool:
    """Whether a test names a file, or its folder as a part of a path, as one does that takes all files of it."""
    pure = PurePosixPath(path)
    patterns = [] if "." not in pure.name else ["-e", re.escape(pure.name)]
    if pure.parent.name:
        patterns += ["-e", f"['\"/]{re.escape(pure.parent.name)}['\"/]"]
    if not patterns:
        return False
    found = git(repo, "grep", "-l", "-z", "-I", "-E", *patterns, start, "--", check=False).fields
    return any(file_kinds.is_test_code(entry.partition(":")[2]) for entry in found)
