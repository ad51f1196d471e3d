"""Configuration that decides what linters, type checkers and builds find: by a file's name, or by a part of it."""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath

#: Files of tools that work without them as well, so that a new one may hide something.
_OPTIONAL = {
    "ruff.toml": "ruff", ".ruff.toml": "ruff", "mypy.ini": "mypy", ".mypy.ini": "mypy", ".flake8": "flake8",
    ".pylintrc": "pylint", "pylintrc": "pylint", "pylintrc.toml": "pylint", "pyrightconfig.json": "pyright",
    ".bandit": "bandit", ".eslintignore": "eslint", ".prettierignore": "prettier", ".stylelintignore": "stylelint",
    "biome.json*": "biome", ".oxlintrc.json": "oxlint", "clippy.toml": "clippy", ".clippy.toml": "clippy",
    ".golangci.*": "golangci-lint", ".rubocop.yml": "rubocop", ".shellcheckrc": "shellcheck",
}  # fmt: skip

#: Files without which their tool does nothing: a first one is its beginning and hides nothing.
_NEEDED = {
    ".eslintrc*": "eslint", "eslint.config.*": "eslint", ".stylelintrc*": "stylelint",
    ".pre-commit-config.yaml": "pre-commit",
}  # fmt: skip
_TYPESCRIPT = "tsc"
_PYPROJECT = ("ruff", "mypy", "pyright", "basedpyright", "pylint", "bandit")
_PACKAGE = {"eslintConfig": "eslint", "eslintIgnore": "eslint", "stylelint": "stylelint"}

#: What makes the compiler look at less; how it builds (``paths``, ``jsx``, ``target``) is the work's business.
_STRICT = re.compile(
    r"strict.*|no(Implicit|Unused|Unchecked|Fallthrough|PropertyAccess).*|noCheck|noEmitOnError|skip.*|checkJs"
)
_BUILDS = {
    "pom.xml": "mvn", "build.gradle": "gradle", "build.gradle.kts": "gradle", "CMakeLists.txt": "ctest", "*.cmake": "ctest",
    "meson.build": "meson", "Cargo.toml": "cargo",
}  # fmt: skip
_BUILD_LINE = re.compile(
    r"skipTests?|skipITs|maven\.test|testFailureIgnore|ignoreFailures|surefire|failsafe|<exclu(de|des)>|excludeT"
    r"|\btest\s*\{|enabled\s*=\s*false|onlyIf"
    r"|add_test|set_tests_properties|set_property\s*\(\s*TEST|WILL_FAIL|_REGULAR_EXPRESSION|discover_tests|EMULATOR|LAUNCHER"
    r"|\bCOMMAND\b|^\s*test\(|should_fail|harness|autotests|doctest|^\s*test\s*=|overflow-checks|debug-assertions"
)
#: Programs that may start any other, by files of their own.
_ANYTHING = re.compile(r"\b(tox|nox|pre-commit|hatch|poe|invoke|rake|bazel|nx|turbo|lerna|lint-staged)\b")

Read = Callable[[str], str | None]


def tools(path: str) -> tuple[str, ...]:
    """The programs that a file may configure, by its name."""
    name = PurePosixPath(path).name
    if name == "pyproject.toml":
        return _PYPROJECT
    if name == "package.json":
        return tuple(_PACKAGE.values())
    if fnmatch(name, "tsconfig*.json"):
        return (_TYPESCRIPT,)
    known = _OPTIONAL | _NEEDED | _BUILDS
    return tuple(tool for pattern, tool in known.items() if fnmatch(name, pattern))


def used(path: str, commands: Sequence[str]) -> bool:
    """Whether commands may run a program that a file configures."""
    words = re.compile("|".join(re.escape(tool) for tool in tools(path)))
    return any(words.search(command) or _ANYTHING.search(command) for command in commands)


def differs(path: str, before: Read, after: Read, files_before: Callable[[], Sequence[str]]) -> bool:
    """Whether a changed or new file says differently now what its tool has to look at."""
    name, old, new = PurePosixPath(path).name, before(path), after(path)
    if any(fnmatch(name, pattern) for pattern in _OPTIONAL):
        return True
    if any(fnmatch(name, pattern) for pattern in _NEEDED):
        return old is not None or _one_above(path, files_before())
    if old is None:
        return False  # a project that is only being set up
    if new is None:
        return True
    if any(fnmatch(name, pattern) for pattern in _BUILDS):
        return _build_lines(old) != _build_lines(new)
    return _part(name, old) != _part(name, new)


def _one_above(path: str, files: Sequence[str]) -> bool:
    """Whether the tool that a new file configures had configuration that held there."""
    names = [pattern for pattern, tool in _NEEDED.items() if tool in tools(path)]
    folder = posixpath.dirname(path)
    above = {"", folder, *(str(parent) for parent in PurePosixPath(folder).parents if str(parent) != ".")}
    return any(
        posixpath.dirname(file) in above and any(fnmatch(posixpath.basename(file), n) for n in names) for file in files
    )


def _part(name: str, text: str) -> object:
    """What matters of a file that says other things, too; all of it where it cannot be read."""
    try:
        if name == "pyproject.toml":
            found = tomllib.loads(text).get("tool", {})
            return {tool: found[tool] for tool in _PYPROJECT if tool in found}
        data = json.loads(text)
        if name == "package.json":
            return {key: data[key] for key in _PACKAGE if key in data}
        options = data.get("compilerOptions", {})
        strict = {key: value for key, value in options.items() if _STRICT.fullmatch(key)}
        return strict, [data.get(key) for key in ("extends", "include", "exclude", "files", "references")]
    except (ValueError, AttributeError):
        return text


def _build_lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if _BUILD_LINE.search(line)]
