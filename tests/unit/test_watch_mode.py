# ruff: noqa: E501 - lists of commands
"""Commands that watch for changes: recognized by what they say last, and the command that ends instead."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from maestro.core.kernel.watch_mode import Watch, is_told_to_watch, says_it_waits, suggestion

VITEST = """
 DEV  v4.0.1 /repo

 ✓ add.test.js (1 test) 2ms

 Test Files  1 passed (1)
      Tests  1 passed (1)

 \x1b[1m\x1b[32m PASS \x1b[39m\x1b[22m Waiting for file changes...
       press \x1b[1mh\x1b[22m to show help, press \x1b[1mq\x1b[22m to quit
"""
JEST = """PASS ./add.test.js
Tests:       1 passed, 1 total

Watch Usage
 › Press f to run only failed tests.
 › Press o to only run tests related to changed files.
 › Press q to quit watch mode.
 › Press Enter to trigger a test run.
"""
JEST_SHORT = "Tests: 1 passed, 1 total\nRan all test suites.\n\nWatch Usage: Press w to show more.\n"
OPEN = """Tests: 1 passed, 1 total
Ran all test suites.
Jest did not exit one second after the test run has completed.

'This usually means that there are asynchronous operations that weren't stopped in your tests.
"""
WAITING = {
    "vitest": VITEST,
    "jest": JEST,
    "jest short": JEST_SHORT,
    "jest nothing changed": "No tests found related to files changed since last commit.\nPress `a` to run all tests\n",
    "jest left open": OPEN,
    "mocha": "  1 passing (2ms)\n\n\u2139 [mocha] waiting for changes...\n",
    "tsc": "12:01:02 AM - Found 0 errors. Watching for file changes.\n",
    "node --watch": "ok\nCompleted running 'test.js'. Waiting for file changes before restarting...\n",
    "node --watch, no terminal": "ok\nCompleted running 'm2.js'\n",
    "nodemon": "[nodemon] clean exit - waiting for changes before restart\n",
    "rollup": "created dist/a.js in 12ms\n\n[2026-11-29 12:00:00] waiting for changes...\n",
    "gradle": "BUILD SUCCESSFUL in 1s\n\nWaiting for changes to input files... (ctrl-d to exit)\n",
    "dotnet": "Passed!\ndotnet watch \u231a Waiting for a file to change before restarting ...\n",
    "deno": "ok | 1 passed\nWatcher Test finished. Restarting on file change...\n",
    "pytest -f": "1 passed in 0.01s\n### waiting for changes ###\n",
    "guard": "INFO - Guard is now watching at '/repo'\n",
    "sbt": "[info] 1. Monitoring source files for a/test...\n[info]    Press <enter> to interrupt or '?' for more options.\n",
    "esbuild": "[watch] build finished, watching for changes...\n",
    "vite": "  VITE v5.0.0  ready in 300 ms\n\n  ➜  Local:   http://localhost:5173/\n  ➜  press h + enter to show help\n",
    "cargo watch": "test result: ok.\n[Finished running. Exit status: 0]\n",
    "watchexec": "1 passed\n[Command was successful]\n",
    "playwright": "1 failed\n\n  Serving HTML report at http://localhost:9323. Press Ctrl+C to quit.\n",
    "gotestsum": "DONE 3 tests\nWatching 3 directories. Use Ctrl-c to to stop a run or exit.\n",
    "sass": "Sass is watching for changes. Press Ctrl-C to stop.\n",
    "ava": "1 test passed\n\nType `r` and press enter to rerun tests\n",
}


@pytest.mark.parametrize("said", WAITING.values(), ids=WAITING.keys())
def test_what_a_watcher_says_last_is_recognized(said: str) -> None:
    assert says_it_waits(said)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "1 passed in 0.01s\n",
        "test_watch.py::test_waits PASSED\ncollected 3 items\n",
        "Watching for file changes.\n" + "compiled a file\n" * 10,  # it went on
        "downloading (40%)\n",
        "Server running at http://localhost:3000/\n",
    ],
)
def test_what_other_commands_say_is_not(said: str) -> None:
    assert not says_it_waits(said)


@pytest.mark.parametrize(
    ("command", "said", "ends"),
    [
        ("npx vitest", VITEST, "npx vitest run"),
        ("vitest --coverage", VITEST, "vitest run --coverage"),
        ("pnpm exec vitest watch", VITEST, "pnpm exec vitest run"),
        ("npm test", VITEST, "npm test -- --run"),
        ("npm run test:unit", VITEST, "npm run test:unit -- --run"),
        ("npm test -- --coverage", VITEST, "npm test -- --coverage --run"),
        ("cd web && npm test && echo ok", VITEST, "cd web && npm test -- --run && echo ok"),
        ("yarn test", VITEST, "yarn test --run"),
        ("npm test", JEST, "npm test -- --watchAll=false"),
        ("yarn test", JEST_SHORT, "yarn test --watchAll=false"),
        ("npx jest --watchAll", JEST, "npx jest"),
        ("npx jest --watch src", JEST, "npx jest src"),
        ("npm test", OPEN, "npm test -- --forceExit"),
        ("npx mocha --watch", WAITING["mocha"], "npx mocha"),
        ("npx tsc -w", WAITING["tsc"], "npx tsc"),
        ("./check.sh", WAITING["nodemon"], None),
        ("npm test", "\n> app@1.0.0 test\n> jest --watchAll\n\nTests: 1 passed\n", "npm test -- --watchAll=false"),
        ("yarn test", "$ jest --watch\nTests: 1 passed\n", "yarn test --watchAll=false"),
    ],
)
def test_a_command_that_ends_is_offered(command: str, said: str, ends: str | None) -> None:
    assert suggestion(command, said) == ends


@pytest.mark.parametrize(
    ("command", "said", "told"),
    [
        ("jest --watchAll", "", True),
        ("npx jest --watch src", "", True),
        ("tsc -w", "", True),
        ("npm test", "\n> app@1.0.0 test\n> jest --watchAll\n", True),
        ("yarn test", "$ mocha -w test\n", True),
        ("npm test", "\n> app@1.0.0 test\n> jest\n", False),
        ("npx jest --watchAll=false", "", False),
        ("npx jest -w 2", "", False),
        ("python -m pytest -k watch", "", False),
        ("./watch.sh", "", False),
    ],
)
def test_a_command_that_is_told_to_watch_needs_no_words(command: str, said: str, told: bool) -> None:
    assert is_told_to_watch(command, said) is told


@pytest.fixture
def clock() -> Iterator[int]:
    return count(step=3)


def _looks(watch: Watch, outputs: list[str]) -> list[bool]:
    return [watch.is_watching(len(output), lambda output=output: output) for output in outputs]  # type: ignore[misc]


def test_it_takes_the_words_and_a_while_of_nothing(clock: Iterator[int], monkeypatch: pytest.MonkeyPatch) -> None:
    used = [0.0]
    monkeypatch.setattr("maestro.core.kernel.watch_mode.processor_seconds", lambda _pid: used[0])
    watch = Watch(1, now=lambda: float(next(clock)))
    assert _looks(watch, ["1 passed\n"] * 6) == [False] * 6  # silent, but it does not say that it waits
    assert _looks(watch, [VITEST] * 3) == [False] * 3
    used[0] += 5.0
    assert _looks(watch, [VITEST]) == [False]  # it says so, but something works
    assert _looks(watch, [VITEST] * 3) == [False, False, True]


def test_one_that_was_told_to_watch_and_says_nothing_gets_a_while_more(
    clock: Iterator[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maestro.core.kernel.watch_mode.processor_seconds", lambda _pid: 0.0)
    watch = Watch(1, "jest --watchAll", now=lambda: float(next(clock)))
    assert _looks(watch, ["Tests: 1 passed\n"] * 7) == [*[False] * 6, True]


@pytest.mark.parametrize(
    "command",
    [
        "vitest dev", "pnpm vitest watch", "cargo watch -x test", "ptw", "pytest -f", "nodemon test.js", "watchexec pytest",
        "find . | entr -r pytest", "gradle -t test", "./gradlew test --continuous", "sbt ~test", "dotnet watch test", "mix test.watch",
        "bacon test", "turbo watch test", "tsx watch a.ts", "npm run test:watch", "yarn watch", "pnpm run watch:unit", "karma start",
        "npx playwright test --ui", "cypress open", "rollup -cw", "make watch", "mocha -w", "node --test --watch", "tsc -w",
    ],
)  # fmt: skip
def test_a_silent_watcher_is_told_by_its_command(command: str) -> None:
    assert is_told_to_watch(command)


@pytest.mark.parametrize(
    "command",
    [
        "vitest run", "jest --watch=false", "npm test -- --watchAll=false", "karma start --single-run", "pytest tests/test_watch.py",
        "go test ./watch/...", "pytest -k watch", "grep -w foo a", "gradle test", "cargo test watch", "make test", "pytest -vf.ini",
        "npm run watchdog-test", "npx playwright test", "python repair.py",
    ],
)  # fmt: skip
def test_other_commands_are_none(command: str) -> None:
    assert not is_told_to_watch(command)
