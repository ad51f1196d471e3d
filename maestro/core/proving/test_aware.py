"""Code of the program that knows when it is tested, or speaks in a test runner's place: what tests say of it says little."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from maestro.core.proving import file_kinds

_CODE = frozenset(
    {
        ".py", ".pyx", ".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".jsx", ".tsx", ".vue", ".svelte", ".go", ".rs", ".rb",
        ".php", ".java", ".kt", ".cs", ".c", ".cc", ".cpp", ".h", ".hpp", ".swift", ".ex", ".sh", ".pl", ".pm", ".lua", ".scala",
        ".groovy", ".dart", ".cxx", ".hh", ".bash",
    }
)  # fmt: skip
#: Signs of a running test, and words with which runners end; what a program has for its own tests is named otherwise.
_KNOWS = re.compile(
    r"PYTEST_(?:CURRENT_TEST|ADDOPTS|VERSION)|(?:JEST|VITEST|MOCHA|PLAYWRIGHT)_WORKER\w*|NODE_TEST_CONTEXT|RUST_TEST_THREADS"
    r"|MAESTRO_(?:REPORT\w*|PORT_BASE)|maestro-(?:worktrees|check-)|process\.env\.VITEST\b|import\.meta\.vitest|NEXTEST\b|\btesting\.Testing\(\)"
    r"|['\"]_?(?:pytest|unittest)['\"] (?:not )?in sys\.modules|sys\.modules(?:\.get\(|\[)['\"](?:_?pytest|unittest|test_\w+)"
    r"|\b(?:import|from) _pytest\b|\bNODE_ENV['\"]?\]? *={2,3} *['\"]test|typeof (?:jest|vi|it|describe)\b"
    r"|in sys\.argv\[0\]|<testsuites?\b|test result: ok\.|\btestcase classname=|\b\d+ passed in \d"
    r"|\benviron(?:\.get\(|\[)\s*['\"]CI['\"]|[gG]etenv\(\s*['\"]CI['\"]|process\.env(?:\.CI\b|\[['\"]CI['\"])"
    r"|\bENV(?:\.fetch\(|\[)\s*['\"]CI['\"]|\benv::var\(\s*\"CI\""
)
#: How code finds out who called it; that is about tests where it compares that with a word of theirs.
_CALLERS = re.compile(
    r"\b_getframe\(|\binspect\.(?:stack|currentframe|getouterframes|trace)\(|\b(?:extract|format|walk)_stack\(|debug_backtrace\("
    r"|\bcaller(?:_locations)?\b|captureStackTrace|\)\.stack\b|getStackTrace\(|StackWalker|runtime\.Callers?\("
)
_TESTS_WORD = re.compile(r"['\"`/][\w.*-]{0,20}(?:tests?|spec)\b|['\"`/]tests?_")


def may(path: str) -> bool:
    """Whether a file is code of the program, by its path."""
    return is_tested(path) and not file_kinds.is_check_script(path)


def is_tested(path: str) -> bool:
    """The same, with scripts, which may be parts of the program or check it."""
    if PurePosixPath(path).suffix not in _CODE:
        return False
    return not (file_kinds.is_test(path) or file_kinds.is_test_configuration(path))


def speaks(text: str) -> bool:
    """Whether a text speaks of running tests at all."""
    return _KNOWS.search(text) is not None or _CALLERS.search(text) is not None


def newly(before: str | None, after: str | None) -> bool:
    """Whether a file knows of its tests now in a way in which it did not before."""
    return _gained(_KNOWS, before, after) or (_gained(_CALLERS, before, after) and _gained(_TESTS_WORD, before, after))


def _gained(pattern: re.Pattern[str], before: str | None, after: str | None) -> bool:
    return bool({*pattern.findall(after or "")} - {*pattern.findall(before or "")})
