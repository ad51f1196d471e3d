"""What runners print of how many tests passed, against which their written reports are held.

A report lies where the work under test could write as well. One that tells of more passed tests than its runner
printed is not believed.
"""

from __future__ import annotations

import re

#: By runner: ``passed``, or ``total`` and what is to be taken off it.
_TOTALS = {
    "pytest": r"^(?P<words>.*\d (?:passed|failed|skipped|errors?|xfailed|xpassed|deselected)\b.*) in [\d.]+s\b",
    "jest": r"^.*\bTests: +(?P<words>.*\d+ total)$",
    "vitest": r"^.*\bTests  +(?P<words>\d.*\(\d+\))",
    "mocha": r"^.*?  (?P<passed>\d+) passing\b",
    "jasmine": r"(?P<total>\d+) specs?, (?P<failed>\d+) failures?(?:, (?P<skipped>\d+) pending)?",
    "node": r"^.*[#ℹ] pass (?P<passed>\d+)$",
    "playwright": r"^.*?  (?P<passed>\d+) (?:passed|flaky)\b",
    "rspec": r"(?P<total>\d+) examples?, (?P<failed>\d+) failures?(?:, (?P<skipped>\d+) pending)?",
    "minitest": r"(?P<total>\d+) (?:runs|tests), \d+ assertions, (?P<failed>\d+) failures, (?P<errors>\d+) errors, "
    r"(?P<skipped>\d+) skips",
    "phpunit": r"^.*?(?:OK \(|Tests: )(?P<total>\d+)\b",
    "bun": r"^ *(?P<passed>\d+) pass$",
    "deno": r"\| (?P<passed>\d+) passed(?: \((?P<steps>\d+) steps?\))?",
    "maven": r"Tests run: (?P<total>\d+), Failures: (?P<failed>\d+), Errors: (?P<errors>\d+), "
    r"Skipped: (?P<skipped>\d+)(?!.*Time)",
}
_PATTERNS = {kind: re.compile(pattern, re.MULTILINE) for kind, pattern in _TOTALS.items()}
_PASSED = re.compile(r"(\d+) (?:x?passed|subtests passed)")


def passed(kind: str, output: str) -> int | None:
    """How many tests a runner printed to have passed, over all its runs; None where it prints none.

    A JUnit file does not say which runner wrote it: the highest number that any printed is taken.
    """
    if kind == "junit":
        return max((told for one in _PATTERNS if (told := passed(one, output)) is not None), default=None)
    pattern = _PATTERNS.get(kind)
    found = [match.groupdict() for match in pattern.finditer(output)] if pattern else []
    return sum(_passed(told) for told in found) if found else None


def _passed(told: dict[str, str | None]) -> int:
    if told.get("words") is not None:
        return sum(int(number) for number in _PASSED.findall(told["words"] or ""))
    if told.get("passed") is not None:
        return int(told["passed"] or 0) + int(told.get("steps") or 0)
    less = sum(int(told.get(word) or 0) for word in ("failed", "errors", "skipped"))
    return int(told["total"] or 0) - less
