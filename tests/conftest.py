"""Every test runs as on a machine where Maestro, Claude Code and git have never been set up (see ``tests.machine``).

This happens when pytest loads this file, before any test module or Maestro itself is imported: what a developer's shell
holds (keys, a logged-in Claude Code, git identities and hooks, proxies) must neither help a test nor be touched by one.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import Engine
from sqlalchemy.util import LRUCache

from tests import machine, users_python

_HOME = machine.isolate()

from maestro.settings import Settings  # noqa: E402 - only now: the environment is a test's

#: Tests work in repositories of their own. The question of trust has tests of its own, which say ``trust="ask"``.
Settings.model_fields["trust"].default = "all"
Settings.model_rebuild(force=True)
os.environ["MAESTRO_TRUST"] = "all"  # of the processes that tests start

from maestro.db import session as database  # noqa: E402


def _one_memory_of_statements(make: Callable[..., Engine]) -> Callable[..., Engine]:
    """Engines for the same kind of database compile each statement once: every test opens a database, with three engines."""
    first: dict[str, Engine] = {}
    compiled = LRUCache(4000)

    def made(url: str, **options: Any) -> Engine:
        engine = make(url, **options)
        engine.dialect = first.setdefault(url.partition(":")[0], engine).dialect
        return engine.execution_options(compiled_cache=compiled)

    return made


database.create_engine = _one_memory_of_statements(database.create_engine)

settings.register_profile("local", deadline=None)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name a failed test at once: a run that is stopped from outside never comes to its summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\nFAILED {report.nodeid} ({report.when}, {report.duration:.0f} s)", file=sys.__stderr__, flush=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the temporary HOME away again."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _nobody_signs_in_for_the_next_test() -> Iterator[None]:
    """A login of Claude Code in the HOME that tests share would answer for the tests that come after."""
    yield
    assert not (_HOME / ".claude/.credentials.json").exists(), "sign in below a HOME of the test's own"


@pytest.fixture(autouse=True)
def _no_check_compiles_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder for a worktree's compiled modules begins with those that each Python program needs."""
    from maestro.core.workspaces import bytecode

    ready = bytecode.ready

    def begun(rt: Any, session_id: str, worktree: Path) -> Path:
        prefix = ready(rt, session_id, worktree)
        if not prefix.exists():
            users_python.put_compiled(prefix)
        return prefix

    monkeypatch.setattr(bytecode, "ready", begun)


@pytest.fixture(autouse=True)
def _no_git_inside_a_write(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever holds a repository's lock may wait for the writer's; in the other order both wait for ever."""
    from maestro.db.session import Database
    from maestro.worktrees import git

    here, found = threading.local(), list[str]()
    write, start = Database.write, git._start

    @contextmanager
    def watched(self: Database, **more: Any) -> Iterator[Any]:
        with write(self, **more) as tx:
            here.depth = getattr(here, "depth", 0) + 1
            try:
                yield tx
            finally:
                here.depth -= 1

    def asked(repo: Path, args: tuple[str, ...], *more: Any) -> Any:
        if getattr(here, "depth", 0):
            found.append(f"git {' '.join(args)}")
        return start(repo, args, *more)

    monkeypatch.setattr(Database, "write", watched)
    monkeypatch.setattr(git, "_start", asked)
    yield
    assert not found, f"called inside a write transaction: {found}"


@pytest.fixture(autouse=True)
def _no_task_leaves_its_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A move that the table of ``task_states`` does not have is logged where users work; here it fails the test.

    Not by its error alone: much of what moves tasks runs in the background, where errors are caught and tried again.
    """
    from maestro.core.kernel import task_states

    found: list[str] = []

    class Seen(task_states.IllegalMove):
        def __init__(self, words: str) -> None:
            super().__init__(words)
            found.append(words)

    monkeypatch.setattr(task_states, "strict", True)
    monkeypatch.setattr(task_states, "IllegalMove", Seen)
    yield
    assert not found, found
