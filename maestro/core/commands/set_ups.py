"""Taking the set-up that a question offers: for the session, and remembered for the repository."""

from __future__ import annotations

from dataclasses import dataclass

from maestro.core.approvals.question import UNPROVEN
from maestro.core.commands import corrections
from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import parse_check
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import repository_environment
from maestro.core.workspaces.repository_environment import Environment
from maestro.db import models
from maestro.db.session import Transaction
from maestro.errors import InvalidInput, MaestroError
from maestro.worktrees import repository
from maestro.worktrees.repository import RepositoryInfo


@dataclass(frozen=True, slots=True)
class Offered:
    """What is added, and what is known of the repository (None: it cannot be looked at any more)."""

    setup: list[str]
    check: str | None
    info: RepositoryInfo | None
    seen: list[str]
    remembered: Environment


def offered(rt: Runtime, approval_id: str) -> Offered:
    """What a question offers. Raises NotFound, and InvalidInput where it offers no set-up."""
    with rt.db.read() as db:
        approval = lookup.approval_row(db, approval_id)
        session = lookup.session_row(db, approval.session_id)
    setup = [parse_check(str(command)) for command in approval.detail.get("missing_setup") or []]
    if not setup:
        raise InvalidInput(
            "This question does not offer setup commands.", {"decision": "allow_setup is not among its answers"}
        )
    check = approval.detail.get("setup_check")
    try:
        info: RepositoryInfo | None = repository.inspect(session.repo_path)
    except MaestroError:
        info = None
    kept = repository_environment.confirmed(rt, info) if info else {}
    return Offered(
        setup,
        str(check) if check else None,
        info,
        repository_environment.offered(info, info.head_commit) if info else [],
        Environment.model_validate(kept),
    )


def take(tx: Transaction, session: models.Session, approval: models.Approval, offered: Offered) -> None:
    """Add it to what the session's worktrees get, remember it, and let it run before the check is tried again."""
    old = str(approval.detail.get("command") or "")
    now = session.agent_config.get("setup", [])
    session.agent_config = session.agent_config | {"setup": list(dict.fromkeys([*now, *offered.setup]))}
    tx.db.add(session)
    if offered.check and old:
        corrections.correct_check(tx, session, approval, offered.check)
    approval.detail = approval.detail | {"what": UNPROVEN}
    text = f"Added to this session's worktree setup: {'; '.join(offered.setup)}"
    tx.log(session.id, text, kind="check", source="you", task_id=approval.task_id)
    if offered.info is None:
        return
    kept = offered.remembered
    checks = [offered.check if check == old and offered.check else check for check in kept.checks]
    setup = list(dict.fromkeys([*kept.setup, *offered.setup]))
    chosen = kept.model_copy(update={"setup": setup, "checks": checks})
    repository_environment.store(tx, offered.info, chosen, offered.seen)
