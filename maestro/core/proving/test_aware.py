"""Code of the program that knows when it is tested, or speaks in a test runner's place: what tests say of it says little."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from maestro.core.proving import file_kinds

_CODE = frozenset(
    {
        ".py", ".pyx", ".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".jsx", ".tsx", ".vue", ".svelte", ".go", ".rs", ".rb",
        ".php", ".java", ".kt", ".cs", ".c", ".cc", ".cpp", ".h", ".hpp", ".swift", ".ex", ".sh",
    }
)  # fmt: skip
#: Signs of a running test, and words with which runners end; what a program has for its own tests is named otherwise.
_KNOWS = re.compile(
    r"PYTEST_(?:CURRENT_TEST|ADDOPTS|VERSION)|(?:JEST|VITEST|MOCHA|PLAYWRIGHT)_WORKER\w*|NODE_TEST_CONTEXT|RUST_TEST_THREADS"
    r"|MAESTRO_REPORT\w*|process\.env\.VITEST\b|import\.meta\.vitest|NEXTEST\b|\btesting\.Testing\(\)"
    r"|['\"]_?(?:pytest|unittest)['\"] (?:not )?in sys\.modules|sys\.modules(?:\.get\(|\[)['\"](?:_?pytest|unittest|test_\w+)"
    r"|\b(?:import|from) _pytest\b|\bNODE_ENV['\"]?\]? *={2,3} *['\"]test|typeof (?:jest|vi|it|describe)\b"
    r"|in sys\.argv\[0\]|<testsuites?\b|test result: ok\.|\btestcase classname=|\b\d+ passed in \d"
)


def may(path: str) -> bool:
    """Whether a file is code of the program, by its path."""
    steering = file_kinds.is_test_configuration(path) or file_kinds.is_check_script(path)
    return PurePosixPath(path).suffix in _CODE and not file_kinds.is_test(path) and not steering


def speaks(text: str) -> bool:
    """Whether a text speaks of running tests at all."""
    return _KNOWS.search(text) is not None


def newly(before: str | None, after: str | None) -> bool:
    """Whether a file knows of its tests now in a way in which it did not before."""
    return bool({*_KNOWS.findall(after or "")} - {*_KNOWS.findall(before or "")})
