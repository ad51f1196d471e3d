"""What tools, editors, git or a build server obey, changed by a task without a yes: whatever wrote it, it never lands unasked.

The gates ask for each edit of such a file that they see. A script in the sandbox that composes the name, or an agent that has
no gates, is found out here, by the commits.
"""

from __future__ import annotations

import json

from sqlmodel import select

from maestro.agents.shell_folders import is_obeyed
from maestro.core.approvals.question import OBEYED, Question
from maestro.core.integration.hooks import HookContext
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from maestro.worktrees import diffs

#: Nothing runs by these; the gates ask where an agent edits one, tools write them along with other files.
_NOTHING_RUNS = frozenset({".gitignore", ".gitkeep", ".git-blame-ignore-revs"})


def none_unasked(rt: Runtime, landing: HookContext) -> Question | None:
    """Ask about changed files that something obeys, but for those that the user has allowed the agent to write."""
    if in_force(landing.session.agent_config, rt.settings).permission_mode == "bypass":
        return None
    changed = [path for path in diffs.changed_files(landing.repo, landing.start, landing.head) if _counts(path)]
    if not changed:
        return None
    items = diffs.contents(landing.repo, landing.head, changed)
    allowed, accepted = _allowed(rt, landing.session.id), landing.accepted("outside_files") | landing.accepted("trust")
    shown = {
        item.rpartition(" ")[0] for item in landing.accepted("check_changed")
    }  # as they are now: it is asked first
    open_ones = [
        p for p in changed if p not in shown and not _is_named(p, allowed) and f"{p} {items[p]}" not in accepted
    ]
    if not open_ones:
        return None
    names = ", ".join(open_ones[:5]) + (f" and {len(open_ones) - 5} more" if len(open_ones) > 5 else "")
    listed = "\n".join(f"- {path}" for path in open_ones[:100])
    prompt = (
        "# Changes to settings that run programs\n\nYou changed these, and the user does not want that:\n"
        f"{listed}\n\nPut them back as they were and solve the task without them."
    )
    detail = {
        "files": open_ones[:500],
        "declared": landing.task.files,
        "reason": "Editors, tools, git, or a build server obey these files. Nobody has allowed this change yet.",
        "what": OBEYED,
        "allow": "accept these files",
        "deny": "send it back",
    }
    title = f"{landing.task.key} changed settings that run programs: {names}"
    named = [f"{path} {items[path]}" for path in open_ones]
    return Question("outside_files", title[:400], named, prompt, detail, risk="high")


def _counts(path: str) -> bool:
    return is_obeyed(path) and path.rpartition("/")[2].lower() not in _NOTHING_RUNS


def _allowed(rt: Runtime, session_id: str) -> list[str]:
    """What the user has let the session's agents do, as text."""
    query = select(models.Approval).where(
        models.Approval.session_id == session_id, models.Approval.kind == "tool", models.Approval.status == "allowed"
    )
    with rt.db.read() as db:
        return [json.dumps(row.detail, ensure_ascii=False) for row in db.exec(query).all()]


def _is_named(path: str, allowed: list[str]) -> bool:
    """Whether a call that was allowed names all of a path's parts."""
    return any(all(part in said for part in path.split("/")) for said in allowed)
