"""New files that decide how tests which were there before end, without being named as configuration."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from maestro.core.proving import paths

Read = Callable[[str], str | None]

#: What `python -m pytest` and its like would start, or import, instead of the real thing when it lies in the root.
_SHADOWS = re.compile(
    r"(?:src/)?(?:pytest|_pytest|pluggy|unittest|coverage|nose2?|tox|nox|ruff|mypy|pylint|flake8)(?:\.py|/.*\.py)"
)
_SERVICES = re.compile(r"(?:.*/)?META-INF/services/(?:org\.junit|org\.testng)\..*")


def steers(path: str, after: Read, files_before: Callable[[], Sequence[str]]) -> bool:
    """Whether a new file has a say in tests other than its own.

    A package's ``__init__.py`` among tests that does something, a module among tests that takes the place of the
    program's own one of that name, a test runner's name in the root.
    """
    if _SHADOWS.fullmatch(path) or _SERVICES.fullmatch(path):
        return True
    pure = PurePosixPath(path)
    if pure.suffix != ".py" or not paths.is_test(path):
        return False
    if pure.name == "__init__.py":
        return _does_something(after(path) or "")
    return bool(
        {pure.name, f"src/{pure.name}", f"{pure.stem}/__init__.py", f"src/{pure.stem}/__init__.py"} & {*files_before()}
    )


def _does_something(text: str) -> bool:
    """Whether a module is more than words."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)
