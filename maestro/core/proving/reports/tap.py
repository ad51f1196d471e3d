"""Single tests of whatever speaks TAP: node-tap, tape, QUnit, bats, prove, ember…"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from maestro.core.proving.reports.model import TestReport, report_of

_POINT = re.compile(r"^(not )?ok\b(?: (\d+))?(?: -)?(?: ?(.*?))??(?:\s+#\s*(skip|todo)\b.*)?(?:\s*\{)?$", re.IGNORECASE)
_PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*(skip)\b.*)?", re.IGNORECASE)
_TIME = re.compile(r"\s+(# ?time=[\d.]+m?s|# \([\d.]+ ?m?s\)|in \d+ ?(ms|sec)|\([\d.]+ ?m?s\))$")
_COMMENT = re.compile(
    r"^# (?!(?:tests|pass|fail|ok|suites|cancelled|skipped|skip|todo|duration_ms|time|failed)\b)(.+)$"
)
_SKIPPED = re.compile(r"^# SKIP (.+)$")
_TAPE = re.compile(r"^# tests +\d+\n# pass", re.MULTILINE)
_START = re.compile(r"^(TAP version 1[34]|1\.\.\d+)\s*$", re.MULTILINE)


@dataclass(slots=True)
class _Level:
    """Test points that stand at one depth, until the point that closes them."""

    points: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)  # name, outcome, its subtests
    plan: int | None = None
    group: str = ""  # tape says with a comment which test the next points belong to


def speaks(output: str) -> bool:
    """Whether an output is TAP, at least in part."""
    return _START.search(output) is not None and re.search(r"^(not )?ok\b", output, re.MULTILINE) is not None


def read(output: str, before: str = "", *, cut: bool = False) -> TestReport:
    """The tests of an output: a subtest whose points have none below them is a test, else each point is.

    ``before`` stands before each name. Complete where every plan is kept.
    """
    stack: dict[int, _Level] = {}
    pairs: list[tuple[str, str]] = []
    tape = _TAPE.search(output) is not None
    whole, waiting = not cut, None
    for line in output.splitlines():
        words = line.lstrip(" ")
        depth = len(line) - len(words)
        if waiting is not None:  # a YAML block says more about the point above it
            waiting = None if words.strip() == "..." and depth == waiting else waiting
            continue
        if words.strip() == "---":
            waiting = depth
            continue
        if tape and depth == 0 and words.startswith("# "):
            _comment(words.rstrip(), stack, pairs)
        whole = _take(words.rstrip(), depth, stack, pairs) and whole
    for depth in sorted(stack, reverse=True):
        whole = _close(stack, depth, pairs, last=depth == min(stack)) and whole
    seen: Counter[str] = Counter()
    named = []
    for name, outcome in pairs:
        seen[name] += 1
        named.append((f"{before}{name}" if seen[name] == 1 else f"{before}{name} ({seen[name]})", outcome))
    return report_of(named, complete=whole)


def _take(words: str, depth: int, stack: dict[int, _Level], pairs: list[tuple[str, str]]) -> bool:
    point, plan = _POINT.match(words), _PLAN.match(words)
    if words.startswith("Bail out!"):
        return False
    if plan:
        level = stack.setdefault(depth, _Level())
        if level.plan is not None and depth == 0:
            stack.pop(depth)
            _end(level, pairs)
            level = stack.setdefault(depth, _Level())
        level.plan = int(plan[1])
        if plan[2]:
            pairs.append(("all", "skipped"))
        return True
    return _point(point, depth, stack) if point else True


def _comment(words: str, stack: dict[int, _Level], pairs: list[tuple[str, str]]) -> None:
    if skipped := _SKIPPED.match(words):
        pairs.append((skipped[1], "skipped"))
    elif comment := _COMMENT.match(words):
        stack.setdefault(0, _Level()).group = comment[1]


def _point(point: re.Match[str], depth: int, stack: dict[int, _Level]) -> bool:
    level = stack.setdefault(depth, _Level())
    name = _TIME.sub("", (point[3] or "").strip()) or (f"test {point[2]}" if point[2] else "test")
    outcome = "skipped" if point[4] else "failed" if point[1] else "passed"
    below, whole = [deeper for deeper in stack if deeper > depth], True
    inner: list[tuple[str, str]] = []
    for deeper in sorted(below, reverse=True):
        child = stack.pop(deeper)
        whole = whole and (child.plan is None or child.plan == len(child.points))
        if deeper == min(below):
            # A test of node:test or node-tap holds assertions; a file or a group holds tests.
            inner = [(f"{name} > {n}", o) for n, o in _flat(child)] if any(p[2] for p in child.points) else []
            if outcome == "failed" and not any(o == "failed" for _, o in inner):
                inner = [*inner, (name, outcome)]
            inner = inner or ([(name, outcome)] if child.points else [])
    full = f"{level.group} > {name}" if level.group and not below else name
    level.points.append((full, outcome, inner))
    return whole


def _flat(level: _Level) -> list[tuple[str, str]]:
    return [pair for name, outcome, inner in level.points for pair in (inner or [(name, outcome)])]


def _end(level: _Level, pairs: list[tuple[str, str]]) -> bool:
    pairs += _flat(level)
    return level.plan is not None and level.plan == len(level.points)


def _close(stack: dict[int, _Level], depth: int, pairs: list[tuple[str, str]], *, last: bool) -> bool:
    level = stack.pop(depth)
    if not level.points and level.plan is None:
        return True
    return _end(level, pairs) and last
