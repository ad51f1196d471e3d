"""Single tests of jest and vitest: asked for their JSON report beside what they print."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MAX_BYTES = 64_000_000
_SCRIPT = re.compile(r"(npm|pnpm|yarn)( run)? (test|t)")
_ASKED_ALREADY = re.compile(r"--(json|outputFile|reporter|reporters|watch|watchAll|ui)\b")
_ADDED_LINE = re.compile(r"^(Test results written to: |JSON report written to ).*\n?", re.MULTILINE)
_WORDS = {"passed": "passed", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class JsonReport:
    """Where a runner writes its report, and the folder that its paths are told from."""

    path: Path
    root: Path


def ask(words: list[str], command: str, aside: Path, root: Path, cwd: Path) -> tuple[str, JsonReport] | None:
    """The same command, asked for a report; None where it is not plainly jest or vitest.

    ``words`` are its words without assignments before them; ``cwd`` is where it runs, below ``root``.
    """
    runner, joint = runner_of(words, cwd)
    name = runner[0].rpartition("/")[2] if runner else ""
    if name not in {"jest", "vitest"} or _ASKED_ALREADY.search(" ".join([*runner, command])):
        return None
    report = JsonReport(aside / "report.json", root)
    to = shlex.quote(str(report.path))
    if name == "jest":
        return f"{command}{joint}--json --outputFile={to}", report
    if len(runner) > 1 and not runner[1].startswith("-") and runner[1] != "run":
        return None  # vitest watch, bench, list…
    return f"{command}{joint}--reporter=default --reporter=json --outputFile.json={to}", report


def runner_of(words: list[str], folder: Path) -> tuple[list[str], str]:
    """The words of the test runner that a plain command starts, and what stands before options handed to it.

    A package's test script is looked up in ``folder``; no words where it is not plain itself.
    """
    if not _SCRIPT.fullmatch(" ".join(words)):
        return _without_launcher(words), " "
    script = _test_script(folder) or ""
    try:
        runner = [] if re.search(r"[;&|<>`$()\\]", script) else shlex.split(script)
    except ValueError:
        runner = []
    while runner and "=" in runner[0].partition("/")[0]:
        runner = runner[1:]
    return runner, " -- " if words[0] == "npm" else " "


def read(report: JsonReport, not_loaded: str) -> list[tuple[str, str]] | None:
    """(test id, outcome) of a report; a file of tests that could not be loaded is named with ``not_loaded``."""
    try:
        if report.path.stat().st_size > _MAX_BYTES:
            return None
        data = json.loads(report.path.read_bytes())
        return list(_tests(data["testResults"], report.root.resolve(), not_loaded))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def without_notice(output: str) -> str:
    """What a runner printed, without its word about the report."""
    return _ADDED_LINE.sub("", output)


def _tests(files: list[dict[str, object]], root: Path, not_loaded: str) -> Iterator[tuple[str, str]]:
    for entry in files:
        path = Path(str(entry["name"])).resolve()
        name = str(path.relative_to(root)) if path.is_relative_to(root) else path.name
        tests = entry.get("assertionResults")
        if not tests and entry.get("status") == "failed":
            yield f"{not_loaded}{name}", "failed"
        for test in tests if isinstance(tests, list) else []:
            yield f"{name}::{test['fullName']}", _WORDS.get(str(test.get("status")), "skipped")


def _without_launcher(words: list[str]) -> list[str]:
    """``npx jest``, ``pnpm exec vitest``, ``yarn jest``: what they start."""
    if words[:1] in (["npx"], ["bunx"]):
        rest = words[1:]
        return rest[1:] if rest[:1] in (["--no-install"], ["--no"], ["-y"], ["--yes"]) else rest
    if words[:2] in (["pnpm", "exec"], ["npm", "exec"], ["yarn", "exec"]):
        # npm keeps options for itself unless "--" stands before them.
        return [] if words[0] == "npm" else words[2:]
    return words[1:] if words[:1] in (["yarn"], ["pnpm"]) else words


def _test_script(root: Path) -> str | None:
    try:
        script = json.loads((root / "package.json").read_bytes())["scripts"]["test"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return script if isinstance(script, str) else None
