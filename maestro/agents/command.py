"""Any command-line program as an agent: it gets a prompt, works in the worktree, and ends.

The prompt goes to its standard input, or replaces the argument ``{prompt}``. What it prints becomes log
lines. Such a program decides by itself what it does; Maestro cannot ask the user in between, so the mode
that promises to ask is refused; sandboxed, it runs confined as checks do.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

import psutil

from maestro.agents import confined
from maestro.agents.base import AgentLink, AgentResult, AgentSpec, FailureKind
from maestro.confinement import probing
from maestro.stopwatch import Stopwatch

_PLACEHOLDER = "{prompt}"
_CHUNK = 64 * 1024
#: A longer line is logged in pieces, so that a program that never ends its line cannot fill the memory.
_LINE_LIMIT = 32 * 1024
#: Of each of its two outputs so much of the beginning is logged as it comes, and so much of the end, in bytes.
_FIRST = 4 * 1024 * 1024
_LAST = 1024 * 1024
_LAST_LINES = 5_000
#: What a line costs besides its letters: many short ones are as much.
_LINE_BYTES = 200
#: While it prints what is left out, the log says so at times: a worker that is silent would be taken for stuck.
_STILL_S = 30.0
#: How long a program has to end after SIGTERM, and its pipes to run dry after its end.
_GRACE_S = 3.0
_DRAIN_S = 1.0
#: How often the time limit is looked at.
_TICK_S = 0.5


class Command:
    """The adapter; see ``maestro.agents.base.AgentAdapter``."""

    name = "command"
    hears = False

    async def run(self, spec: AgentSpec, link: AgentLink) -> AgentResult:
        """Run the program once. Exit code 0 is success."""
        if not spec.command:
            return _failed("missing", "No command is given for this agent. Set `command` in the agent's settings.")
        if spec.permission_mode == "ask":
            words = "The mode `ask` is not supported for a plain command. Choose `sandboxed`, `edits` or `bypass`."
            return _failed("missing", words)
        if spec.permission_mode == "sandboxed" and (spec.confinement is None or not probing.available().works):
            return _failed(
                "missing", f"The mode `sandboxed` is not available here. {probing.available().words}".strip()
            )

        def refused(host: str) -> None:
            link.log(
                "system", f"{host} was refused. Add it to `network_hosts` to let this agent reach it.", level="warn"
            )

        with confined.wrapping(spec, refused) as wrap:
            return await self._run(spec, link, wrap)

    async def _run(self, spec: AgentSpec, link: AgentLink, wrap: Callable[[Sequence[str]], list[str]]) -> AgentResult:
        arguments, stdin = _with_prompt(spec)
        link.log("system", "Maestro cannot approve what this agent does; it checks the result.")
        try:
            process = await asyncio.create_subprocess_exec(
                *wrap(arguments),
                cwd=spec.worktree,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except (OSError, ValueError) as error:
            return _failed("missing", f"`{arguments[0]}` cannot be started: {error}")
        return await _follow(process, stdin, spec, link)


async def _follow(process: asyncio.subprocess.Process, stdin: bytes, spec: AgentSpec, link: AgentLink) -> AgentResult:
    last = {"text": "", "system": ""}

    def take(kind: str, level: str) -> Callable[[str], None]:
        def line(text: str) -> None:
            if text.strip():
                last[kind] = text.strip()
                link.log(kind, text, level=level)

        return line

    assert process.stdout is not None
    assert process.stderr is not None
    pipes = [
        asyncio.create_task(_feed(process, stdin)),
        asyncio.create_task(_lines(process.stdout, take("text", "info"), link)),
        asyncio.create_task(_lines(process.stderr, take("system", "warn"), link)),
    ]
    exiting = asyncio.create_task(_exit(process))
    stopping = asyncio.create_task(link.stop_requested())
    out_of_time = asyncio.create_task(_used_up(spec.task_timeout_s))
    try:
        await asyncio.wait({exiting, stopping, out_of_time}, return_when=asyncio.FIRST_COMPLETED)
        if exiting.done():
            await asyncio.wait(pipes, timeout=_DRAIN_S)
            return _outcome(exiting.result(), spec.command[0], last)
        await _end_tree(process)
        reason = (
            stopping.result() if stopping.done() else f"The time limit of {spec.task_timeout_s:.0f} seconds is reached."
        )
        return AgentResult(outcome="interrupted", message=reason, failure=None if stopping.done() else "time")
    finally:
        for task in (*pipes, exiting, stopping, out_of_time):
            task.cancel()
        await asyncio.gather(*pipes, exiting, stopping, out_of_time, return_exceptions=True)
        process._transport.close()  # type: ignore[attr-defined]  # else it waits for pipes that a grandchild holds


def _outcome(exit_code: int, program: str, last: dict[str, str]) -> AgentResult:
    if exit_code == 0:
        return AgentResult(outcome="success", message=last["text"], turns=1)
    if exit_code == -9:
        return AgentResult(outcome="interrupted", message=f"`{program}` was killed.")
    said = last["system"] or last["text"]
    return _failed("agent", f"`{program}` ended with exit code {exit_code}{': ' + said[:500] if said else ''}")


def _failed(kind: FailureKind, message: str) -> AgentResult:
    return AgentResult(outcome="failed", failure=kind, message=message)


def _with_prompt(spec: AgentSpec) -> tuple[list[str], bytes]:
    """The arguments, and what goes to standard input."""
    prompt = f"{spec.system_append}\n\n{spec.prompt}" if spec.system_append else spec.prompt
    if _PLACEHOLDER not in spec.command:
        return spec.command, prompt.encode("utf-8", "replace")
    # With a blank in front, a prompt that starts with a dash cannot be read as an option.
    argument = (" " + prompt if prompt.startswith("-") else prompt).replace("\0", "")
    return [argument if part == _PLACEHOLDER else part for part in spec.command], b""


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _lines(stream: asyncio.StreamReader, take: Callable[[str], None], link: AgentLink) -> None:
    """Hand on whole lines of any length; bytes that are no UTF-8 are replaced. Of a flood the first part and the last."""
    rest, left = b"", _FIRST
    while left > 0 and (chunk := await stream.read(min(_CHUNK, left))):
        left -= len(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        left -= len(lines) * _LINE_BYTES
        for line in lines:
            take(line.decode("utf-8", "replace").rstrip("\r"))
        if len(rest) > _LINE_LIMIT:
            take(rest.decode("utf-8", "replace"))
            rest = b""
    if rest:
        take(rest.decode("utf-8", "replace"))
    if left <= 0:
        await _last_part(stream, take, link)


async def _last_part(stream: asyncio.StreamReader, take: Callable[[str], None], link: AgentLink) -> None:
    """Read to the end, and hand on the last part of it; what it was cut from is told."""
    kept, out, said = bytearray(), 0, time.monotonic()
    try:
        while chunk := await stream.read(_CHUNK):
            kept += chunk
            if len(kept) > 2 * _LAST:
                out += len(kept) - _LAST
                del kept[:-_LAST]
            if time.monotonic() - said > _STILL_S:
                said = time.monotonic()
                link.log("system", f"Still printing: {_megabytes(_FIRST + out + len(kept))} so far.")
    finally:  # also when it is not waited for any longer
        data = bytes(kept[-_LAST:])
        lines = [line for line in data.split(b"\n") if line.strip()]
        out += len(kept) - len(data) + sum(len(line) + 1 for line in lines[:-_LAST_LINES])
        lines = lines[-_LAST_LINES:]
        if out:
            link.log("system", f"About {_megabytes(out)} of its output is left out here.", level="warn")
        for line in lines:
            for start in range(0, len(line), _LINE_LIMIT):
                take(line[start : start + _LINE_LIMIT].decode("utf-8", "replace").rstrip("\r"))


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:,.1f} MB"


async def _used_up(seconds: float | None) -> None:
    """Return when so much time was spent at work; a pause and a machine that sleeps do not count. None: never."""
    stopwatch = Stopwatch(_TICK_S * 2)
    while seconds is None or (left := seconds - stopwatch.elapsed()) > 0:
        await asyncio.sleep(_TICK_S if seconds is None else min(_TICK_S, left))


async def _exit(process: asyncio.subprocess.Process) -> int:
    """The exit code as soon as there is one: ``process.wait()`` waits for pipes that a grandchild may hold."""
    while process.returncode is None:
        await asyncio.sleep(0.05)
    return process.returncode


async def _end_tree(process: asyncio.subprocess.Process) -> None:
    """Ask the program and all it started to end, then make them."""
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(process.pid)
        tree = [*parent.children(recursive=True), parent]
        for one in tree:
            with contextlib.suppress(psutil.Error):
                one.terminate()
        _gone, alive = await asyncio.to_thread(psutil.wait_procs, tree[:-1], _GRACE_S)
        for one in (*alive, parent):
            with contextlib.suppress(psutil.Error):
                one.kill()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_exit(process), _GRACE_S)
