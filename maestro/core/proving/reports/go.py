"""Single tests of ``go test``: its JSON lines, as ``hooks/go_test.py`` kept them."""

from __future__ import annotations

import json

from maestro.core.proving.reports.model import TestReport, report_of

_WORDS = {"pass": "passed", "fail": "failed", "skip": "skipped"}


def read(lines: str) -> TestReport | None:
    """The tests of a run: by package and name; a package that did not build stands for its tests."""
    ended: dict[tuple[str, str], str] = {}
    for raw in lines.splitlines():
        entry = _entry(raw)
        if entry is None:
            if raw.startswith("FAIL\t"):  # Go before 1.20 says in words what it could not build
                ended[(raw.split()[1], "")] = "failed"
            continue
        key = (str(entry.get("Package") or entry.get("ImportPath") or ""), str(entry.get("Test") or ""))
        if entry.get("Action") in _WORDS:
            ended[key] = _WORDS[str(entry["Action"])]
    tests = {key: outcome for key, outcome in ended.items() if key[1]}
    broken = {package for package, test in tests if tests[(package, test)] == "failed"}
    for (package, test), outcome in ended.items():
        if not test and outcome == "failed" and package not in broken:
            tests[(package, "")] = "failed"
    if not tests:
        return None
    return report_of((f"{package}.{test}".rstrip("."), outcome) for (package, test), outcome in tests.items())


def _entry(line: str) -> dict[str, object] | None:
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "Action" in entry else None
