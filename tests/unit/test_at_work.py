"""A program that waits takes no processor time; whether it waits for something is told by the bytes that it moves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from maestro.core.guards.at_work import Traffic, traffic

#: Says so when it runs; moves as many bytes as it is told at each line that it hears, and says so.
_TOOL = """
import sys
print(0, flush=True)
for line in sys.stdin:
    with open(sys.argv[1], "a") as out:
        out.write("x" * int(line))
    print(line, flush=True)
"""
#: What stands between a worker and its tools.
_AGENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


@contextmanager
def _worker(path: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    arguments = [sys.executable, "-c", _AGENT, _AGENT, _TOOL, str(path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid, process
        assert process.stdin is not None
        process.stdin.close()


def _move(process: subprocess.Popen[str], count: int) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{count}\n")
    process.stdin.flush()
    process.stdout.readline()
    process.stdout.readline()


@pytest.mark.parametrize(("count", "moved"), [(9000, True), (10, False)])
def test_a_tool_that_moves_bytes_is_at_work(tmp_path: Path, count: int, moved: bool) -> None:
    with _worker(tmp_path / "out") as (pid, process):
        before = traffic(pid, of_tools=True)
        assert len(before.bytes) == 1, "the agent itself is no tool"
        _move(process, count)
        assert traffic(pid, of_tools=True).moved_since(before) == moved
        assert len(traffic(pid, of_tools=False).bytes) == 2


def test_programs_that_come_and_go_and_those_that_are_gone_say_nothing() -> None:
    assert not Traffic({(1, 1.0): 10**9}).moved_since(Traffic({(2, 1.0): 0}))
    assert not Traffic({(1, 2.0): 10**9}).moved_since(Traffic({(1, 1.0): 0})), "another program of the same pid"
    assert traffic(2**30, of_tools=True) == Traffic()


def test_a_loop_that_starts_one_program_after_another_moves_nothing(tmp_path: Path) -> None:
    loop = "while read line; do cat /bin/sh > /dev/null; echo $line; done"
    with subprocess.Popen(
        [sys.executable, "-c", _AGENT, f"import subprocess; subprocess.run(['sh', '-c', {loop!r}])"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None

        def turn() -> None:
            process.stdin.write("on\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            process.stdout.readline()  # type: ignore[union-attr]

        turn()
        before = traffic(process.pid, of_tools=True)
        turn()
        after = traffic(process.pid, of_tools=True)
        assert before.bytes, "the loop is seen"
        assert not after.moved_since(before)
        process.stdin.close()
