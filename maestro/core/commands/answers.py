"""What each answered question does, in the transaction that stores the answer."""

from __future__ import annotations

from maestro.core.approvals import asking
from maestro.core.guards import watchdog
from maestro.core.integration import rollbacks
from maestro.core.limits import account, budgets
from maestro.core.planning import trust
from maestro.core.tasks import prompts, transitions
from maestro.db import models
from maestro.db.session import Transaction


def follow(tx: Transaction, session: models.Session, approval: models.Approval) -> None:
    """Do what follows the answer that ``approvals.asking.resolve`` has just recorded.

    Of a kind of another version, and of an alarm (``guards.pauses`` ends its pause), the answer is all there is.
    """
    after = _FOLLOW_UP.get(approval.kind)
    if after is not None:
        after(tx, session, approval)


def _after_task_failed(tx: Transaction, session: models.Session, approval: models.Approval) -> None:
    task = tx.db.get(models.Task, approval.task_id) if approval.task_id else None
    if task is None or task.status != "failed":
        return
    if approval.status == "allowed":
        fresh = approval.detail.get("failure") == "conversation" or approval.detail.get("chosen") == "allow_fresh"
        transitions.retry_task(tx, session, task, approval.message, fresh=fresh)
        account.release_refused_key(tx, session)
    else:
        rollbacks.take_back_repairs(tx, session)
        transitions.fail_session(tx, session, f"Task {task.key} failed: {task.error_message or 'no reason given'}")


def _after_ending(tx: Transaction, session: models.Session, approval: models.Approval) -> None:
    """What the agent asked, or that it did nothing, is answered: it lands, or goes on in its conversation."""
    if approval.kind == "nothing_changed" and approval.status == "allowed":
        asking.back_to_landing(tx, approval, "You answered")
        return
    task = tx.db.get(models.Task, approval.task_id) if approval.task_id else None
    if task is None or task.status != "waiting":
        return
    if approval.request_id and approval.worker_id:
        asker = tx.db.get(models.Worker, approval.worker_id)
        if asker is not None and asker.ended_at is None:
            return  # it waits for the answer in its run
    words = str(approval.detail.get("words") or "")
    if approval.kind == "nothing_changed":
        prompt = prompts.not_done_prompt(words, approval.message)
    else:
        prompt = prompts.answer_prompt(words, approval.message if approval.status == "allowed" else None)
        finding = str(approval.detail.get("reason") or "")
        prompt += f"\n\nWhat Maestro's checks found in the meantime: {finding}" if finding else ""
    transitions.resume(tx, session, task, prompt)


def _after_trust(tx: Transaction, _session: models.Session, approval: models.Approval) -> None:
    """The answer holds for the repository; what lands already looks at it again."""
    trust.after_answer(tx, approval)


def _after_stuck(tx: Transaction, _session: models.Session, approval: models.Approval) -> None:
    watchdog.apply_answer(tx, approval)


_FOLLOW_UP = {
    "task_failed": _after_task_failed,
    "budget": budgets.apply_answer,
    "stuck": _after_stuck,
    "trust": _after_trust,
    **dict.fromkeys(asking.ENDING_KINDS, _after_ending),
}
