"""Answering questions: gates of workers, tasks that ask first, tasks that failed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy.exc import OperationalError

from maestro.core import queries
from maestro.core.approvals import asking, proposals
from maestro.core.commands import answers, corrections, networks, preferences, set_ups
from maestro.core.execution import resuming
from maestro.core.guards import storage, watchdog
from maestro.core.integration import rollbacks
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.planning import trust
from maestro.core.views import ApprovalView, SettingView
from maestro.db import models
from maestro.errors import InvalidInput, MaestroError, NotAllowed

_log = logging.getLogger(__name__)

Decision = Literal["allow", "allow_session", "allow_fresh", "allow_setup", "allow_sandboxed", "allow_network", "deny"]


def decide(
    rt: Runtime, approval_id: str, decision: Decision, message: str | None = None, *, corrected: str | None = None
) -> ApprovalView:
    """Answer a question. The first answer counts; ``allow_session`` also covers the like for this session.

    ``allow_fresh`` tries a failed task again in a fresh conversation; of other questions it is a plain yes.
    ``allow_setup`` adds the set-up that a question about a check offers, for the session and the repository.
    ``allow_sandboxed`` lets a repository's programs run in the sandbox only; of other questions it is a plain yes.
    ``allow_network`` lets the repository's checks (or its set-up) reach the hosts that a question names.
    ``corrected`` replaces the check that the question is about, before it is tried again.

    Raises NotFound, NotAllowed when it was answered or has expired meanwhile, and InvalidInput naming ``command``.
    """
    offered = set_ups.offered(rt, approval_id) if decision == "allow_setup" else None
    network = networks.offered(rt, approval_id) if decision == "allow_network" else None
    with rt.db.write() as tx:
        approval = lookup.approval_row(tx.db, approval_id)
        if approval.status != "pending":
            raise NotAllowed(f"This question was already {_past(approval)}.", state=approval.status, allowed=[])
        session = lookup.session_row(tx.db, approval.session_id)
        if approval.kind == "agent_question" and decision != "deny" and not (message or "").strip():
            words = "Enter an answer for the agent, or deny the question to let the agent decide."
            raise InvalidInput(words, {"message": "is missing"})
        if corrected is not None and decision != "deny":
            corrections.correct_check(tx, session, approval, corrected)
        if offered is not None:
            set_ups.take(tx, session, approval, offered)
        if network is not None:
            networks.take(tx, session, approval, network)
        if decision == "allow_sandboxed" and approval.kind == trust.KIND:
            trust.check_sandbox()
        if decision in {"allow_fresh", "allow_sandboxed"}:
            approval.detail = approval.detail | {"chosen": decision}
        asking.resolve(tx, session, approval, allow=decision != "deny", message=message)
        answers.follow(tx, session, approval)
        if decision == "allow_session" and approval.signature:
            asking.grant_for_session(tx, session, approval.signature)
        if approval.kind == "tool" and (line := proposals.after(tx.db, rt, approval)):
            approval.detail = approval.detail | {"proposal": line}
    for step in _FOLLOWS:
        _do(rt, step, approval, decision)
    rt.wake()
    return queries.get_approval(rt, approval_id)


def always(rt: Runtime, approval_id: str) -> SettingView:
    """Take the rule that was proposed with an answer into the policy of the settings; gives that setting.

    Workers that run keep the policy they began with. Raises NotFound, and NotAllowed where nothing was proposed.
    """
    with rt.db.read() as db:
        approval = lookup.approval_row(db, approval_id)
    changed = preferences.change_settings(rt, {"policy": proposals.policy_with(rt, approval).plain()})
    return next(setting for setting in changed if setting.name == "policy")


def _do(
    rt: Runtime,
    step: Callable[[Runtime, models.Approval, Decision], None],
    approval: models.Approval,
    decision: Decision,
) -> None:
    """The answer is stored: what follows and cannot be done now is done by the supervisor, which derives it from rows."""
    try:
        step(rt, approval, decision)
    except (OSError, OperationalError, MaestroError) as error:
        storage.health(rt).report(error, approval.session_id)
        _log.exception("what follows the answer to %s is done later", approval.id)


def _spread(rt: Runtime, approval: models.Approval, decision: Decision) -> None:
    if decision == "allow_session" and approval.signature:
        asking.broadcast_allowance(rt, approval.session_id, approval.signature)


def _end_of_failed(rt: Runtime, approval: models.Approval, decision: Decision) -> None:
    if approval.kind == "task_failed" and decision == "deny":
        rollbacks.end_of_failed(rt, approval.session_id)  # as at ``control.fail_session``


def _deliver(rt: Runtime, _approval: models.Approval, _decision: Decision) -> None:
    asking.deliver(rt)


def _resume(rt: Runtime, approval: models.Approval, _decision: Decision) -> None:
    resuming.after_answer(rt, approval)


def _move_again(rt: Runtime, approval: models.Approval, _decision: Decision) -> None:
    watchdog.after_answer(rt, approval)


_FOLLOWS = (_spread, _end_of_failed, _deliver, _resume, _move_again)


def _past(approval: models.Approval) -> Any:
    return {"allowed": "allowed", "denied": "denied"}.get(approval.status, "closed")
