"""A check that passes only because the task changed what it runs proves nothing until the person agrees.

What a task may not quietly change: existing tests and what they compare with (``snapshots``), the configuration of
tests and of the other tools that its checks run, the checks' own scripts. Where it did, its checks run once more with
the old versions of these. If they pass all the same, and every test that passes on the work passes then, too, nothing
was gained by the change; if not, the user sees the diff and decides. Deleted tests,
tests that are newly skipped and changed build pipelines are shown in any case. What the plan gave to the task by
name is the task's own.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from sqlmodel import col, select

from maestro.core.proving import (
    as_before,
    baseline,
    check_settings,
    checkouts,
    new_fixtures,
    paths,
    snapshots,
    steering,
)
from maestro.core.proving.check_scripts import Reached, reached
from maestro.core.proving.checking import CheckSite, Ran, run_and_judge
from maestro.core.proving.questions import Question, accepted
from maestro.core.runtime import Runtime
from maestro.db import models
from maestro.errors import MaestroError, NotFound
from maestro.worktrees import diffs, reading, scratch

_DIFF_BYTES = 60_000
_FILE_BYTES = 500_000
_EVERYTHING = frozenset({"*", "**", ".", "./", "/", "**/*", "/**"})
_SKIP = re.compile(
    r"^\+.*(@(pytest\.mark|unittest)\.(skip|xfail|expectedFailure)|pytest\.(skip|xfail|importorskip)\(|\.skipTest\("
    r"|SkipTest|\b(x?it|x?describe|test)\.(skip|todo)\(|\bx(it|describe|test)\(|\bt\.Skip|#\[ignore|@Disabled|@Ignore\b)",
    re.MULTILINE,
)
#: Options and words with which a check runs some tests of a file only.
_SOME_OF_A_FILE = re.compile(
    r"::|\s-[kt]\b|test\s.*\s-m\s|-(grep|pattern|deselect|lf|last-failed|run)\b", re.IGNORECASE
)
_MANIFESTS = {"pyproject.toml", "package.json"}
_MAKE = {"Makefile": "make", "makefile": "make", "GNUmakefile": "make", "justfile": "just", "Taskfile.yml": "task"}


def look(rt: Runtime, site: CheckSite, start: str, checks: Sequence[str], stop: Callable[[], bool]) -> Question | None:
    """The question about what the task changed of its own proof, between ``start`` and the site's commit.

    Raises Stopped when ``stop`` said so, SetupFailed when the old versions cannot be tried.
    """
    assert site.task is not None
    repo, task = Path(site.session.repo_path), site.task
    changed = diffs.changed_status(repo, start, site.commit)
    own = _declared(task.files)
    between = _Range(repo, start, site.commit, checks)
    guarded = [p for p, how in changed.items() if not own(p) and between.is_guarded(p, how)]
    if not guarded:
        return None
    texts = {p: diffs.path_diff(repo, start, site.commit, [p], _DIFF_BYTES)[0] for p in guarded}
    items = {p: f"{p} {_fingerprint(text)}" for p, text in texts.items()}
    agreed = accepted(rt, site.session.id, task.id, "check_changed")
    open_ones = [p for p in guarded if items[p] not in agreed]
    compared = _compared_tests(rt, site, checks)
    told = [p for p in open_ones if _in_any_case(p, changed[p], texts[p], compared)]
    fixtures = new_fixtures.added(texts)
    old = _Old(start, open_ones, [*open_ones, *snapshots.beside(changed, open_ones)], fixtures)
    if open_ones and not told and any(_gains(rt, site, old, command, stop) for command in checks):
        told = open_ones
    return _question(task.key, told, texts, items) if told else None


def tried_tests(rt: Runtime, site: CheckSite, checks: Sequence[str], stop: Callable[[], bool]) -> str:
    """The ids of tests that the task's checks run with all others of their files, one a line: changed, they are tried.

    Waits for the baseline. Raises Stopped when ``stop`` said so.
    """
    baseline.wait_for(rt, site.session.id, stop)
    return _compared_tests(rt, site, [command for command in checks if not _SOME_OF_A_FILE.search(command)])


def _declared(files: list[str]) -> Callable[[str], bool]:
    named = [f if f.startswith("/") else f"/{f}" for f in files if f not in _EVERYTHING]
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(named)
    return lambda path: bool(spec.match_file(path))


def decides_tests(repo: Path, start: str, head: str, path: str) -> bool:
    """Whether a changed file decides which tests run, or how, and says so differently now."""
    if path.rpartition("/")[2] in _MANIFESTS:
        return _test_settings(repo, start, path) != _test_settings(repo, head, path)
    return paths.is_test_configuration(path)


@dataclass(frozen=True)
class _Range:
    """What a task changed, and what its checks run as they were before."""

    repo: Path
    start: str
    head: str
    checks: Sequence[str]

    def before(self, path: str) -> str | None:
        return _text(self.repo, self.start, path)

    def after(self, path: str) -> str | None:
        return _text(self.repo, self.head, path)

    def is_guarded(self, path: str, how: str) -> bool:
        """Whether a changed path has a say in what the checks find."""
        name = path.rpartition("/")[2]
        if paths.is_pipeline(path) or decides_tests(self.repo, self.start, self.head, path):
            return True
        if name in _MAKE:
            return any(re.search(rf"\b{_MAKE[name]}\b", command) for command in self._reached.commands)
        if check_settings.tools(path) and check_settings.used(path, self._reached.commands):
            files = partial(reading.list_files, self.repo, self.start)
            if check_settings.differs(path, self.before, self.after, files):
                return True
        if how == "A":  # a new test, a new script
            return steering.steers(path, self.after, lambda: reading.list_files(self.repo, self.start))
        if snapshots.is_snapshot(path):
            before, after = self.before(path), self.after(path)
            return how != "M" or before is None or after is None or not snapshots.only_adds(path, before, after)
        return paths.is_test(path) or (paths.is_check_script(path) and path in self._reached.files)

    @cached_property
    def _reached(self) -> Reached:
        return reached(self.checks, self.before)


def _text(repo: Path, commit: str, path: str) -> str | None:
    try:
        return reading.read_file(repo, commit, path, _FILE_BYTES).decode("utf-8", "replace")
    except MaestroError:
        return None


def _test_settings(repo: Path, commit: str, path: str) -> object:
    """What a manifest says about tests; its other parts are nobody's proof."""
    try:
        text = reading.read_file(repo, commit, path, _FILE_BYTES).decode("utf-8", "replace")
        data = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except NotFound:
        return {}
    except ValueError:
        return {"unreadable": commit}
    if path.endswith(".json"):
        return {name: value for name, value in data.items() if name in {"scripts", "jest", "vitest", "mocha", "ava"}}
    tools = data.get("tool", {})
    return {name: tools[name] for name in ("pytest", "coverage", "tox", "nox", "hatch", "pdm", "poe") if name in tools}


def _compared_tests(rt: Runtime, site: CheckSite, checks: Sequence[str]) -> str:
    """The ids of tests that the task's checks compared with what was before: what is missing of these was asked already."""
    assert site.task is not None
    base = _before(rt, site)
    return "\n".join(name for command in checks for name in baseline.named_before(command, base))


def _before(rt: Runtime, site: CheckSite) -> baseline.Baseline:
    return baseline.on_branch(rt, site.session, baseline.load(rt, site.session.id), site.start)


def _in_any_case(path: str, how: str, diff: str, compared: str) -> bool:
    if paths.is_pipeline(path):
        return True
    module = path.rpartition(".")[0].replace("/", ".")
    if (
        how == "A"
        or not paths.is_test(path)
        or snapshots.is_snapshot(path)
        or re.search(rf"\b{re.escape(module)}[.:]", compared)
    ):
        return False
    return how == "D" or _SKIP.search(diff) is not None


def _fingerprint(diff: str) -> str:
    """What a diff does, wherever it does it: the same after a rebase."""
    lines = [line for line in diff.splitlines() if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Old:
    """What is put back to tell what a change gained."""

    start: str
    changed: list[str]
    restored: list[str]  # the changed ones, and what belongs to them
    fixtures: Set[str]  # new ones, without which new tests may fail


def _gains(rt: Runtime, site: CheckSite, old: _Old, command: str, stop: Callable[[], bool]) -> bool:
    """Whether a check gained anything by the changes: with the old versions it fails, or tests fail that pass now."""
    assert site.task is not None
    base = _before(rt, site)
    repo, kept = Path(site.session.repo_path), [path for path in old.restored if snapshots.is_snapshot(path)]
    written: list[str] = []

    def restore() -> None:
        scratch.restore(folder, old.start, old.restored)

    def look_at_snapshots() -> None:
        written.extend(path for path in kept if _content(folder / path) != _bytes(repo, old.start, path))

    now = _last_run(rt, site, command)
    with checkouts.checkout(rt, site.session, f"proof-{site.task.key}", site.commit) as folder:
        there = replace(site, folder=folder)
        ran, verdict = run_and_judge(
            rt, there, command, base, stop, before=restore, after=look_at_snapshots, keep=False
        )
        if written:
            return True  # the check writes down what it is to be compared with
        if not verdict.passed and not verdict.missing:
            # What passes now did not need the user's leave to fail.
            excused = now is not None and now.exit_code != 0
            if excused and as_before.accepted(rt, site.session, command, ran.outcome, base, ran.report, verdict):
                return False
            return not new_fixtures.explain(command, ran.outcome, ran.report, base, old.fixtures)
        hidden = _failing(ran) - _failed(now)
        if hidden:
            again, _ = run_and_judge(rt, there, command, base, stop, before=restore, keep=False)
            hidden &= _failing(again)  # else it is flaky
    return bool(hidden)


def _last_run(rt: Runtime, site: CheckSite, command: str) -> models.CheckRun | None:
    """The run with which a check passed on the work itself."""
    assert site.task is not None
    query = select(models.CheckRun).where(
        models.CheckRun.task_id == site.task.id,
        models.CheckRun.command == command,
        models.CheckRun.commit == site.commit,
        col(models.CheckRun.passed).is_(True),
    )
    with rt.db.read() as db:
        return db.exec(query.order_by(col(models.CheckRun.created_at).desc())).first()


def _failing(ran: Ran) -> set[str]:
    return ran.report.failing if ran.report is not None else set()


def _failed(run: models.CheckRun | None) -> set[str]:
    return {name for name, how in ((run.tests if run else None) or {}).items() if how == "failed"}


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()[:_FILE_BYTES]
    except OSError:
        return None


def _bytes(repo: Path, commit: str, path: str) -> bytes | None:
    try:
        return reading.read_file(repo, commit, path, _FILE_BYTES)
    except MaestroError:
        return None


def _question(key: str, told: list[str], texts: dict[str, str], items: dict[str, str]) -> Question:
    shown = ", ".join(told[:4]) + (f" and {len(told) - 4} more" if len(told) > 4 else "")
    diff = "\n".join(texts[p] for p in told)
    listed = "\n".join(f"- {p}" for p in told[:100])
    prompt = (
        f"# You changed what proves your work\n\nThese decide what the checks say, and your task does not name them:\n"
        f"{listed}\n\nThe person does not accept that. Put them back as they were and make the checks pass with them."
    )
    detail = {
        "files": told[:200],
        "diff": diff[:_DIFF_BYTES],
        "diff_cut": len(diff) > _DIFF_BYTES,
        "reason": "The task changed or removed part of what its own checks run.",
        "allow": "the change is right",
        "deny": "send it back",
    }
    title = f"{key} changed what its check runs: {shown}"
    return Question("check_changed", title, [items[p] for p in told], prompt, detail, risk="high")
