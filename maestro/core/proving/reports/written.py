"""Reports that test runners wrote to files: the lines of our hooks, JUnit XML, vitest's JSON, TAP."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from maestro import untrusted
from maestro.core.proving.reports import go, tap
from maestro.core.proving.reports.merging import merged
from maestro.core.proving.reports.model import NOT_LOADED, TestReport, report_of

_MAX_BYTES = 256_000_000

#: What ctest says of a test that was skipped on purpose; any other that did not run has failed.
_CTEST_SKIPPED = ("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION", "Disabled")


def in_folder(folder: Path, root: Path) -> dict[str, TestReport]:
    """By runner, what all its runs of one check reported in our folder. Paths are told from ``root``."""
    found: dict[str, list[TestReport]] = {}
    for path in sorted(folder.iterdir()):
        kind = path.name.rpartition("-")[0] or path.stem
        report = _read(path, kind, root) if path.is_file() else None
        if report is not None:
            found.setdefault(kind, []).append(report)
    perl = [(path, path.relative_to(folder / "perl")) for path in sorted((folder / "perl").rglob("*"))]
    for path, name in perl:
        if path.is_file() and (text := _text(path)) is not None:
            report = tap.read(text, f"{name}::")
            # A file without a single point ended before its first test.
            found.setdefault("perl", []).append(
                report if report.total else report_of([(f"{NOT_LOADED}{name}", "failed")])
            )
    return {kind: merged(reports) for kind, reports in found.items()}


def junit(path: Path, kind: str = "") -> TestReport | None:
    """A JUnit XML file: pytest's, or any other that follows the form. None where it is none."""
    try:
        root = ElementTree.fromstring(untrusted.read(path, _MAX_BYTES))  # noqa: S314 - expat refuses entity bombs; no entity is fetched
    except (OSError, ElementTree.ParseError):
        return None
    if root.tag not in {"testsuites", "testsuite"}:
        return None
    return report_of(_junit_cases(root, kind))


def _read(path: Path, kind: str, root: Path) -> TestReport | None:
    if path.suffix == ".xml":
        return junit(path, kind)
    text = _text(path)
    if text is None:
        return None
    if path.suffix == ".tap":
        return tap.read(_with_plan(text))
    if kind == "go":
        return go.read(text)
    try:
        if kind == "vitest":
            return report_of(_each(_json_tests(json.loads(text)["testResults"], root.resolve())))
        lines = [json.loads(line) for line in text.splitlines()]
        return report_of(_line_tests(lines, root.resolve())) if lines else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _with_plan(text: str) -> str:
    """node-tap may open its file after it has told its plan; that it came to its end it says there all the same."""
    if re.search(r"^1\.\.\d", text, re.MULTILINE) or not re.search(r"^# time=", text, re.MULTILINE):
        return text
    return f"{text}\n1..{len(re.findall(r'^(?:not )?ok ', text, re.MULTILINE))}\n"


def _text(path: Path) -> str | None:
    try:
        return untrusted.text(path, _MAX_BYTES)
    except OSError:
        return None


def _line_tests(lines: list[dict[str, object]], root: Path) -> Iterator[tuple[str, str]]:
    """(test id, outcome): file, then the names from the outside in."""
    seen: Counter[str] = Counter()
    for line in lines:
        if "kind" in line or line.get("group"):
            continue  # a group's tests are named themselves
        path = Path(str(line.get("file") or ""))
        file = _place(path, root)
        names = line.get("names")
        alone = isinstance(names, list) and len(names) == 1 and line.get("file")
        # node --test names a file that it could not load by its whole path, or by that from where it ran.
        unnamed = alone and f"/{path}".endswith(f"/{names[0]}") and str(names[0]).endswith(path.name)  # type: ignore[index]
        if line.get("loaded") is False or unnamed:
            yield f"{NOT_LOADED}{file}", str(line.get("outcome", "failed"))
            continue
        if not isinstance(names, list):
            raise TypeError(names)
        title = " > ".join(str(name) for name in names)
        name = f"{file}::{title}" if line.get("file") else title
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})", str(line["outcome"])


def _each(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The projects of a workspace may run one file each: every run of a test counts, the worst one first."""
    by_name: dict[str, list[str]] = {}
    for name, outcome in pairs:
        by_name.setdefault(name, []).append(outcome)
    for name, outcomes in by_name.items():
        outcomes.sort(key=("failed", "skipped", "passed").index)
        yield name, outcomes[0]
        yield from ((f"{name} ({number})", outcome) for number, outcome in enumerate(outcomes[1:], start=2))


def _json_tests(files: list[dict[str, object]], root: Path) -> Iterator[tuple[str, str]]:
    for entry in files:
        name = _place(Path(str(entry["name"])), root)
        tests = entry.get("assertionResults")
        if not tests and entry.get("status") == "failed":
            yield f"{NOT_LOADED}{name}", "failed"
        for test in tests if isinstance(tests, list) else []:
            word = str(test.get("status"))
            yield f"{name}::{test['fullName']}", word if word in {"passed", "failed"} else "skipped"


def _place(path: Path, root: Path) -> str:
    if not path.is_absolute():
        return str(path)
    path = path.resolve()
    return str(path.relative_to(root)) if path.is_relative_to(root) else path.name


def _junit_cases(root: ElementTree.Element, kind: str) -> Iterable[tuple[str, str]]:
    for case in root.iter("testcase"):
        name = case.get("name") or ""
        place = "" if kind == "ctest" else case.get("classname") or case.get("class") or ""
        if kind == "bun" and case.get("file"):
            place = "::".join(word for word in (case.get("file"), place) if word)
        named = f"{place}::{name}".removeprefix("::")
        error = case.find("error")
        not_loaded = error is not None and error.get("message") == "collection failure"
        yield f"{NOT_LOADED}{named}" if not_loaded else named, _junit_outcome(case, kind)


def _junit_outcome(case: ElementTree.Element, kind: str) -> str:
    kinds = {child.tag for child in case}
    if kinds & {"failure", "error"} or case.get("status") == "fail":
        return "failed"
    skipped = case.find("skipped")
    if kind == "ctest" and skipped is not None:
        return "skipped" if str(skipped.get("message")).startswith(_CTEST_SKIPPED) else "failed"
    return "skipped" if skipped is not None or case.get("status") in {"disabled", "notrun"} else "passed"
