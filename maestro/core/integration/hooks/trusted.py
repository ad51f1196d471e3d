"""What a worker changed of that which runs by itself (settings, hooks, scripts): trust holds for what was shown, no more."""

from __future__ import annotations

from maestro.core.approvals.question import Question
from maestro.core.integration.hooks import HookContext
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.core.planning import trust
from maestro.core.proving.file_kinds import is_test_code
from maestro.worktrees import what_runs
from maestro.worktrees.diffs import changed_files
from maestro.worktrees.git import common_dir


def only_what_was_agreed_to(rt: Runtime, landing: HookContext) -> Question | None:
    """Ask before checks run what no answer covers; where all runs in the sandbox there is nothing to ask."""
    changed = trust.open_changes(rt, landing.session, landing.head)
    before = what_runs.survey(landing.repo, landing.start) if changed else {}
    told = {name: mark for name, mark in changed.items() if before.get(name) != mark}
    tests = _tests(landing) if trust.runs_unconfined(rt, landing.session) else []
    if not told:
        _report(rt, landing, tests)
        return None
    detail = trust.question_detail(landing.repo, landing.head, told, str(common_dir(landing.repo)))
    detail |= {
        "tests": tests[:100],
        "reason": "The task changed files that its checks, your tools, or git would run. You have not reviewed them yet.",
        "allow": "let it run",
        "deny": "send it back",
    }
    names = list(told)
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    listed = "\n".join(f"- {name}" for name in names[:100])
    prompt = (
        f"# Changes to what runs by itself\n\nYou changed these, and the user does not want that:\n{listed}\n\n"
        "Put them back as they were and solve the task without them."
    )
    title = f"{landing.task.key} changed files that run automatically: {shown}"
    return Question(trust.KIND, title[:400], [f"{n} {m}" for n, m in told.items()], prompt, detail, risk="high")


def _tests(landing: HookContext) -> list[str]:
    """Ordinary tests that the task changed: its checks run them."""
    return [path for path in changed_files(landing.repo, landing.start, landing.head) if is_test_code(path)]


#: Of which task and commit it was told.
_TOLD = Service(set[tuple[str, str]])


def _report(rt: Runtime, landing: HookContext, tests: list[str]) -> None:
    """Ordinary tests are no question: the agent has run them as the user before. They are told, once a commit."""
    told = rt.service(_TOLD)
    if not tests or (landing.task.id, landing.head) in told:
        return
    told.add((landing.task.id, landing.head))
    shown = ", ".join(tests[:5]) + (f" and {len(tests) - 5} more" if len(tests) > 5 else "")
    text = f"The checks run tests that the task changed, with your permissions: {shown}."
    with rt.db.write() as tx:
        tx.log(landing.session.id, text, kind="check", source="checks", task_id=landing.task.id)
