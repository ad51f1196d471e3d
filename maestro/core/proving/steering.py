"""New files that decide how tests which were there before end, without being named as configuration."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from maestro.core.proving import file_kinds

Read = Callable[[str], str | None]

#: What `python -m pytest` and its like would start, or import, instead of the real thing when it lies in the root.
_RUNNERS = frozenset(
    {
        "pytest", "_pytest", "pluggy", "unittest", "coverage", "nose", "nose2", "tox", "nox", "ruff", "mypy", "pylint",
        "flake8", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli", "hypothesis", "mock", "xdist",
    }
)  # fmt: skip
_SHADOWS = (_RUNNERS | sys.stdlib_module_names) - {"test", "this", "antigravity"}
_SHADOW = re.compile(r"(?:src/)?(\w+)(?:\.py|/.*\.py)")
_SERVICES = re.compile(r"(?:.*/)?META-INF/services/(?:org\.junit|org\.testng)\..*")
#: Folders of what is installed, which a commit of the work has no business in.
_INSTALLED = frozenset({"node_modules", "site-packages", ".venv"})

#: By the endings of its file, what a new test may do that outlasts it: others run in the same process. A guess that
#: costs another run of the check without the new tests, and no question where nothing changes by that.
_OUTLASTS = {
    (".py",): re.compile(
        r"^\s*(?!self\b|cls\b)[A-Za-z_]\w*(?:\.\w+)+\s*=[^=]|(?<![\w.])setattr\(|sys\.modules|pytest_plugins|pluginmanager"
        r"|\b_pytest\b|\.start\(\)|_exit\b|\bctypes\b|\bgc\.|MAESTRO_|sys\.(?:exit|settrace|setprofile|meta_path|path)"
        r"|__code__|__dict__|\bvars\(|\bbuiltins\b|\batexit\b|os\.environ\[",
        re.MULTILINE,
    ),
    (".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".jsx", ".tsx"): re.compile(
        r"^(?!.*\b(?:module\.exports|exports\.))[^'\"`\n]*(?:[\w$)]\.[\w$]+|\w\[[^\]\n]*\])\s*=(?![=>])|require\.cache"
        r"|require\([^)\n]*\)(?:\.[\w$]+)+\s*=(?![=>])"
        r"|\bglobal(?:This)?\b|\bprototype\b|process\.(?:exit|on|reallyExit|abort|env)|Module\b|_load\b"
        r"|Object\.(?:assign|define\w+)\(|Reflect\.|MAESTRO_",
        re.MULTILINE,
    ),
    (".rb",): re.compile(
        r"^\s*(?:class|module) (?!\w*(?:Test|Spec))|_eval\b|define_method|\bprepend\b|RSpec\.configure|\bexit!?\b|at_exit"
        r"|_any_instance_of|MAESTRO_",
        re.MULTILINE,
    ),
    (".go",): re.compile(r"^func (?:init|TestMain)\(|\bos\.Exit\(|MAESTRO_", re.MULTILINE),
    (".java", ".kt", ".scala", ".php", ".cs"): re.compile(
        r"implements\s[^{]*(?:Extension|Callback|Listener|Interceptor)|AutoService|System\.exit|setAccessible|MAESTRO_"
    ),
}


def steers(path: str, after: Read, files_before: Callable[[], Sequence[str]]) -> bool:
    """Whether a new file has a say in tests other than its own.

    A package's ``__init__.py`` among tests that does something, a module among tests that takes the place of the
    program's own one of that name, a name in the root that a test runner imports itself, a stand-in for a package
    (``__mocks__``), a test that changes what others run with.
    """
    if _SERVICES.fullmatch(path) or "__mocks__" in path.split("/"):
        return True
    return _shadows(path, files_before) or _stands_in(path, after, files_before) or outlasts(path, after)


def outlasts(path: str, after: Read) -> bool:
    """Whether a test may change what tests of other files run with."""
    pattern = next((found for endings, found in _OUTLASTS.items() if path.endswith(endings)), None)
    return pattern is not None and file_kinds.is_test(path) and pattern.search(after(path) or "") is not None


def is_installed(path: str) -> bool:
    """Whether a file lies where package managers put what is installed."""
    return bool(_INSTALLED & set(path.split("/")[:-1]))


def _shadows(path: str, files_before: Callable[[], Sequence[str]]) -> bool:
    """Whether a new module takes a name that runners import; a package that was there by that name is the program."""
    found = _SHADOW.fullmatch(path)
    if not found or found[1] not in _SHADOWS:
        return False
    return not any(file.startswith((f"{found[1]}/", f"src/{found[1]}/")) for file in files_before())


def _stands_in(path: str, after: Read, files_before: Callable[[], Sequence[str]]) -> bool:
    pure = PurePosixPath(path)
    if pure.suffix != ".py" or not file_kinds.is_test(path):
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
