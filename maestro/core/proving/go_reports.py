"""Single tests of ``go test``: its JSON lines, and the text that it would have printed without them."""

from __future__ import annotations

import json

from maestro.core.proving.report import TestReport, report_of

_GO_WORDS = {"pass": "passed", "fail": "failed", "skip": "skipped"}


def read(output: str, *, verbose: bool, cut: bool) -> tuple[TestReport | None, str]:
    """``go test -json``: the tests, and the text that ``go test`` alone would have printed."""
    ended: dict[tuple[str, str], str] = {}
    lines: list[tuple[tuple[str, str], str]] = []
    for raw in output.splitlines():
        entry = _go_entry(raw)
        if entry is None:
            lines.append((("", ""), raw + "\n"))
            continue
        key = (str(entry.get("Package") or entry.get("ImportPath") or ""), str(entry.get("Test") or ""))
        if entry.get("Action") in _GO_WORDS:
            ended[key] = _GO_WORDS[str(entry["Action"])]
        elif "Output" in entry:
            lines.append((key, str(entry["Output"])))
    text = "".join(
        words for key, words in lines
        if verbose or (not key[1] and words != "PASS\n") or (ended.get(key, "failed") == "failed" and _tells(words))
    )  # fmt: skip
    tests = {key: outcome for key, outcome in ended.items() if key[1]}
    broken = {package for package, test in tests if tests[(package, test)] == "failed"}
    for (package, test), outcome in ended.items():
        if not test and outcome == "failed" and package not in broken:
            tests[(package, "")] = "failed"  # it did not build
    if not tests:
        return None, text
    pairs = ((f"{package}.{test}".rstrip("."), outcome) for (package, test), outcome in tests.items())
    return report_of(pairs, complete=not cut), text


def _tells(words: str) -> bool:
    return not words.lstrip().startswith(("=== RUN", "=== PAUSE", "=== CONT"))


def _go_entry(line: str) -> dict[str, object] | None:
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "Action" in entry else None
