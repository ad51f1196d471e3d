"""What says that a check's surroundings are at fault, and which outputs are the same one but for their noise."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core.proving import infrastructure
from maestro.core.proving.reports.model import report_of
from maestro.core.workspaces.run_command import CommandOutcome

SERVICE, PORT, TOOL = "A service that", "A port that", "The version of a tool"
SAID = {
    "No version is set for command node\nConsider adding one of these in your config file\n": (126, TOOL),
    "pyenv: version `3.8.1' is not installed (set by /r/.python-version)\n": (127, TOOL),
    "rbenv: version `2.7.0' is not installed (set by /r/.ruby-version)\n": (1, TOOL),
    "error: toolchain 'nightly-2020' is not installed\n": (1, TOOL),
    "volta error: Node is not available.\n": (1, TOOL),
    "java.lang.UnsupportedClassVersionError: Foo has been compiled by a more recent version\n": (1, TOOL),
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n": (
        1,
        "Docker",
    ),
    "psycopg2.OperationalError: could not connect to server: Connection refused\n": (1, SERVICE),
    "Error: connect ECONNREFUSED 127.0.0.1:5432\n": (1, SERVICE),
    "OSError: [Errno 98] Address already in use\n": (1, PORT),
    "Error: listen EADDRINUSE: address already in use :::3000\n": (1, PORT),
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n": (
        134,
        "There was not enough memory",
    ),
    "Error: ENOSPC: System limit for number of file watchers reached\n": (1, "The system's limit"),
    "dial tcp: lookup proxy.golang.org: no such host\n": (1, "The network"),
    "dial tcp 192.0.2.1:443: connect: network is unreachable\n": (1, "The network"),
    "warning: spurious network error: [6] Couldn't resolve host name\n": (101, "The network"),
    "SSLError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed')\n": (1, "The network"),
}


@pytest.mark.parametrize("output", SAID)
def test_what_a_machine_lacks_is_told(output: str) -> None:
    code, words = SAID[output]
    cause = infrastructure.could_not_run(CommandOutcome(code, 1.0, output, False), None)
    assert cause is not None
    assert cause.reason.startswith(words)
    assert not cause.certain, "the base has the last word"


@pytest.mark.parametrize("output", [o for o, (_, words) in SAID.items() if words in (SERVICE, PORT)])
def test_tests_that_ran_speak_for_themselves(output: str) -> None:
    report = report_of([("test_a", "failed")])
    assert infrastructure.could_not_run(CommandOutcome(1, 1.0, output, False), report) is None


@pytest.mark.parametrize(
    "output",
    ["AssertionError: 4 != 5\n", "ValueError: refused\n", "the connection was closed\n", "error: version 3 is wrong\n"],
)
def test_other_failures_are_the_works(output: str) -> None:
    assert infrastructure.could_not_run(CommandOutcome(1, 1.0, output, False), None) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Run options: --seed 123\n", "Run options: --seed 9\n"),
        ("Randomized with seed 12\n", "Randomized with seed 99999\n"),
        ("Random Seed:   1700000001\n", "Random Seed:   1700000099\n"),
        ("-test.shuffle 17000\n", "-test.shuffle 19\n"),
        ("Using --randomly-seed=123\n", "Using --randomly-seed=9\n"),
        ("Seed:        -1234\n", "Seed:        99\n"),
        ("(node:123) Warning\n", "(node:99) Warning\n"),
        ("==123== ERROR\n", "==99== ERROR\n"),
        ("thread 'main' (123) panicked\n", "thread 'main' (99) panicked\n"),
        ("goroutine 18 [running]\n", "goroutine 22 [running]\n"),
        ("Time: 00:00.012, Memory: 4.00 MB\n", "Time: 00:00.015, Memory: 6.00 MB\n"),
        ("listening on 127.0.0.1:43211\n", "listening on 127.0.0.1:41234\n"),
        ("took 1m 2.3s\n", "took 59.9s\n"),
        ("id 6b1f0c9e-2a7b-4d3a-9a55-0c8d2b8f7e11\n", "id 7b1f0c9e-2a7b-4d3a-9a55-0c8d2b8f7e12\n"),
    ],
)
def test_what_differs_from_run_to_run_is_noise(one: str, other: str) -> None:
    assert infrastructure.says_the_same(one, other, Path("/w"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("expected 4\n", "expected 5\n"),
        ("seeds: 3 apples\n", "seeds: 4 pears\n"),
        ("a.py is missing\n", "b.py is missing\n"),
    ],
)
def test_what_differs_by_its_words_is_none(one: str, other: str) -> None:
    assert not infrastructure.says_the_same(one, other, Path("/w"))
