"""JUnit files that a check wrote into the worktree by itself: Maven's, Gradle's, and any other that is new.

Only what was written while the check ran counts: what lay there before is an earlier run's, or was committed.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from maestro.core.proving.reports.merging import merged
from maestro.core.proving.reports.model import TestReport
from maestro.core.proving.reports.written import junit
from maestro.errors import MaestroError
from maestro.worktrees.git import git

_NOT_OURS = frozenset(
    {
        ".git",
        "node_modules",
        ".venv",
        "venv",
        "site-packages",
        ".tox",
        ".nox",
        ".gradle",
        ".m2",
        "vendor",
        "__pycache__",
    }
)
_BUILDS = re.compile(r"\b(mvnw?|mvnd|gradlew?|sbt|ant|maven)\b")
_MOST = 20_000


def clear_of_earlier(root: Path) -> None:
    """Remove Gradle's reports of earlier runs: where they lie, Gradle takes its tests for up to date and runs none."""
    if not any(
        (root / name).exists() for name in ("gradlew", "build.gradle", "build.gradle.kts", "settings.gradle.kts")
    ):
        return
    old = [path for path in _xml_files(root) if _kind(path) == "gradle"]
    if not old:
        return
    try:
        tracked = {root / name for name in git(root, "ls-files", "-z", "--", "*.xml").fields}
    except MaestroError:
        return
    for path in old:
        if path not in tracked:
            path.unlink(missing_ok=True)


def written_since(root: Path, moment: int, command: str, output: str, *, told: bool) -> dict[str, TestReport]:
    """By tool, what JUnit files say that are younger than ``moment`` (nanoseconds).

    Where another report has ``told`` of tests, only those of the build tools that the check names or that
    ``output`` speaks of: the others may repeat what is known.
    """
    if told and not _BUILDS.search(command) and "Tests run:" not in output and "BUILD " not in output:
        return {}
    found: dict[str, list[TestReport]] = {}
    for path in _xml_files(root):
        kind = _kind(path)
        if told and kind == "junit":
            continue
        try:
            new = path.stat().st_mtime_ns > moment
        except OSError:
            continue
        report = junit(path) if new and not path.is_symlink() else None
        if report is not None and report.total:
            found.setdefault(kind, []).append(report)
    return {kind: merged(reports) for kind, reports in found.items()}


def _kind(path: Path) -> str:
    folders = set(path.parts[:-1])
    if folders & {"surefire-reports", "failsafe-reports"}:
        return "maven"
    return "gradle" if "test-results" in folders else "junit"


def _xml_files(root: Path) -> Iterator[Path]:
    for folder, below, files in itertools.islice(os.walk(root), _MOST):
        below[:] = [name for name in below if name not in _NOT_OURS]
        yield from (Path(folder, name) for name in files if name.endswith(".xml"))
