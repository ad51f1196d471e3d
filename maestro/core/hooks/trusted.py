"""What a worker changed of that which runs by itself (settings, hooks, scripts): trust holds for what was shown, no more."""

from __future__ import annotations

from maestro.core import trust
from maestro.core.hooks import Landing
from maestro.core.proving.questions import Question
from maestro.core.runtime import Runtime
from maestro.worktrees import what_runs
from maestro.worktrees.git import common_dir


def only_what_was_agreed_to(rt: Runtime, landing: Landing) -> Question | None:
    """Ask before checks run what no answer covers; where all runs in the sandbox there is nothing to ask."""
    changed = trust.open_changes(rt, landing.session, landing.head)
    before = what_runs.look(landing.repo, landing.start) if changed else {}
    told = {name: mark for name, mark in changed.items() if before.get(name) != mark}
    if not told:
        return None
    detail = trust.question_detail(landing.repo, landing.head, told, str(common_dir(landing.repo)))
    detail |= {
        "reason": "The task changed what its checks, your tools or git would run. You have not seen it yet.",
        "allow": "that may run",
        "deny": "send it back",
    }
    names = list(told)
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    listed = "\n".join(f"- {name}" for name in names[:100])
    prompt = (
        f"# Changes to what runs by itself\n\nYou changed these, and the user does not want that:\n{listed}\n\n"
        "Put them back as they were and solve the task without them."
    )
    title = f"{landing.task.key} changed what runs by itself: {shown}"
    return Question(trust.KIND, title[:400], [f"{n} {m}" for n, m in told.items()], prompt, detail, risk="high")
