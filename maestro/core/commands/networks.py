"""Taking what a question offers of the network: for the session, and remembered for the repository."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from maestro.confinement.proxy import hosts
from maestro.core.kernel import lookup
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
    """What is allowed, and what is known of the repository (None: it cannot be looked at any more)."""

    checks: bool  # checks reach the registries and the named hosts from now on
    hosts: list[str]
    info: RepositoryInfo | None
    seen: list[str]
    remembered: Environment


def offered(rt: Runtime, approval_id: str) -> Offered:
    """What a question offers. Raises NotFound, and InvalidInput where it offers nothing of the network."""
    with rt.db.read() as db:
        approval = lookup.approval_row(db, approval_id)
        session = lookup.session_row(db, approval.session_id)
    if not approval.detail.get("network_for"):
        words = "This question is not about the network."
        raise InvalidInput(words, {"decision": "allow_network is not among its answers"})
    named = [str(host) for host in approval.detail.get("network_hosts") or [] if _is_host(str(host))]
    try:
        info: RepositoryInfo | None = repository.inspect(session.repo_path)
    except MaestroError:
        info = None
    kept = repository_environment.confirmed(rt, info) if info else {}
    seen = repository_environment.offered(info, info.head_commit) if info else []
    for_checks = approval.detail["network_for"] == "checks"
    return Offered(for_checks, named, info, seen, Environment.model_validate(kept))


def take(tx: Transaction, session: models.Session, approval: models.Approval, offered: Offered) -> None:
    """Let the session's commands reach it, and remember that of the repository."""
    now = session.agent_config.get("network_hosts", [])
    session.agent_config = session.agent_config | {
        "network_hosts": list(dict.fromkeys([*now, *offered.hosts])),
        "check_network": bool(offered.checks or session.agent_config.get("check_network")),
    }
    tx.db.add(session)
    reached = ", ".join(offered.hosts) or "the registries of its tools"
    text = f"{'Checks' if offered.checks else 'Setup commands'} of this repository may reach {reached}."
    tx.log(session.id, text, kind="gate", source="you", task_id=approval.task_id)
    if offered.info is None:
        return
    kept = offered.remembered
    names = list(dict.fromkeys([*kept.network_hosts, *offered.hosts]))
    chosen = kept.model_copy(update={"network_hosts": names, "check_network": offered.checks or kept.check_network})
    repository_environment.store(tx, offered.info, chosen, offered.seen)


def _is_host(word: str) -> bool:
    with suppress(ValueError):
        return bool(hosts([word]))
    return False
