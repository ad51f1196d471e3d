"""From an agent's end to the session branch: commit, look, check, rebase, check again, move, checkpoint.

Every step can be repeated: after a crash the landing starts from the top and finds what is already done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import col, func, select

from maestro import secrets
from maestro.core.approvals import questions
from maestro.core.approvals.question import SETUP, Question
from maestro.core.guards import integrity, storage
from maestro.core.integration import branch_in_use, conflicts, lost_worktree, model_review, updates
from maestro.core.integration.hooks import (
    Hook,
    HookContext,
    endings,
    evidence,
    obeyed_files,
    outward_links,
    scope,
    stray_work,
    submodule_work,
    trusted,
)
from maestro.core.kernel import lookup
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.locks import WorkCancelled, branch_lock, cancellation_token, train_lock
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import State
from maestro.core.kernel.task_states import LANDING
from maestro.core.planning.approved import approved_plan, checks_of
from maestro.core.proving import check_changes, checkouts, clean_checkout, regression_checks
from maestro.core.proving.checking import CheckTarget, first_failure
from maestro.core.proving.findings import Finding
from maestro.core.tasks import notes, prompts, transitions
from maestro.core.workspaces import pooling
from maestro.core.workspaces.preparing import prepare_worktree
from maestro.db import models
from maestro.db.after import BranchUpdate
from maestro.db.types import utcnow
from maestro.errors import BranchGone, Conflict, GitError, MaestroError, SetupFailed
from maestro.worktrees import history, integration, refs, sparse, uncommittable

#: Looked at in this order before any check runs.
BEFORE_CHECKS: tuple[Hook, ...] = (
    evidence.the_run_ended_well,
    stray_work.nothing_left_in_a_stash,
    stray_work.nothing_left_in_the_sandbox,
    stray_work.nothing_left_on_another_branch,
    submodule_work.nothing_left_in_submodules,
    outward_links.none_unasked,
    endings.it_asks_instead,
    evidence.nothing_needed_was_denied,
    scope.no_copied_files,
    scope.only_declared_files,
)


@dataclass(frozen=True, slots=True)
class LandingContext:
    """One landing under way."""

    rt: Runtime
    session: models.Session
    task: models.Task
    result: dict[str, Any]
    checks: list[str]
    worktree: Path
    stop: Callable[[], bool]
    update: BranchUpdate | None = None  # the task brings the target branch in

    @property
    def repo(self) -> Path:
        """The user's repository."""
        return Path(self.session.repo_path)

    @property
    def trailers(self) -> dict[str, str]:
        """What marks the task's commits (contract, section 6)."""
        return {"Maestro-Session": self.session.id, "Maestro-Task": self.task.key}

    def tip(self) -> str:
        """Where the session branch stands now."""
        return lookup.session_tip(self.session)


def land(rt: Runtime, task_id: str) -> None:
    """Bring a task that is ``checking`` or ``integrating`` to its end, send it back, or ask the user.

    Does nothing while a question about the surroundings stops the session's train.
    """
    with rt.db.read() as db:
        task = db.get(models.Task, task_id)
    if task is None:
        return
    stop = cancellation_token(rt, task.session_id)
    with rt.db.read() as db:
        task = db.get(models.Task, task_id)
        session = db.get(models.Session, task.session_id) if task else None
        worker = db.get(models.Worker, task.assigned_worker_id) if task and task.assigned_worker_id else None
        update = updates.of_task(db, task_id)
    if task is None or session is None or session.status != State.EXECUTING:
        return
    if task.status not in LANDING:
        return  # whoever asked for this landing looked before the last one ended
    # A worker that still runs may have planted what the git calls of a landing would run.
    if questions.merge_train_blocker(rt, session.id) or integrity.verify_running(rt, session.id):
        return
    result = (worker.result_json if worker else None) or {}
    try:
        if (
            _is_told_more(rt, task)
            or branch_in_use.is_there(rt, session, task)
            or lost_worktree.send_back(rt, session, task)
        ):
            return
        _summary, plan_checks = approved_plan(rt, session)
        checks = checks_of(session, task, plan_checks)
        worktree = prepare_worktree(rt, session, task)
        sparse.widen(worktree)  # what is done is proven on all files
        flight = LandingContext(rt, session, task, result, checks, worktree, stop, update)
        refused = questions.refusal(rt, task)
        if refused is not None:
            _take_refusal(flight, refused)
        else:
            with checkouts.kept_ready(rt):
                _land(flight)
    except WorkCancelled:
        return
    except SetupFailed as error:
        questions.raise_question(rt, session, task, questions.setup_failed(error))
    except BranchGone:  # nothing of the task's is wrong: tried again, then asked about
        raise
    except MaestroError as error:  # anything else is tried again first (``stepping``)
        if not storage.health(rt).report(error, session.id):  # else: it lands when the disk is well
            _fail(rt, task, error)


def _land(flight: LandingContext) -> None:
    if _is_in_already(flight):
        return _finish(flight, integration.head(flight.worktree))
    try:
        head = _commit(flight)
    except GitError as error:
        odd = uncommittable.named(flight.worktree, error)
        if odd is None:
            raise
        return _send_back(flight, Finding(odd.detail, prompts.uncommittable_prompt(odd.detail)))
    except Conflict as error:  # the agent left the worktree on something that does not come from the branch
        return _send_back(
            flight, Finding(error.detail, prompts.left_elsewhere_prompt(error.detail, flight.task.branch))
        )
    start = flight.task.start_commit
    assert start is not None
    if branch_in_use.blocked(flight.rt, flight.session, flight.task, start, head):
        raise WorkCancelled
    arrival = _Arrival(flight, _hook_context(flight, head), _site(flight, "task", head))
    answer = next((said for review in _reviews(flight) if (said := review(arrival))), None)
    if answer:
        return _send_back(flight, answer)
    if _is_sent_back_by_the_reviewer(flight, arrival.site, start):
        return None
    with train_lock(flight.rt, flight.session.id):
        return _integrate(flight)


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A finished run, committed: what every review of it is handed."""

    landing: LandingContext
    context: HookContext
    site: CheckTarget


def _hooks(arrival: _Arrival) -> Finding | Question | None:
    return next((said for hook in BEFORE_CHECKS if (said := hook(arrival.context))), None)


def _trust(arrival: _Arrival) -> Finding | Question | None:
    return trusted.only_what_was_agreed_to(arrival.landing.rt, arrival.context)


def _obeyed(arrival: _Arrival) -> Finding | Question | None:
    return obeyed_files.none_unasked(arrival.landing.rt, arrival.context)


def _checks(arrival: _Arrival) -> Finding | Question | None:
    landing, context = arrival.landing, arrival.context
    checks = _all_checks(landing, context.start, context.head)
    return endings.judged(context, first_failure(landing.rt, arrival.site, checks, landing.stop))


def _changed_checks(arrival: _Arrival) -> Finding | Question | None:
    landing = arrival.landing
    return check_changes.review(landing.rt, arrival.site, arrival.context.start, landing.checks, landing.stop)


def _clean_checkout(arrival: _Arrival) -> Finding | Question | None:
    """The task's own checks only: those of the plan run in a clean checkout at the end anyway."""
    landing = arrival.landing
    return clean_checkout.review(landing.rt, arrival.site, landing.task.checks, landing.stop)


#: In this order, cheap ones first; the first that says anything counts.
_REVIEWS = (_hooks, _trust, _checks, _changed_checks, _obeyed, _clean_checkout)


def _is_sent_back_by_the_reviewer(flight: LandingContext, site: CheckTarget, start: str) -> bool:
    """Whether another model, where the user wants its review, found what the agent has to mend; that is no attempt."""
    prompt = model_review.review(flight.rt, site, start, flight.checks, flight.stop)
    if prompt is None:
        return False
    with flight.rt.db.write() as tx:
        row = lookup.task_row(tx.db, flight.session.id, flight.task.id)
        if row.status in LANDING and not flight.stop():
            transitions.resume_run(tx, row, prompt=prompt, progress_note="Sent back with the findings of a review")
    return True


def _is_told_more(rt: Runtime, task: models.Task) -> bool:
    """Whether the user has said something that the agent has not read: it goes on with that, before anything lands."""
    with rt.db.write() as tx:
        row = lookup.task_row(tx.db, task.session_id, task.id)
        if row.status not in LANDING or not notes.unread(tx.db, row.id):
            return False
        note = "Continuing with your message"
        transitions.resume_run(tx, row, prompt=prompts.MESSAGE_CAME, progress_note=note)
    return True


def _conflicts_resolved(arrival: _Arrival) -> Finding | Question | None:
    landing = arrival.landing
    assert landing.update is not None
    return updates.unresolved(landing.repo, landing.update, arrival.context.head)


def _checks_of_both(arrival: _Arrival) -> Finding | Question | None:
    """That an update changes nothing on top of the merge is no reason to ask."""
    landing = arrival.landing
    return first_failure(landing.rt, arrival.site, landing.checks, landing.stop)


#: Of an update: what changed in tests and checks came with the target, whose tests are the baseline by now.
_REVIEWS_OF_UPDATE = (_conflicts_resolved, _hooks, _trust, _checks_of_both, _obeyed)


def _reviews(flight: LandingContext) -> Sequence[Callable[[_Arrival], Finding | Question | None]]:
    return _REVIEWS_OF_UPDATE if flight.update is not None else _REVIEWS


def _hook_context(flight: LandingContext, head: str) -> HookContext:
    def accepted(kind: str) -> set[str]:
        return questions.accepted(flight.rt, flight.session.id, flight.task.id, kind)

    def known_tests() -> str:
        return check_changes.tried_tests(flight.rt, _site(flight, "task", head), flight.checks, flight.stop)

    return HookContext(
        flight.session, flight.task, flight.result, flight.worktree, head, flight.checks, accepted, known_tests
    )


def _take_refusal(flight: LandingContext, refused: models.Approval) -> None:
    """The user said no to what the agent left: back to it, with the reason."""
    if refused.detail.get("what") == SETUP:
        raise MaestroError(str(questions.setup_refusal(flight.rt, flight.task)))
    reason = str(refused.detail.get("finding") or f"You denied: {refused.title}.")
    prompt = str(refused.detail.get("prompt") or reason)
    if refused.message:
        prompt += f"\n\nNote from the user: {refused.message}"
    _send_back(flight, Finding(reason, prompt), refused=refused.id)


def _is_in_already(flight: LandingContext) -> bool:
    """Whether a landing that was cut short had already moved the session branch."""
    head = integration.head(flight.worktree)
    moved = head != flight.task.start_commit and refs.is_ancestor(flight.repo, head, flight.tip())
    return moved and history.carries(flight.repo, head, flight.trailers)


def _commit(flight: LandingContext) -> str:
    """Commit what is left and mark the task's commits.

    They begin where its branch left the session branch, which is not where the task started when the agent
    has merged the session branch itself (as a conflict asks it to).
    """
    task = flight.task
    words = secrets.clean(f"{task.title}\n\n{task.description[:2000]}".strip())  # a commit may be pushed
    integration.commit_all(flight.worktree, words, flight.trailers, branch=task.branch)
    if flight.update is not None:
        return updates.commit(flight.worktree, task, flight.update, flight.trailers)
    base = history.merge_base(flight.repo, flight.tip(), integration.head(flight.worktree))
    _remember_start(flight, base)
    return integration.add_trailers(flight.worktree, base, flight.trailers)


def _integrate(flight: LandingContext) -> None:
    _announce_integration(flight)
    tip, head = flight.tip(), integration.head(flight.worktree)
    assert flight.task.start_commit is not None
    if flight.update is not None:
        head = updates.seal(flight.worktree, tip, flight.update, flight.task.title, flight.trailers)
        _tell_one_sided(flight, updates.one_sided(flight.repo, flight.update, head))
        flight.task.start_commit = tip
    elif tip != flight.task.start_commit:
        moved = integration.rebase_onto(flight.worktree, flight.task.start_commit, tip)
        if not moved.ok:
            prompt = conflicts.explain(flight.rt, flight.session, flight.task.start_commit, tip, moved)
            reason = f"Conflicts with work integrated in the meantime: {', '.join(moved.conflicts[:5])}."
            return _send_back(flight, Finding(reason, prompt, tuple(moved.conflicts)))
        head = moved.head
        _remember_start(flight, tip)
        checks = _all_checks(flight, tip, head)
        failed = first_failure(flight.rt, _site(flight, "integration", head), checks, flight.stop)
        if failed:
            return _send_back(flight, failed)
    return _finish(flight, head)


def _tell_one_sided(flight: LandingContext, words: str) -> None:
    """The user should know where an agent has kept nothing of one side."""
    if words:
        with flight.rt.db.write() as tx:
            tx.log(flight.session.id, words, level="warn", kind="git", source="git", task_id=flight.task.id)


def _finish(flight: LandingContext, head: str) -> None:
    rt, session, start = flight.rt, flight.session, flight.task.start_commit
    assert start is not None
    if not refs.is_ancestor(flight.repo, head, flight.tip()) and _is_told_more(rt, flight.task):
        return
    with branch_lock(rt, session.id):
        with rt.db.read() as db:
            now = lookup.session_row(db, session.id)
        if flight.stop() or now.status != State.EXECUTING:
            raise WorkCancelled
        if not refs.is_ancestor(flight.repo, head, flight.tip()):
            try:
                integration.advance(flight.repo, session.session_branch, start, head)
            except Conflict as error:
                # The session branch was moved or checked out by hand: the next look starts from the top.
                branch_in_use.blocked(rt, session, flight.task, start, head)
                raise WorkCancelled from error
        summary = integration.diff_summary(flight.repo, start, head)
        _record_completion(flight, start, head, summary)
    pooling.put_back(rt, session, flight.worktree, keep=True)


def _record_completion(flight: LandingContext, start: str, head: str, summary: integration.DiffSummary) -> None:
    """Under the branch's lock, so that no other landing takes the checkpoint's number."""
    session_id = flight.session.id
    diff = f"{summary.files} file{'s' if summary.files != 1 else ''}, +{summary.insertions} −{summary.deletions}"
    numbers = select(func.max(col(models.Checkpoint.number))).where(models.Checkpoint.session_id == session_id)
    with flight.rt.db.read() as db:
        number = (db.exec(numbers).one() or 0) + 1
    about_submodules = submodule_work.words(flight.repo, start, head)
    # Not in the transaction: a merge holds the repository's lock while it waits for the writer's.
    integration.keep(flight.repo, integration.checkpoint_ref(session_id, number), head)
    with flight.rt.db.write() as tx:
        session = lookup.session_row(tx.db, session_id)
        task = lookup.task_row(tx.db, session_id, flight.task.id)
        if task.status == "completed" or lookup.rollback_in_progress(tx.db, session_id):
            raise WorkCancelled
        point = models.Checkpoint(session_id=session_id, number=number, commit=head, task_id=task.id, title=task.title)
        tx.db.add(point)
        result = {
            "commit": head,
            "integrated_from": start,
            "diff": f"{diff}: {', '.join(summary.paths[:12])}",
            "files": summary.files,
            "insertions": summary.insertions,
            "deletions": summary.deletions,
            "attempts": task.attempt,
            "checkpoint": number,
        }
        transitions.complete(tx, task, head, result)
        session.session_commit = session.checkpoint_commit = head
        session.updated_at = utcnow()
        tx.db.add(session)
        tx.log(
            session_id,
            f"Task {task.key} integrated: {diff}. Checkpoint {number}.",
            kind="git",
            source="git",
            task_id=task.id,
        )
        if about_submodules:
            tx.log(session_id, about_submodules, level="warn", kind="git", source="git", task_id=task.id)
        tx.emit("checkpoint_created", session_id, checkpoint_id=point.id, number=number, commit=head, task_id=task.id)
        tx.emit("task_completed", session_id, task_id=task.id, key=task.key, result=result)


def _all_checks(flight: LandingContext, start: str, head: str) -> list[str]:
    """The task's own checks, and those of earlier tasks whose tests it touches."""
    return [
        *flight.checks,
        *regression_checks.needed(flight.rt, flight.session, start, head, flight.checks),
    ]


def _site(flight: LandingContext, phase: str, commit: str) -> CheckTarget:
    return CheckTarget(flight.session, flight.task, flight.worktree, commit, phase)


def _send_back(flight: LandingContext, answer: Finding | Question, refused: str | None = None) -> None:
    if isinstance(answer, Question):
        if not flight.stop():
            questions.raise_question(flight.rt, flight.session, flight.task, answer)
        return
    with flight.rt.db.write() as tx:
        task = lookup.task_row(tx.db, flight.session.id, flight.task.id)
        session = lookup.session_row(tx.db, flight.session.id)
        if task.status in LANDING and not flight.stop():
            config = in_force(session.agent_config, flight.rt.settings)
            task.result_json = {"conflicts": list(answer.conflicts)} if answer.conflicts else None
            transitions.attempt_failed(tx, config, session, task, answer.reason, answer.prompt)
            if refused:
                questions.mark_delivered(tx, refused)


def _remember_start(flight: LandingContext, commit: str) -> None:
    flight.task.start_commit = commit
    with flight.rt.db.write() as tx:
        row = lookup.task_row(tx.db, flight.session.id, flight.task.id)
        if flight.stop():
            raise WorkCancelled
        row.start_commit = commit
        tx.db.add(row)


def _announce_integration(flight: LandingContext) -> None:
    with flight.rt.db.write() as tx:
        row = lookup.task_row(tx.db, flight.session.id, flight.task.id)
        if row.status not in LANDING or flight.stop():
            raise WorkCancelled
        transitions.integrate(tx, row)


def _fail(rt: Runtime, task: models.Task, error: MaestroError) -> None:
    with rt.db.write() as tx:
        row = lookup.task_row(tx.db, task.session_id, task.id)
        if row.status in LANDING:
            transitions.task_failed(
                tx, lookup.session_row(tx.db, task.session_id), row, f"Integration failed: {error.detail}"
            )
