"""Starting a worker for a task: worktree, prompt, environment, process. Safe to repeat after a crash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlmodel import col, func, select

from maestro.agents import named_tasks
from maestro.agents.base import AgentSpec
from maestro.core.approvals import questions
from maestro.core.approvals.question import Question
from maestro.core.execution import warm_workers
from maestro.core.guards import integrity, storage
from maestro.core.kernel import channel, lookup
from maestro.core.kernel.agent_config import EffectiveConfig, in_force
from maestro.core.kernel.endpoint import endpoint_for
from maestro.core.kernel.locks import WorkCancelled, cancellation_token
from maestro.core.kernel.processes import confine, lower_priority
from maestro.core.kernel.runtime import Runtime
from maestro.core.limits import account, admission, spending
from maestro.core.planning import own_agent, trust
from maestro.core.planning.approved import approved_plan, checks_of
from maestro.core.tasks import afresh, notes, prompts, transitions
from maestro.core.workspaces import agents_place, hatch, ports
from maestro.core.workspaces.cleanup import remove_worktree
from maestro.core.workspaces.environ import only_for_the_model, place_environment, worker_environment
from maestro.core.workspaces.preparing import prepare_worktree
from maestro.db import models
from maestro.db.session import Transaction
from maestro.db.types import new_id, utcnow
from maestro.errors import BranchGone, MaestroError, SetupFailed
from maestro.worker import launch, tree
from maestro.worker.spool import Spool
from maestro.worktrees import agents_git, repository, sparse, tracked_files
from maestro.worktrees.git import identity_environment

_MOST_MANIFESTS = 300
#: What to ask before the first run of a task whose own checks would not test its worktree.
Review = Callable[[Runtime, models.Session, Path, Sequence[str], Callable[[], bool]], Question | None]


def start_worker(rt: Runtime, task_id: str, review: Review) -> None:
    """Bring a task's worktree into being and start a worker in it; on failure the task fails with the plain reason."""
    with rt.db.read() as db:
        task = db.get(models.Task, task_id)
        session = db.get(models.Session, task.session_id) if task else None
    if task is None or session is None or task.status != "running" or not transitions.is_active(session):
        return
    if not admission.may_start(rt, session, task) or questions.setup_blocked(rt, session.id):
        return
    refused = questions.setup_refusal(rt, task)
    if refused is not None:
        _give_up(rt, task_id, refused)
        return
    try:
        if integrity.verify_running(rt, session.id):
            return
        worktree = prepare_worktree(rt, session, task)
        if not _asks_about_other_code(rt, session, task, worktree, review):
            _launch(rt, session, task, worktree)
    except WorkCancelled:
        return
    except SetupFailed as error:
        questions.raise_question(rt, session, task, questions.setup_failed(error, then="running"))
    except BranchGone:  # nothing of the task's is wrong: tried again, then asked about
        raise
    except MaestroError as error:  # anything else is tried again first (``stepping``)
        if storage.health(rt).report(error, session.id):
            return  # it is started again when the disk is well
        _give_up(rt, task_id, error.detail)


def _asks_about_other_code(
    rt: Runtime, session: models.Session, task: models.Task, worktree: Path, review: Review
) -> bool:
    """Review the checks of the task itself; those of the plan are the baseline's."""
    if not task.checks or task.conversation_id is not None:
        return False
    asked = review(rt, session, worktree, task.checks, cancellation_token(rt, session.id))
    if asked is None:
        return False
    remove_worktree(rt, session, worktree)  # nobody has worked there: it is made again, with the set-up as it is then
    questions.raise_question(rt, session, None, asked)
    return True


def _launch(rt: Runtime, session: models.Session, task: models.Task, worktree: Path) -> None:
    config = in_force(session.agent_config, rt.settings)
    endpoint = endpoint_for(rt, demo=session.demo)
    # Without an identity the agent's own git would refuse to merge or commit.
    identity = identity_environment(Path(session.repo_path))
    env = worker_environment(
        endpoint, rt.data_dir / "demo" / "home", settings=rt.settings, agent_config=session.agent_config
    )
    env |= identity
    with rt.db.read() as db:
        agent = own_agent.of_stored(db, task, session, config)
    pool = warm_workers.pool(rt)
    standby = pool.take(agent.agent_type)
    worker = _register(rt, session, task, account.name_of(endpoint), standby.worker_id if standby else new_id())
    if worker is None:
        if standby is not None:
            pool.give_back(standby)
        return
    try:
        spec = _spec(rt, session, task, worker, worktree, config, agent)
        spec = replace(spec, withheld=only_for_the_model(env, rt.settings, session.agent_config))
        told = agents_git.settings(worktree) | sparse.settings(worktree)
        env |= place_environment(spec.port_base, told) | hatch.place(worktree)
        integrity.snapshot(rt, session, worker)
        launched = launch.launch(
            Spool(Path(worker.spool_path)),
            spec,
            env,
            key=channel.new_key(rt, worker.id),
            standby=standby,
            on_end=lambda: rt.wake(),
        )
    except BaseException:
        if standby is not None:
            standby.dismiss()
        raise
    lower_priority(rt, launched.pid)
    confine(config.worker_cpu_percent, launched.pid, int(worker.name.removeprefix("W-")))
    with rt.db.write() as tx:
        row = tx.db.get(models.Worker, worker.id)
        now = tx.db.get(models.Session, session.id)
        if row is not None:
            row.pid, row.pid_started = launched.pid, launched.pid_started
            tx.db.add(row)
            notes.written_to(tx, [note["id"] for note in spec.notes], worker.id)
            tx.emit(
                "worker_spawned", session.id, worker_id=worker.id, name=worker.name, pid=launched.pid, task_id=task.id
            )
            text = f"{worker.name} started on {task.key}, attempt {task.attempt}"
            tx.log(session.id, text, task_id=task.id, worker_id=worker.id)
    if row is None or row.status == "ended" or now is None or not transitions.is_active(now):
        # Cancelled, paused or rolled back between our first look and the start.
        tree.kill_tree(launched.pid, launched.pid_started, worker.id)


def _register(
    rt: Runtime, session: models.Session, task: models.Task, account_name: str, worker_id: str
) -> models.Worker | None:
    """Write the worker's row before the process exists, so that a crash in between leaves a trace to look for.

    None when nothing is to be started after all: the task has a worker already (whoever asked for this start
    looked before that one was there), is not to go on, or has to wait for money that other runs hold.
    """
    with rt.db.write() as tx:
        now, fresh = tx.db.get(models.Session, session.id), tx.db.get(models.Task, task.id)
        if now is None or fresh is None or fresh.status != "running" or not transitions.is_active(now):
            return None
        if _has_worker(tx, task.id) or lookup.rollback_in_progress(tx.db, session.id):
            return None
        money = spending.grant(tx.db, rt.settings, now, fresh, in_force(now.agent_config, rt.settings))
        if money.wait:
            return None
        count = tx.db.exec(select(func.count()).where(models.Worker.session_id == session.id)).one()
        worker = models.Worker(
            id=worker_id,
            session_id=session.id,
            task_id=task.id,
            name=f"W-{count + 1}",
            attempt=task.attempt,
            account=account_name,
            reserved_usd=money.usd,
            spool_path=str(rt.data_dir / "workers" / worker_id),
        )
        tx.db.add(worker)
        row = lookup.task_row(tx.db, session.id, task.id)
        first = row.started_at is None
        row.assigned_worker_id = worker.id
        row.started_at = row.started_at or utcnow()
        row.progress_note = "Starting the agent"
        tx.db.add(row)
        if first:
            tx.emit(
                "task_started", session.id, task_id=task.id, key=task.key, worker_id=worker.id, attempt=task.attempt
            )
    return worker


def _has_worker(tx: Transaction, task_id: str) -> bool:
    """At most one live worker a task, ever."""
    query = select(models.Worker.id).where(models.Worker.task_id == task_id, col(models.Worker.status) != "ended")
    return tx.db.exec(query).first() is not None


def _spec(
    rt: Runtime,
    session: models.Session,
    task: models.Task,
    worker: models.Worker,
    worktree: Path,
    config: EffectiveConfig,
    agent: own_agent.Chosen,
) -> AgentSpec:
    summary, plan_checks = approved_plan(rt, session)
    checks = checks_of(session, task, plan_checks)
    repo = Path(session.repo_path)
    resume = task.conversation_id is not None
    first = prompts.first_prompt(task, session, summary, checks, _done_before(rt, session, task))
    first = f"{first}\n\n{task.prompt}" if task.prompt else first
    if not resume and task.guard_state.afresh:
        first = f"{first}\n\n{afresh.story(rt, task, worktree)}"
    prompt = (task.prompt or prompts.RESUMED) if resume else first
    mode = config.permission_mode
    return AgentSpec(
        worker_id=worker.id,
        session_id=session.id,
        task_id=task.id,
        task_key=task.key,
        agent_type=agent.agent_type,
        worktree=str(worktree),
        prompt=prompt,
        system_append=prompts.system_append(
            repository.instructions(repo, session.base_commit),
            sparse=bool(sparse.settings(worktree)),
            material=trust.instructions_are_material(rt, session),
        ),
        conversation_id=task.conversation_id or new_id(),
        resume=resume,
        fresh_prompt=first,
        model=agent.model,
        effort=agent.effort,
        permission_mode=mode,
        confinement=agents_place.of_agent(rt, session, task.id, worktree, config) if mode == "sandboxed" else None,
        checks=sorted({*checks, *plan_checks}),
        approved=_names_at_first(repo, task.start_commit or session.base_commit) if mode == "edits" else None,
        allowances=list(session.allowances),
        policy=config.policy.model_dump(mode="json"),
        private=[str(rt.data_dir)],
        max_turns=config.max_turns,
        budget_usd=worker.reserved_usd,
        task_timeout_s=config.task_timeout_minutes * 60,
        cli_path=str(rt.settings.claude_path) if rt.settings.claude_path else None,
        command=config.command,
        deny_read=[str(rt.data_dir / "token"), str(rt.data_dir / "maestro.db"), str(Path.home() / ".ssh")],
        trust_repository=config.trust_repository and not trust.instructions_are_material(rt, session),
        user_hooks=config.user_hooks,
        port_base=ports.of_worker(rt, worker),
        notes=_unread(rt, task),
    )


def _unread(rt: Runtime, task: models.Task) -> list[dict[str, str]]:
    with rt.db.read() as db:
        return [{"id": note.id, "text": note.text} for note in notes.unread(db, task.id)]


def _names_at_first(repo: Path, commit: str) -> dict[str, str]:
    """What names of commands, such as ``npm test``, mean before a task changes anything."""
    texts = tracked_files.small_files(repo, commit, named_tasks.NAMES, named_tasks.MOST_BYTES, _MOST_MANIFESTS)
    return named_tasks.summaries(texts)


def _done_before(rt: Runtime, session: models.Session, task: models.Task) -> list[str]:
    with rt.db.read() as db:
        before = [t for t in lookup.tasks_of(db, session.id) if t.key in task.depends_on and t.result_commit]
    return [f"{t.key} ({t.title}): {(t.result_json or {}).get('diff', 'see the git log')}" for t in before]


def _give_up(rt: Runtime, task_id: str, reason: str) -> None:
    with rt.db.write() as tx:
        task = tx.db.get(models.Task, task_id)
        session = tx.db.get(models.Session, task.session_id) if task else None
        if task is not None and session is not None and task.status == "running":
            transitions.task_failed(tx, session, task, reason)
