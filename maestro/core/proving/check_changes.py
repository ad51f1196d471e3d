"""A check that passes only because the task changed what it runs proves nothing until the user agrees.

What a task may not quietly change: existing tests and what they compare with (``snapshots``), the configuration of
tests and of the other tools that its checks run, the checks' own scripts. Where it did, its checks run once more with
the old versions of these. If they pass all the same, and every test that passes on the work passes then, too, nothing
was gained by the change; if not, the user sees the diff and decides. Deleted tests,
tests that are newly skipped and changed build pipelines are shown in any case. What the plan gave to the task by
name is the task's own, but for the tests that it held (``own_tests``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sqlmodel import col, select

from maestro import untrusted
from maestro.core.approvals.question import Question
from maestro.core.approvals.questions import accepted
from maestro.core.kernel.runtime import Runtime
from maestro.core.proving import (
    baseline,
    checkouts,
    compared_data,
    file_kinds,
    guarded,
    known_failures,
    new_fixtures,
    own_tests,
    snapshots,
    steering,
)
from maestro.core.proving.checking import CheckResult, CheckTarget, run_and_judge
from maestro.core.proving.reports.model import UNCLEAR
from maestro.core.proving.verdicts import Verdict
from maestro.db import models
from maestro.errors import MaestroError
from maestro.worktrees import diffs, scratch, tracked_files

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


def review(
    rt: Runtime, site: CheckTarget, start: str, checks: Sequence[str], stop: Callable[[], bool]
) -> Question | None:
    """The question about what the task changed of its own proof, between ``start`` and the site's commit.

    Raises WorkCancelled when ``stop`` said so, SetupFailed when the old versions cannot be tried.
    """
    assert site.task is not None
    repo, task = Path(site.session.repo_path), site.task
    changed = diffs.changed_status(repo, start, site.commit)
    own = _declared(task.files)
    between = guarded.Range(repo, start, site.commit, checks)
    inline = {p: text for p in changed if not own(p) and (text := between.with_old_tests(p)) is not None}
    aware = [p for p in changed if between.knows_of_tests(p)]
    compared = _compared_tests(rt, site, checks)
    seen = "\n".join(_before(rt, site).before(""))
    ran = {p for p, how in changed.items() if how != "A" and _held_tests(p, between.before(p), seen, checks)}
    looked_at = [
        p for p, how in changed.items() if not own(p) and (p in inline or p in ran or between.is_guarded(p, how))
    ]
    rigging = [p for p in changed if between.rigs(p)]
    looked_at += [p for p in dict.fromkeys([*aware, *rigging]) if p not in looked_at]
    named = [p for p, how in changed.items() if own(p) and own_tests.may_be_weaker(p, how, between, ran=p in ran)]
    named = [p for p in named if p not in looked_at]
    data = [p for p in compared_data.named_by_tests(repo, start, changed) if p not in looked_at and not own(p)]
    named += data
    if not looked_at and not named:
        return None
    texts = {p: diffs.path_diff(repo, start, site.commit, [p], _DIFF_BYTES)[0] for p in [*looked_at, *named]}
    items = {p: f"{p} {_fingerprint(text)}" for p, text in texts.items()}
    agreed = accepted(rt, site.session.id, task.id, "check_changed")
    open_ones = [p for p in looked_at if items[p] not in agreed]
    if knowing := [p for p in open_ones if p in aware]:
        return _question(task.key, knowing, texts, items, _AWARE)
    if rigs := [p for p in open_ones if p in rigging]:
        return _question(task.key, rigs, texts, items, _RIGGED)
    if hollow := [p for p in open_ones if not own(p) and between.emptied(p)]:
        return _question(task.key, hollow, texts, items, _HOLLOW)
    told = [p for p in open_ones if _in_any_case(p, changed[p], texts[p], compared)]
    old = _old(start, changed, open_ones, texts, inline, between)
    if open_ones and not told and any(_gains(rt, site, old, command, stop) for command in checks):
        told = open_ones
    if told:
        return _question(task.key, told, texts, items)
    open_named = [p for p in named if items[p] not in agreed]
    if open_named:
        both = replace(old, restored=[*old.restored, *open_named])
        before = {p: text for p in open_named if (text := between.before(p)) is not None}
        if any(_weakens(rt, site, both, before, command, stop) for command in checks):
            return _question(task.key, open_named, texts, items, _DATA if {*open_named} <= {*data} else _WEAKER)
    return None


def tried_tests(rt: Runtime, site: CheckTarget, checks: Sequence[str], stop: Callable[[], bool]) -> str:
    """The ids of tests that the task's checks run with all others of their files, one a line: changed, they are tried.

    Waits for the baseline. Raises WorkCancelled when ``stop`` said so.
    """
    baseline.wait_for(rt, site.session.id, stop)
    return _compared_tests(rt, site, [command for command in checks if not _SOME_OF_A_FILE.search(command)])


#: What tests are written with. A program may hold examples that are run as tests, and is none.
_TEST_CODE = re.compile(r"\bdef test|TestCase\b|\b(?:it|test|describe|suite)\s*[.(]|\bassert|\bfunc Test|#\[test\]")


def _held_tests(path: str, before: str | None, seen: str, checks: Sequence[str]) -> bool:
    """Whether a file with a name that other runners do not take for a test's held some of the tests that were ``seen``.

    Or the checks name it, as a path or as a module. ``before``: what the file said.
    """
    if not file_kinds.may_be_called_test(path) or not _TEST_CODE.search(before or ""):
        return False
    module = path.rpartition(".")[0].replace("/", ".")
    words = rf"(?<![\w./-])(?:{re.escape(module)}|(?:\./)?{re.escape(path)})(?![\w/-])"
    return file_kinds.names_tests_of(path, seen) or any(re.search(words, check) for check in checks)


def _declared(files: list[str]) -> Callable[[str], bool]:
    named = [f if f.startswith("/") else f"/{f}" for f in files if f not in _EVERYTHING]
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(named)
    return lambda path: bool(spec.match_file(path))


def _compared_tests(rt: Runtime, site: CheckTarget, checks: Sequence[str]) -> str:
    """The ids of tests that the task's checks compared with what was before: what is missing of these was asked already."""
    assert site.task is not None
    base = _before(rt, site)
    return "\n".join(name for command in checks for name in baseline.named_before(command, base))


def _before(rt: Runtime, site: CheckTarget) -> baseline.Baseline:
    return baseline.on_branch(rt, site.session, baseline.load(rt, site.session.id), site.start)


def _in_any_case(path: str, how: str, diff: str, compared: str) -> bool:
    if file_kinds.is_pipeline(path):
        return True
    module = path.rpartition(".")[0].replace("/", ".")
    if (
        how == "A"
        or not file_kinds.is_test(path)
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
    restored: list[str]  # the changed ones, and what belongs to them
    fixtures: Set[str]  # new ones, without which new tests may fail
    tests: list[str]  # new tests, that some of them steer others: they go where a check ran others before
    inline: dict[str, str]  # the program's files with the tests that they held


def _old(
    start: str,
    changed: Mapping[str, str],
    open_ones: list[str],
    texts: Mapping[str, str],
    inline: Mapping[str, str],
    between: guarded.Range,
) -> _Old:
    new = [p for p in open_ones if changed[p] == "A" and steering.outlasts(p, between.after)]
    tests = [p for p, how in changed.items() if how == "A" and file_kinds.is_test_code(p)] if new else []
    whole = [p for p in open_ones if p not in inline and p not in new]
    kept = {p: text for p, text in inline.items() if p in open_ones}
    return _Old(start, [*whole, *snapshots.beside(changed, open_ones)], new_fixtures.added(texts), tests, kept)


def _gains(rt: Runtime, site: CheckTarget, old: _Old, command: str, stop: Callable[[], bool]) -> bool:
    """Whether a check gained anything by the changes: with the old versions it fails, or tests fail that pass now."""
    assert site.task is not None
    base = _before(rt, site)
    repo, kept = Path(site.session.repo_path), [path for path in old.restored if snapshots.is_snapshot(path)]
    written: list[str] = []

    tests = old.tests if baseline.counted_before(command, base) else []
    if not (old.restored or tests or old.inline):
        return False

    def restore() -> None:
        scratch.restore(folder, old.start, [*old.restored, *tests])
        for path, text in old.inline.items():
            (folder / path).write_bytes(text.encode("utf-8", "surrogateescape"))

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
            if excused and known_failures.accepted(rt, site.session, command, ran.outcome, base, ran.report, verdict):
                return False
            return not new_fixtures.explain(command, ran.outcome, ran.report, base, old.fixtures)
        hidden = _failing(ran) - _failed(now)
        if hidden:
            again, _ = run_and_judge(rt, there, command, base, stop, before=restore, keep=False)
            hidden &= _failing(again)  # else it is flaky
    return bool(hidden)


def _weakens(
    rt: Runtime, site: CheckTarget, old: _Old, before: Mapping[str, str], command: str, stop: Callable[[], bool]
) -> bool:
    """Whether a check passes only because tests say less that the plan names; ``before``: these files as they were."""
    assert site.task is not None
    base, now = _before(rt, site), _last_run(rt, site, command)
    agreed = accepted(rt, site.session.id, None, "tests_missing")
    excused = _failed(now) | {*agreed}
    named = bool(now is not None and now.tests)

    with checkouts.checkout(rt, site.session, f"proof-{site.task.key}", site.commit) as folder:
        there = replace(site, folder=folder)

        def run(words: str) -> tuple[CheckResult, Verdict]:
            restore = partial(scratch.restore, folder, old.start, old.restored)
            return run_and_judge(rt, there, words, base, stop, before=restore, keep=False)

        ran, verdict = run(command)
        whole = own_tests.without_selectors(command) if named and not _told(ran) else None
        if whole is not None and not verdict.passed:  # of what it names something is not there: a new test, mostly
            ran, verdict = run(whole)
            of_now = {*((now.tests if now else None) or {})}
            return bool((_failing(ran) - excused) & of_now) if _told(ran) else not verdict.passed
        if not named or not _told(ran) or ran.report is None:
            if ran.outcome.passed or now is None or now.exit_code == 0:
                return not ran.outcome.passed
            return not known_failures.accepted(rt, site.session, command, ran.outcome, base, ran.report, verdict)
        hidden = own_tests.hidden(ran.report, excused, base.before(command), before)
        if hidden:
            again, _ = run(command)
            hidden &= _failing(again)  # else it is flaky
    return bool(hidden)


def _told(ran: CheckResult) -> bool:
    return ran.report is not None and ran.report is not UNCLEAR and bool(ran.report.total)


def _last_run(rt: Runtime, site: CheckTarget, command: str) -> models.CheckRun | None:
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


def _failing(ran: CheckResult) -> set[str]:
    return ran.report.failing if ran.report is not None else set()


def _failed(run: models.CheckRun | None) -> set[str]:
    return {name for name, how in ((run.tests if run else None) or {}).items() if how == "failed"}


def _content(path: Path) -> bytes | None:
    try:
        return untrusted.head(path, _FILE_BYTES)
    except OSError:
        return None


def _bytes(repo: Path, commit: str, path: str) -> bytes | None:
    try:
        return tracked_files.read_file(repo, commit, path, _FILE_BYTES)
    except MaestroError:
        return None


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    reason: str
    prompt: str


_CHANGED = _Words(
    "changed what its check runs",
    "The task changed or removed part of what its own checks run.",
    "Put them back as they were and make the checks pass with them.",
)
_AWARE = _Words(
    "wrote code that detects when it is tested",
    "It detects a test runner, or imitates one's output. Its tests may only prove how it behaves under test.",
    "Write the program so that it does the same with and without tests.",
)
_RIGGED = _Words(
    "wrote code that decides how tests judge it",
    "It equals anything, or changes what tests compare with. Tests of it may pass whatever it computes.",
    "Return the value itself, and leave comparisons and the test library as they are.",
)
_WEAKER = _Words(
    "changed tests that its work would otherwise fail",
    "The plan lets the task edit these tests. The earlier versions fail with its work.",
    "Put back what these tests said, make them pass with it, and only add to them.",
)
_DATA = _Words(
    "changed data that its tests compare with",
    "Tests name these files. With these as they were, tests of before fail with its work.",
    "Put back what these files said, and make the tests pass with it.",
)
_HOLLOW = _Words(
    "left tests that no longer test anything",
    "They checked something before, and are now empty or return early.",
    "Put them back as they were and make the checks pass with them.",
)


def _question(
    key: str, told: list[str], texts: dict[str, str], items: dict[str, str], words: _Words = _CHANGED
) -> Question:
    shown = ", ".join(told[:4]) + (f" and {len(told) - 4} more" if len(told) > 4 else "")
    diff = "\n".join(texts[p] for p in told)
    listed = "\n".join(f"- {p}" for p in told[:100])
    prompt = (
        f"# You changed what proves your work\n\nThese decide what the checks say:\n"
        f"{listed}\n\nThe user does not accept that: the task {words.title}. {words.prompt}"
    )
    detail = {
        "files": told[:200],
        "diff": diff[:_DIFF_BYTES],
        "diff_cut": len(diff) > _DIFF_BYTES,
        "reason": words.reason,
        "allow": "accept the change",
        "deny": "send it back",
    }
    title = f"{key} {words.title}: {shown}"
    return Question("check_changed", title, [items[p] for p in told], prompt, detail, risk="high")
