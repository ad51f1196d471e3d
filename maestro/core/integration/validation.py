"""The whole: the baseline before any task, the checks of the whole after the last, and what follows."""

from __future__ import annotations

from maestro.core.approvals import asking, questions
from maestro.core.approvals.question import Question
from maestro.core.guards import storage
from maestro.core.integration import rollbacks
from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import EffectiveConfig, in_force
from maestro.core.kernel.locks import WorkCancelled, cancellation_token
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State, move
from maestro.core.planning.approved import approved_plan
from maestro.core.proving import checkouts, excuses, measured, network_needed, other_code, reservations
from maestro.core.proving.checking import CheckTarget, measure, prove
from maestro.core.tasks import outcomes, transitions
from maestro.core.workspaces.run_command import WATCH_MODE
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import utcnow
from maestro.errors import MaestroError, SetupFailed


def run_baseline(rt: Runtime, session_id: str) -> None:
    """Run the plan's checks once on the base commit, so that what failed before is known as such.

    What could not run is measured again after the user has looked at the surroundings.
    """
    stop = cancellation_token(rt, session_id)
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    if session.status == State.PAUSED:
        return
    _summary, checks = approved_plan(rt, session)
    missing = measured.missing(rt, session, checks)
    if not missing or questions.setup_blocked(rt, session_id):
        return
    try:
        with checkouts.checkout(rt, session, "baseline", session.base_commit) as folder:
            asked = other_code.review(rt, session, folder, checks, stop)
            if asked is not None:
                questions.raise_question(rt, session, None, asked)
                return
            for command in missing:
                site = CheckTarget(session, None, folder, session.base_commit, "baseline")
                ran = measure(rt, site, command, stop)
                if isinstance(ran, Question):
                    questions.raise_question(rt, session, None, ran)
                    return
                if ran.outcome.stopped == WATCH_MODE:  # said before an agent has worked for nothing
                    excuses.raise_watches(rt, session, command, ran.outcome)
                asked = network_needed.review(rt, session, None, command, ran.outcome)
                if asked is not None:
                    asked = network_needed.offering(asked, ran.outcome)
                    questions.raise_question(rt, session, None, asked)
    except SetupFailed as error:
        questions.raise_question(rt, session, None, questions.setup_failed(error))
    except MaestroError as error:
        if storage.health(rt).report(error, session_id):
            return  # again when the disk is well
        measured.given_up(rt).add(session_id)
        with rt.db.write() as tx:
            text = f"The checks could not be run before the work: {error.detail}"
            tx.log(session_id, text, level="warn", kind="check", source="checks")


def validate(rt: Runtime, session_id: str) -> None:
    """Run the plan's checks on the session branch; then COMPLETED, a repair task, or FAILED.

    While a question about the whole is open the session stays in VALIDATING; the answer brings it here again.
    """
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    if session.status != State.VALIDATING or questions.validation_blocked(rt, session_id):
        return
    _summary, checks = approved_plan(rt, session)
    commit = ""
    try:
        commit = lookup.session_tip(session)
        failures, question = _run_all(rt, session, checks, commit)
    except WorkCancelled:
        return
    except MaestroError as error:
        if storage.health(rt).report(error, session_id):
            return  # again when the disk is well
        failures, question = [], questions.setup_failed(error)
    if question is not None:
        refused = questions.validation_refusal(rt, session_id, question)
        if refused is None:
            questions.raise_question(rt, session, None, question)
            return
        _give_up(rt, session_id, refused)
        rollbacks.finish_automatic(rt, session_id)
        return
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session_id)
        if row.status != State.VALIDATING:
            return
        _decide(tx, row, in_force(row.agent_config, rt.settings), commit, checks, failures)
    rollbacks.finish_automatic(rt, session_id)  # takes back what a give-up intends to
    rt.wake()


def _give_up(rt: Runtime, session_id: str, reason: str) -> None:
    with rt.db.write() as tx:
        row = lookup.session_row(tx.db, session_id)
        if row.status == State.VALIDATING:
            row.error_message = reason
            move(tx, row, "give_up", reason=reason)
            rollbacks.take_back_repairs(tx, row)
            transitions.announce_failure(tx, row, reason)


def _decide(
    tx: Transaction,
    session: models.Session,
    config: EffectiveConfig,
    commit: str,
    checks: list[str],
    failures: list[tuple[str, str]],
) -> None:
    session.validation_attempt += 1
    # A hint from the user is tried once, whatever the limit.
    limit = max(config.max_attempts, 2 if lookup.validation_hint(tx.db, session.id) else 1)
    if not failures:
        _complete(tx, session, commit, checks)
    elif session.validation_attempt >= limit:
        names = ", ".join(f"`{c}`" for c, _said in failures)
        session.error_message = f"The final checks still fail after {session.validation_attempt} attempts: {names}."
        move(tx, session, "give_up", reason=session.error_message)
        rollbacks.take_back_repairs(tx, session)
        transitions.announce_failure(tx, session, session.error_message)
    else:
        task = transitions.repair_task(tx, session, failures)
        move(tx, session, "fail", reason=f"{len(failures)} of {len(checks)} final checks failed")
        text = f"The final checks failed. {task.key} fixes them."
        tx.log(session.id, text, level="warn", kind="check", source="checks")


def _run_all(
    rt: Runtime, session: models.Session, checks: list[str], commit: str
) -> tuple[list[tuple[str, str]], Question | None]:
    """What failed, as (command, words for the agent); or the question that has to be answered first."""
    failures: list[tuple[str, str]] = []
    stop = cancellation_token(rt, session.id)
    with checkouts.kept_ready(rt), checkouts.checkout(rt, session, "validation", commit) as folder:
        for command in checks:
            answer = prove(rt, CheckTarget(session, None, folder, commit, "validation"), command, stop)
            if isinstance(answer, Question):
                refused = questions.validation_refusal(rt, session.id, answer)
                if refused is None:
                    return [], answer
                failures.append((command, refused))
            elif answer is not None:
                failures.append((command, answer.prompt))
    return failures, None


def _complete(tx: Transaction, session: models.Session, commit: str, checks: list[str]) -> None:
    tasks = lookup.tasks_of(tx.db, session.id)
    session.session_commit = session.checkpoint_commit = commit
    session.error_message = None
    told = reservations.accepted(tx.db, session.id)
    session.result_json = told | {
        "commit": commit,
        "proven": bool(checks) and reservations.is_proof(told),
        "checks": len(checks),
        "tasks": sum(1 for t in tasks if t.status == "completed"),
        "skipped": sum(1 for t in tasks if t.status == "skipped"),
        "completed_at": utcnow().isoformat(),
    }
    denied = len(asking.denied_in_absence(tx.db, session.id))
    if denied:
        session.result_json = session.result_json | {"denied_away": denied}
    move(tx, session, "pass")
    outcomes.measure(tx, session)
    counted = "1 final check" if len(checks) == 1 else f"{len(checks)} final checks"
    proof = f"{counted} passed" if checks else "the plan has no final checks, so nothing proves the result"
    tx.log(session.id, " ".join([f"Completed: {proof}.", *told["proven_but"]]), kind="system")
    tx.emit("session_completed", session.id, result=session.result_json)
    text = " ".join([f"Ready to merge: {proof}.", *told["proven_but"]])
    if denied:
        text += f" Denied while you were away: {denied}. Check what was left out before you merge."
    tx.emit("notification", session.id, level="info", title=f"{session.title}: completed", text=text)
