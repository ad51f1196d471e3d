"""Tests that the plan names for a task: it may add to them, and what it takes from them is asked about.

A plan has to name a test file to have tests added there. That is no leave to weaken what the file holds. So the task's
own checks run once more with these files, and what else steers them, as they were; tests of before that fail then, and
do not fail on the work, were weakened or removed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence, Set

from maestro.core.proving import file_kinds, snapshots, steering
from maestro.core.proving.guarded import Range
from maestro.core.proving.reports.model import NOT_LOADED, TestReport

#: What in a ``conftest.py`` has a say in tests that do not ask for it.
_FOR_ALL = re.compile(r"\bpytest_\w+|collect_ignore|autouse|sys\.modules|setattr|__class__")
_SELECTOR = re.compile(r"(\S+\.py)::[^\s'\"]+")
_PARAMETERS = re.compile(r"\[.*\]$", re.DOTALL)


def may_be_weaker(path: str, how: str, between: Range, *, ran: bool = False) -> bool:
    """Whether tests that a file held may say less now: one that is not merely added to, or that steers others.

    ``ran``: it was seen to hold tests, whatever its name.
    """
    if snapshots.is_snapshot(path):
        return False  # a plan that names one wants another in its place
    if path.rpartition("/")[2] == "conftest.py":
        return how != "A" or _FOR_ALL.search(between.after(path) or "") is not None
    if how == "A" or not (ran or file_kinds.is_test_code(path)):
        return False
    before, after = between.before(path), between.after(path)
    if before is None or after is None or steering.outlasts(path, between.after):
        return True
    return not (path.endswith(".py") and _only_adds(before, after))


def hidden(report: TestReport, failed: Set[str], before: Collection[str], old: Mapping[str, str]) -> set[str]:
    """Tests of before that a run with the old files fails, and that are not among those that ``failed`` on the work.

    ``before``: names known from earlier runs; ``old``: the old files by path.
    """
    return {test for test in report.failing - failed if test in before or _is_of(test, old)}


def without_selectors(command: str) -> str | None:
    """A check that names single tests of pytest, as one of their whole files; None for any other.

    pytest runs nothing when one of them is not there, as a new one is not in an old file.
    """
    return _SELECTOR.sub(r"\1", command) if _SELECTOR.search(command) else None


def _is_of(test: str, old: Mapping[str, str]) -> bool:
    test = test.removeprefix(NOT_LOADED)
    for path, text in old.items():
        module = path.rpartition(".")[0].replace("/", ".")
        if test in {path, module} or test.endswith(f"::{module}"):
            return True  # the file cannot be loaded
        if any(leaf in text for leaf in _leaves(test)):
            return True
    return False


def _leaves(test: str) -> Sequence[str]:
    """What a test may be called in its file."""
    bare = _PARAMETERS.sub("", test)
    parts = {re.split(pattern, bare)[-1].strip() for pattern in (r"::", r" > | › ", r"\.|::|/")}
    return [part for part in parts if len(part) > 1]


def _only_adds(before: str, after: str) -> bool:
    """Whether a Python file holds all that it held, word by word, and beside it only further tests and imports."""
    try:
        old, new = ast.parse(before), ast.parse(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return _adds(old.body, new.body)


def _adds(old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> bool:
    names = {name for node in old for name in _names(node)}
    rest = list(old)
    for node in new:
        if rest and _same(rest[0], node):
            rest.pop(0)
        elif not _is_addition(node) or names.intersection(_names(node)):
            return False
    return not rest


def _same(old: ast.stmt, new: ast.stmt) -> bool:
    if isinstance(old, ast.ClassDef) and isinstance(new, ast.ClassDef) and old.name == new.name:
        heads = [(n.bases, n.keywords, n.decorator_list) for n in (old, new)]
        return _dump(heads[0]) == _dump(heads[1]) and _adds(old.body, new.body)
    return ast.dump(old) == ast.dump(new)


def _dump(parts: tuple[Sequence[ast.AST], ...]) -> list[list[str]]:
    return [[ast.dump(node) for node in nodes] for nodes in parts]


def _is_addition(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return not any(alias.name == "*" for alias in node.names)
    if isinstance(node, ast.ClassDef):
        return node.name.startswith("Test") or node.name.endswith(("Test", "Tests"))
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")


def _names(node: ast.stmt) -> set[str]:
    """What a statement binds at its level."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
