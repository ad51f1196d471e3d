"""Which changed files have a say in what checks find: tests, their data, settings, and what starts or steers them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property, partial
from pathlib import Path

from maestro.core.proving import (
    check_settings,
    file_kinds,
    hollow,
    inline_tests,
    named_files,
    rigged,
    snapshots,
    steering,
    test_aware,
)
from maestro.core.proving.check_scripts import Reached, reached
from maestro.errors import MaestroError, NotFound
from maestro.worktrees import diffs, tracked_files

_FILE_BYTES = 500_000
_DIFF_BYTES = 5_000_000
_MANIFESTS = frozenset({"pyproject.toml", "package.json", "composer.json", "deno.json", "deno.jsonc"})
_IN_JSON = frozenset({"scripts", "tasks", "test", "jest", "vitest", "mocha", "ava", "jasmine", "tap", "nyc", "c8"})
_IN_PYPROJECT = (
    "pytest", "coverage", "tox", "nox", "hatch", "pdm", "poe", "taskipy", "pixi", "rye", "nose2", "unittest", "behave",
)  # fmt: skip
#: What holds the commands of a program, by which word in a command.
_RECIPES = {
    "makefile": "make", "gnumakefile": "make", "*.mk": "make", "justfile": "just", ".justfile": "just",
    "taskfile.y*ml": "task", "rakefile": "rake", "build.xml": "ant", "tasks.py": "inv(oke)?", "gruntfile.*": "grunt",
    "gulpfile.*": "gulp", "dodo.py": "doit", "sconstruct": "scons",
}  # fmt: skip


def decides_tests(repo: Path, start: str, head: str, path: str) -> bool:
    """Whether a changed file decides which tests run, or how, and says so differently now."""
    if path.rpartition("/")[2] in _MANIFESTS:
        return _test_settings(repo, start, path) != _test_settings(repo, head, path)
    return file_kinds.is_test_configuration(path)


@dataclass(frozen=True)
class Range:
    """What a task changed, and what its checks run as they were before."""

    repo: Path
    start: str
    head: str
    checks: Sequence[str]

    def before(self, path: str) -> str | None:
        """What a file said before; None where there was none, or none that is text of a usual size."""
        return _text(self.repo, self.start, path)

    def after(self, path: str) -> str | None:
        """What a file says now."""
        return _text(self.repo, self.head, path)

    def is_guarded(self, path: str, how: str) -> bool:
        """Whether a changed path has a say in what the checks find."""
        if file_kinds.is_pipeline(path) or decides_tests(self.repo, self.start, self.head, path):
            return True
        recipes = self._recipes(path)
        if recipes is not None:
            return recipes
        if check_settings.tools(path) and check_settings.used(path, self._reached.commands):
            files = partial(tracked_files.list_files, self.repo, self.start)
            if check_settings.differs(path, self.before, self.after, files):
                return True
        if named_files.holds_settings(path) and named_files.of_tests(self.before(path), self.after(path)):
            return True
        if named_files.by_options(path, self._reached.commands) or steering.is_installed(path):
            return True
        if how == "A":  # a new test, a new script
            return steering.steers(path, self.after, lambda: tracked_files.list_files(self.repo, self.start))
        if snapshots.is_snapshot(path):
            before, after = self.before(path), self.after(path)
            return how != "M" or before is None or after is None or not snapshots.only_adds(path, before, after)
        if file_kinds.is_test(path) or (file_kinds.is_check_script(path) and path in self._reached.files):
            return True
        return named_files.by_settings(path, self._settings)

    def with_old_tests(self, path: str) -> str | None:
        """A file of the program with the tests that it held before; None where these are the same."""
        if not path.endswith(inline_tests.ENDINGS):
            return None
        before, after = self.before(path), self.after(path)
        return inline_tests.with_old(path, before, after) if before is not None and after is not None else None

    def knows_of_tests(self, path: str) -> bool:
        """Whether a file of the program knows when it is tested, and did not before."""
        if not test_aware.may(path) or (self._whole_diff is not None and not test_aware.speaks(self._whole_diff)):
            return False
        return test_aware.newly(self.before(path), self.after(path))

    def rigs(self, path: str) -> bool:
        """Whether a file of the program has a say in what tests find of it, and had none before."""
        if not test_aware.is_tested(path) or (self._whole_diff is not None and not rigged.speaks(self._whole_diff)):
            return False
        return rigged.newly(path, self.before(path), self.after(path))

    def emptied(self, path: str) -> bool:
        """Whether a test of a file tests nothing any more."""
        if not file_kinds.is_test_code(path) and not path.endswith(inline_tests.ENDINGS):
            return False
        before, after = self.before(path), self.after(path)
        return before is not None and after is not None and bool(hollow.emptied(path, before, after))

    def _recipes(self, path: str) -> bool | None:
        """Whether a file holds recipes that the checks may run; None where it is no such file."""
        name = path.rpartition("/")[2].lower()
        words = [word for pattern, word in _RECIPES.items() if fnmatch(name, pattern)]
        used = any(re.search(rf"\b({word})\b", command) for word in words for command in self._reached.commands)
        return used if words else None

    @cached_property
    def _whole_diff(self) -> str | None:
        """All that changed as text; None where it is too much to be looked at in one piece."""
        text, cut = diffs.diff_text(self.repo, self.start, self.head, _DIFF_BYTES)
        return None if cut else text

    @cached_property
    def _reached(self) -> Reached:
        return reached(self.checks, self.before)

    @cached_property
    def _settings(self) -> list[str]:
        """What the configuration of tests said before."""
        found = []
        for path in tracked_files.list_files(self.repo, self.start):
            if path.rpartition("/")[2] in _MANIFESTS:
                found.append(json.dumps(_test_settings(self.repo, self.start, path), default=str))
            elif file_kinds.is_test_configuration(path) or named_files.holds_settings(path):
                found.append(self.before(path) or "")
        return found


def _text(repo: Path, commit: str, path: str) -> str | None:
    try:
        return tracked_files.read_file(repo, commit, path, _FILE_BYTES).decode("utf-8", "replace")
    except MaestroError:
        return None


def _test_settings(repo: Path, commit: str, path: str) -> object:
    """What a manifest says about tests; its other parts are nobody's proof."""
    try:
        text = tracked_files.read_file(repo, commit, path, _FILE_BYTES).decode("utf-8", "replace")
        data = tomllib.loads(text) if path.endswith(".toml") else json.loads(text)
    except NotFound:
        return {}
    except ValueError:
        return {"unreadable": commit}
    if not isinstance(data, dict):
        return {}
    if not path.endswith(".toml"):
        return {name: value for name, value in data.items() if name in _IN_JSON}
    tools = data.get("tool", {})
    found = {name: tools[name] for name in _IN_PYPROJECT if name in tools}
    plugins = data.get("project", {}).get("entry-points", {}).get("pytest11")
    return found | ({"plugins": plugins} if plugins else {})
