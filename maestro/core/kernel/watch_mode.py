"""Recognizing commands that watch for changes and never end, and the command that does end.

Two signs together: the last thing said is what a watcher says when it waits, and then nothing more is printed while
nothing of what was started uses the processor. A long silent test has not said that; a busy one is not idle.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

#: How long nothing may happen after such words, in seconds.
IDLE_S = 8.0
#: Processor seconds of all that runs, within that time, that still count as nothing: watchers poll.
_BUSY_S = 0.8
_LOOK_EVERY_S = 1.0
_TAIL = 2_000
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_])")

#: Said by a tool that waits for a file to change or a key to be pressed, with the tool.
_WAITING = re.compile(
    r"waiting for (?:file )?changes"  # vitest, node --watch, nodemon, mocha, rollup, gradle, pytest -f, air
    r"|(?:completed|failed) running '[^'\n]*'\Z"  # node --watch, without a terminal
    r"|watching for (?:file )?changes|watching files for changes|watch(?:ing)? mode(?: is)? enabled"
    r"|press h to show help, press q to quit"  # vitest
    r"|watch usage\b.*press w to show more|press `?(?:a|f)`? to (?:run all tests|run only failed tests)|press w to show more"
    r"|no tests found related to files changed since last commit"  # jest
    r"|waiting for a file to change"  # dotnet watch
    r"|restarting on file change|watcher process (?:finished|started)"  # deno
    r"|is now watching at|press <?(?:enter|return)>? to (?:interrupt|restart|run)|ready in watch mode"  # guard, sbt, tsx
    r"|type `?[a-z]`? (?:followed by|and press) enter|\[watch\] build finished"  # ava, esbuild
    r"|press h \+ enter to show help"
    r"|\[finished running\. exit status: \d+\]|\[command (?:was successful|exited with \d+)\]"
    r"|serving html report at|watching \d+ (?:files|paths|director)|watching .{1,200} for changes|started watching",
    re.IGNORECASE | re.DOTALL,
)
#: Programs, and parts of programs, that run something whenever files change: told by their names.
_WATCHERS = re.compile(
    r"(?:^|[\s/])(?:ptw|pytest-watch(?:er)?|nodemon|watchexec|entr|bacon|ts-node-dev|air|guard)(?=\s|$)|\b(?:pytest|py\.test)\b.*\s-f\b"
    r"|\bvitest (?:watch|dev)\b|\b(?:cargo|dotnet|turbo|nx|parcel|tsx|deno task) watch\b|\bmix test\.watch\b|\bsbt\b.*~"
    r"|\bgradlew?\b.*\s(?:-t|--continuous)\b|\bmocha\b.*\s-w\b|\bkarma start\b(?!.*--single-run)|\bplaywright test\b.*\s--ui\b"
    r"|\b(?:npm|pnpm|yarn|bun)(?: run)? (?:\S+:)?watch(?::\S+)?(?=\s|$)|\bmake (?:\S+ )*watch\b|\bcypress open\b"
    r"|\brollup\b.*\s-\w*w\b"
)
#: Said by a runner that is done and cannot leave, since the tests left something open.
_LEFT_OPEN = re.compile(
    r"jest did not exit one second after the test run has completed"
    r"|(?:close timed out after|tests closed successfully but something prevents)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Watch:
    """Looks at a command that runs: ``look`` with the end of its output, as often as one likes."""

    pid: int
    command: str = ""
    now: Callable[[], float] = time.monotonic
    idle_s: float = field(default_factory=lambda: IDLE_S)
    _size: int = -1
    _since: float = 0.0
    _used: float = 0.0
    _next: float = 0.0

    def due(self) -> bool:
        """Whether it is worth while to read the end of the output again."""
        return self.now() >= self._next

    def is_watching(self, size: int, tail: Callable[[], str]) -> bool:
        """Whether the command waits for changes. ``size`` of its output in bytes, ``tail`` reads its beginning and end."""
        now = self.now()
        self._next = now + _LOOK_EVERY_S
        if size != self._size:
            self._size, self._since, self._used = size, now, processor_seconds(self.pid)
            return False
        silent = now - self._since
        if silent < self.idle_s:
            return False
        said = tail()
        # Without a terminal some watchers say nothing when they wait (jest): then it counts that they were told to.
        if not says_it_waits(said) and (silent < 2 * self.idle_s or not is_told_to_watch(self.command, said)):
            return False
        used = processor_seconds(self.pid)
        if used - self._used > _BUSY_S:
            self._since, self._used = now, used
            return False
        return True


def says_it_waits(output: str) -> bool:
    """Whether the end of an output is what a watcher says before it waits."""
    end = _ESCAPE.sub("", output)[-_TAIL:].strip()
    last = "\n".join([line for line in end.splitlines() if line.strip()][-6:])
    return bool(_WAITING.search(last) or _LEFT_OPEN.search(last))


def is_told_to_watch(command: str, output: str = "") -> bool:
    """Whether a command, or the script that a package manager says it runs, is a watcher or has an option to watch."""
    lines = _SCRIPT_LINE.findall(_ESCAPE.sub("", output))
    return any(_without_flag(line) != line.strip() or _WATCHERS.search(line) for line in [command, *lines])


def processor_seconds(pid: int) -> float:
    """What a process and all below it have used so far."""
    used = 0.0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return used
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        used += times.user + times.system
    return used


def reason(output: str) -> str:
    """Why the command was ended, as a sentence."""
    if _LEFT_OPEN.search(_ESCAPE.sub("", output)[-_TAIL:]):
        return "Its tests ended, but something they opened keeps it running."
    return "It entered watch mode: it waits for changes and never ends."


def suggestion(command: str, output: str) -> str | None:
    """The command that would end by itself; None where only the user can know."""
    text = _ESCAPE.sub("", output)
    plain = _without_flag(command)
    if _LEFT_OPEN.search(text[-_TAIL:]):
        return _with_argument(command, "--forceExit") if "jest did not exit" in text.lower() else None
    if plain != command:
        return plain
    said = text[-_TAIL:].lower()
    if "press h to show help" in said or re.search(r"\bvitest\b|\bDEV\b +v\d", command + text[:_TAIL]):
        if re.search(r"\bvitest\b(?! +(?:run|related|bench|list))", command):
            return re.sub(r"\bvitest(?: +(?:watch|dev))?\b", "vitest run", command, count=1)
        return _with_argument(command, "--run")
    if any(re.search(r"\bjest\b", line) for line in _SCRIPT_LINE.findall(text)):
        return _with_argument(command, "--watchAll=false")
    if (
        "watch usage" in said
        or "to run all tests" in said
        or "related to files changed" in said
        or "press w to" in said
    ):
        return _with_argument(command, "--watchAll=false")
    if re.search(r"\btsc\b", command) or "found 0 errors. watching" in said:
        return _with_argument(command, "--watch false")
    if re.search(r"\b(?:mocha|ava|karma|rollup|jest|eslint)\b", command):
        return _with_argument(command, "--watch=false")
    return None


#: How npm, pnpm, yarn and bun say which script they run.
_SCRIPT_LINE = re.compile(r"^(?:>|\$) (?!\S+@)(.+)$", re.MULTILINE)
_FLAG = re.compile(
    r"\s+(?:--watch(?:All|-all)?(?:=true)?|--looponfail|--continuous(?=\s|$)|--watch-(?:files|path|extensions)(?:=|\s+)\S+)(?=\s|$)"
)
_SCRIPT = re.compile(
    r"(?P<call>\b(?P<tool>npm|pnpm|yarn|bun)\s+(?:--?[\w-]+(?:=\S+)?\s+)*(?:run\s+|run-script\s+)?[\w:.-]+)(?P<rest>[^&|;]*)"
)


#: Of these ``-w`` means to watch (of jest, how many workers).
_SHORT_FLAG = re.compile(r"(\b(?:tsc|mocha|rollup|ava)\b[^&|;]*?)\s+-w(?=\s|$)")


def _without_flag(command: str) -> str:
    return _SHORT_FLAG.sub(r"\1", _FLAG.sub("", command)).strip()


def _with_argument(command: str, argument: str) -> str | None:
    """The command with a further argument for the tool behind it; None where it is not plain which one that is."""
    script = _SCRIPT.search(command)
    if script is None:
        return None if re.search(r"[&|;]", command) else f"{command} {argument}"
    rest = script["rest"].rstrip()
    between = " -- " if script["tool"] == "npm" and " -- " not in f"{rest} " else " "
    end = script.end("call") + len(rest)
    return f"{command[:end]}{between}{argument}{command[end:]}"
