"""Tests that test nothing any more: emptied, or left before they look at anything. Told from text, as far as that goes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

_NAME = r"""(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)"""
_VOID = r"(?:\s|//[^\n]*\n|/\*.*?\*/)*(?:\}|return\s*;|return\s*\}|return\n|process\.exit\()"
#: By the endings of a file: a test, and where it is hollow what follows.
_DECLARED = {
    (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".jsx", ".tsx"): re.compile(
        rf"\b(?:it|test|specify)(?:\.\w+)?\(\s*(?P<name>{_NAME})\s*,\s*(?:async\s*)?(?:function\b\s*\w*\s*\([^)]*\)|\([^)]*\)\s*=>|\w+\s*=>)"
        rf"\s*(?:\{{(?P<void>{_VOID})?|(?P<value>(?:undefined|null|true|void 0|\(\s*\))\s*\)))?",
        re.DOTALL,
    ),
    (".go",): re.compile(
        r"^func (?P<name>Test\w+)\([^)]*\)\s*\{(?P<void>(?:\s|//[^\n]*\n)*(?:\}|return\b))?(?P<value>\b\B)?",
        re.MULTILINE,
    ),
    (".rs",): re.compile(
        r"#\[(?:\w+::)?test\][^{]*?\bfn\s+(?P<name>\w+)\s*\([^)]*\)[^{]*\{(?P<void>(?:\s|//[^\n]*\n)*(?:\}|return\b))?(?P<value>\b\B)?"
    ),
    (".java", ".kt"): re.compile(
        r"@Test\b[^{]*?\b(?P<name>\w+)\s*\([^)]*\)[^{]*\{(?P<void>(?:\s|//[^\n]*\n)*(?:\}|return\b))?(?P<value>\b\B)?"
    ),
}


def emptied(path: str, before: str, after: str) -> set[str]:
    """The tests of a changed file that looked at something before and look at nothing now."""
    return _full(path, before) & _hollow(path, after)


def _full(path: str, text: str) -> set[str]:
    return {name for name, hollow in _tests(path, text) if not hollow}


def _hollow(path: str, text: str) -> set[str]:
    return {name for name, hollow in _tests(path, text) if hollow}


def _tests(path: str, text: str) -> Iterable[tuple[str, bool]]:
    if path.endswith(".py"):
        return _python(text)
    pattern = next((found for endings, found in _DECLARED.items() if path.endswith(endings)), None)
    return [(m["name"], bool(m["void"] or m["value"])) for m in pattern.finditer(text)] if pattern else []


def _python(text: str) -> Iterable[tuple[str, bool]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    places = [("", node) for node in tree.body]
    places += [(f"{c.name}.", node) for c in tree.body if isinstance(c, ast.ClassDef) for node in c.body]
    return [
        (f"{place}{node.name}", not _looks(node.body))
        for place, node in places
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]


def _looks(body: list[ast.stmt]) -> bool:
    """Whether statements do anything that can fail before they are left."""
    for statement in body:
        if isinstance(statement, ast.Return):
            return statement.value is not None and _can_fail(statement.value)
        if _can_fail(statement):
            return True
    return False


def _can_fail(node: ast.AST) -> bool:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            if not isinstance(inner.test, ast.Constant):
                return True
        elif isinstance(inner, ast.Call | ast.Raise | ast.Import | ast.ImportFrom | ast.Await | ast.With):
            return True
    return False
