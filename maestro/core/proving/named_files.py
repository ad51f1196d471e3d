"""Files that steer tests because a check, or the configuration of tests, names them: set-up, settings, reporters."""

from __future__ import annotations

import itertools
import posixpath
import re
import shlex
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch

#: Options whose value is a file that is read, or loaded, before the tests.
_OPTION = re.compile(
    r"-[cfrp]|--(config\S*|conf\S*|require|import|loader|experimental-loader|setup\S*|global\S*|rcfile|rootdir|reporter|runner"
    r"|settings|env-file|file|makefile|include|test-reporter|resolver|environment|ini)"
)
#: Words of a configuration that stand before the files which a runner loads.
_LOADS = (
    r"(?:setup|global|require|environment|resolver|runner|reporter|transform|serializer|loader|import|plugin|bootstrap)"
)
#: Configuration that may be of tests, among other things.
_MAY_HOLD = ("vite.config.*", "phpunit.xml*")
_OF_TESTS = re.compile(r"\btest\s*:|setupFiles|globalSetup|vitest")


def by_options(path: str, commands: Iterable[str]) -> bool:
    """Whether a command loads this file by an option: ``-c my.ini``, ``--require ./prepare``, ``-p plugin``."""
    return any(_is(path, value) for command in commands for value in _values(command))


def by_settings(path: str, settings: Sequence[str]) -> bool:
    """Whether the configuration of tests names this file among what a runner loads."""
    name = posixpath.basename(path)
    stem = name.partition(".")[0]
    if len(stem) < 2:
        return False
    near = re.compile(
        rf"{_LOADS}\w*[\"']?\s*[:=(]?[^\]}}]{{0,400}}?[\"'/\s]([\w./@<>-]*/)?({re.escape(name)}|{re.escape(stem)})[\"'\s,]",
        re.IGNORECASE,
    )
    return any(stem in text and near.search(text) for text in settings)


def holds_settings(path: str) -> bool:
    """Whether a file may say how tests are run, beside what else it says."""
    return any(fnmatch(posixpath.basename(path), pattern) for pattern in _MAY_HOLD)


def of_tests(*texts: str | None) -> bool:
    """Whether texts of such a file say how tests are run."""
    return any(_OF_TESTS.search(text) for text in texts if text)


def _values(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    found = [after for word, after in itertools.pairwise(words) if _OPTION.fullmatch(word)]
    parts = [word.partition("=") for word in words if word.startswith("--") and "=" in word]
    return [value for value in [*found, *(value for name, _, value in parts if _OPTION.fullmatch(name))] if value]


def _is(path: str, value: str) -> bool:
    """Whether a value on a command line may mean a file: by its path, by that without an ending, as a module."""
    if not re.fullmatch(r"[\w./@-]+", value):
        return False
    wanted = posixpath.normpath(value).lstrip("./")
    bare = path.rpartition(".")[0] if "." in posixpath.basename(path) else path
    known = {path, bare, bare.replace("/", ".")}
    return bool(wanted) and any(one == wanted or one.endswith(f"/{wanted}") for one in known)
