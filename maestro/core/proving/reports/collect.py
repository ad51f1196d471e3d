"""Which single tests a check ran, and how each ended, where the check can tell.

Its test runners are asked by the environment (``hooking``), wherever scripts start them; what they wrote is read
(``written_reports``, ``worktree_reports``), and what some only print (``printed_reports``, ``tap_reports``).
Nothing here changes what a check means: its command and its exit code are its own. A check that tells nothing
is compared by exit code.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from maestro import untrusted
from maestro.core.proving import hooking
from maestro.core.proving.check_scripts import reached
from maestro.core.proving.launchers import without_launcher
from maestro.core.proving.reports import printed, tap, totals, worktree
from maestro.core.proving.reports import written as written_reports
from maestro.core.proving.reports.merging import agreed, merged
from maestro.core.proving.reports.model import UNCLEAR, TestReport

_SHELL = re.compile(r"[;&|<>`$()\n\\]")
_REFUSED = re.compile(r"unrecognized arguments:.*--junitxml|Failed to load custom Reporter", re.DOTALL)
_JUNIT_LINE = re.compile(r"^-* ?generated xml file: (.*?) ?-*$\n?", re.MULTILINE)
_VITEST_LINE = re.compile(r"^JSON report written to .*\n?", re.MULTILINE)
#: How pnpm, turbo and lerna mark the lines of a package: ``packages/a test: ``, ``@x/a:test: ``, ``@x/a: ``.
_STREAM = re.compile(r"(@?[\w./-]+)(?: test\S*|:test\S*)?: ?")
_ESCAPES = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")

#: Runners that are read from what they print, by what a command that starts them says.
_PRINTED = {
    "unittest": (printed.unittest, re.compile(r"\bunittest\b|\bmanage\.py\b|\bdjango|\bnose2\b|\bstestr\b")),
    "cargo": (printed.libtest, re.compile(r"\bcargo\b(?!.*\bnextest\b)")),
    "nextest": (printed.nextest, re.compile(r"\bnextest\b")),
    "ctest": (printed.ctest, re.compile(r"\bctest\b|\bcmake\b|\bninja\b")),
    "bun": (printed.bun, re.compile(r"\bbun\b")),
    "deno": (printed.deno, re.compile(r"\bdeno\b")),
    "ava": (printed.ava, re.compile(r"\bava\b")),
    "nothing": (printed.nothing, re.compile(r"(?!)")),
    "numbers": (printed.numbers, re.compile(r"\buvu\b|\bdotnet\b|\bmix test\b")),
}

_TAP = re.compile(r"^(?:\S*/)?(tap|tape|qunit|bats|zora|ember)\b", re.MULTILINE)
_MAX_SCRIPT = 1_000_000

#: A report that says other than its runner printed: no test is known to have run.
_NOT_BELIEVED = TestReport({}, 0, 0, 0, complete=False)


@dataclass(frozen=True, slots=True)
class Instrumented:
    """A check made to report single tests: what to run, with what in its environment, where its reports will be."""

    command: str
    env: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    root: Path | None = None
    began: int = 0  # nanoseconds: what is older was not written by this run


def instrument(
    command: str,
    folder: Path,
    root: Path,
    environ: Mapping[str, str] = os.environ,
    shims: Path | None = None,
) -> Instrumented:
    """The same check, asked to report. ``folder`` is an empty, temporary one outside the worktree, which is ``root``.

    ``environ`` is what the check will run with; the variables of the answer replace its own. ``shims``: where programs
    may be put that stay (see ``hooking.environment``); else in ``folder``.
    """
    env = hooking.environment(folder, environ, shims or folder / "shims")
    worktree.clear_of_earlier(root)
    mark = folder / ".began"
    mark.touch()
    return Instrumented(hooking.with_own_path(command, folder), env, folder, root, mark.stat().st_mtime_ns)


def refused(output: str) -> bool:
    """Whether a runner cannot write the report that it was asked for; the check has to run without it then."""
    return _REFUSED.search(output) is not None


def read_report(asked: Instrumented, output: str, *, cut: bool) -> tuple[TestReport | None, str]:
    """What a finished check reported, and its output as it would have been without being asked.

    None where it told of no test, ``UNCLEAR`` where what it told can be understood in two ways.
    """
    junit_files = _JUNIT_LINE.findall(output)
    text = _VITEST_LINE.sub("", _JUNIT_LINE.sub("", output))
    written: dict[str, TestReport] = {}
    if asked.folder is not None and asked.root is not None:
        text = "".join(line for line in text.splitlines(keepends=True) if str(asked.folder) not in line)
        written = written_reports.in_folder(asked.folder, asked.root)
    if len(junit_files) != len(set(junit_files)):
        return UNCLEAR, text  # one pytest wrote over what another had said
    plain = _ESCAPES.sub("", text)
    if asked.root is not None:
        new = worktree.written_since(asked.root, asked.began, asked.command, plain, told=bool(written))
        written |= new
    return _judged(written, _commands(asked), plain, cut=cut), text


def _commands(asked: Instrumented) -> str:
    """The check and all commands that its scripts come to, a line each."""

    def read(path: str) -> str | None:
        try:
            return untrusted.text(root / path, _MAX_SCRIPT, follow=root) if root else None
        except OSError:
            return None

    root = asked.root
    commands = reached([asked.command], read).commands if root else []
    return "\n".join([asked.command, *(" ".join(without_launcher(shlex.split(one))) for one in commands)])


def is_plain(command: str) -> bool:
    """Whether a command is one program and its arguments, so that its exit code is the program's own."""
    try:
        return not _SHELL.search(command) and bool(shlex.split(command))
    except ValueError:
        return False


def _judged(written: dict[str, TestReport], command: str, output: str, *, cut: bool) -> TestReport | None:
    """One report of all that was written and printed."""
    for kind, report in written.items():
        printed = None if cut else totals.passed(kind, output)
        if printed is not None and report.passed > printed:
            return _NOT_BELIEVED
    found = _found(written, command, output, cut=cut)
    if found:
        return merged(found)
    named = []
    for package, text in _streams(output).items():
        if said := _found({}, command, text, cut=cut):
            told = merged(said)
            named.append(replace(told, outcomes={f"{package}::{n}": how for n, how in told.outcomes.items()}))
    return merged(named) if named else None


def _found(written: dict[str, TestReport], command: str, output: str, *, cut: bool) -> list[TestReport]:
    found = dict(written)
    for kind, (parse, named) in _PRINTED.items():
        # Text that looks like a runner's may be what a test of another runner prints.
        if written and kind not in written and not named.search(command):
            continue
        said = parse(output, cut=cut)
        if said is not None:
            found[kind] = agreed(written[kind], said) if kind in written else said
    if "tap" not in written and (not found or _TAP.search(command)) and tap.speaks(output):
        found["tap"] = tap.read(output, cut=cut)
    if "nextest" in found:
        found.pop("cargo", None)  # nextest shows what the harness says of a test that failed
    return list(found.values())


def _streams(output: str) -> dict[str, str]:
    """What each package of a workspace printed, where every line begins with the package's name; else nothing."""
    found: dict[str, list[str]] = {}
    for line in output.splitlines(keepends=True):
        named = _STREAM.match(line)
        if named:
            found.setdefault(named[1], []).append(line[named.end() :])
    return {name: "".join(lines) for name, lines in found.items()}
