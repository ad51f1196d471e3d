"""Landings without agents: a session that executes, tasks whose work the test writes itself, real git and checks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from maestro.core import queries
from maestro.core.commands import approvals, control, plans
from maestro.core.commands.sessions import NewSession, create_session
from maestro.core.integration import landing, validation
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.kernel.session_states import move
from maestro.core.planning.generation import add_version
from maestro.core.planning.plan import parse_plan
from maestro.core.supervisor import lifecycle
from maestro.core.views import ApprovalView, CheckRunView
from maestro.core.workspaces.preparing import prepare_worktree
from maestro.db import models
from maestro.settings import LoadedSettings
from tests.repos import write_files


class Bench:
    """One executing session. There is no supervisor: each step happens when the test says so."""

    def __init__(
        self, data_dir: Path, repo: Path, plan: dict[str, Any], *, base: str | None = None, **config: Any
    ) -> None:
        self.rt: Runtime = _open(data_dir)
        self.repo = repo
        self.another(plan, base=base, **config)

    def another(self, plan: dict[str, Any], *, base: str | None = None, **config: Any) -> None:
        """From here on the bench is about a new session of the same repository."""
        new = NewSession(
            title="Test", description="Build it", repo_path=str(self.repo), base_branch=base, agent_config=config
        )
        self.id = create_session(self.rt, new).id
        with self.rt.db.write() as tx:
            row = tx.db.get(models.Session, self.id)
            assert row is not None
            for event in ("start", "idea_ready"):
                move(tx, row, event)
            add_version(tx, row, parse_plan({"summary": "Test", **plan}), "generated")
            move(tx, row, "plan_ready")
        plans.approve_plan(self.rt, self.id, start=False)
        control.execute(self.rt, self.id)

    def reopen(self, at: Path | None = None) -> None:
        """The app stops and starts; ``at``: with its data folder moved there meanwhile."""
        self.rt.jobs.stop()
        self.rt.db.close()
        self.rt = _open(self.rt.data_dir.rename(at) if at else self.rt.data_dir)

    @property
    def session(self) -> models.Session:
        with self.rt.db.read() as db:
            row = db.get(models.Session, self.id)
        assert row is not None
        return row

    def task(self, key: str = "t1") -> models.Task:
        query = select(models.Task).where(models.Task.session_id == self.id, models.Task.key == key)
        with self.rt.db.read() as db:
            return db.exec(query).one()

    def measure_baseline(self) -> None:
        validation.run_baseline(self.rt, self.id)

    def begin(self, key: str = "t1") -> Path:
        """The task's worktree, as an agent finds it."""
        with self.rt.db.write() as tx:
            row = tx.db.get(models.Task, self.task(key).id)
            assert row is not None
            row.status, row.attempt = "running", max(row.attempt, 1)
            tx.db.add(row)
        return prepare_worktree(self.rt, self.session, self.task(key))

    def end(self, key: str = "t1", **result: Any) -> None:
        """The agent of the task has ended."""
        with self.rt.db.write() as tx:
            row = tx.db.get(models.Task, self.task(key).id)
            assert row is not None
            said = {"outcome": "success", "message": "Done.", **result}
            worker = models.Worker(session_id=self.id, task_id=row.id, name="W-1", spool_path="", status="ended")
            worker.result_json = said
            tx.db.add(worker)
            row.assigned_worker_id, row.status = worker.id, "checking"
            tx.db.add(row)

    def work(self, files: dict[str, str | None], key: str = "t1") -> models.Task:
        """An agent's whole run: change files (None deletes), end, land."""
        worktree = self.begin(key)
        write_files(worktree, {name: text for name, text in files.items() if text is not None})
        for name, text in files.items():
            if text is None:
                (worktree / name).unlink()
        self.end(key)
        return self.land(key)

    def land(self, key: str = "t1") -> models.Task:
        """One look of the landing, as the supervisor would start it."""
        landing.land(self.rt, self.task(key).id)
        return self.task(key)

    def asked(self, kind: str | None = None) -> list[ApprovalView]:
        found = queries.list_approvals(self.rt, session_id=self.id)
        return [a for a in found if kind is None or a.kind == kind]

    def answer(self, decision: Any, kind: str | None = None, message: str | None = None) -> None:
        (question,) = self.asked(kind)
        approvals.decide(self.rt, question.id, decision, message)

    def evidence(self, phase: str = "task") -> list[CheckRunView]:
        return [r for r in queries.list_evidence(self.rt, self.id) if r.phase == phase]

    def complete(self) -> str:
        """All tasks are in: validate the whole; the session's state after it."""
        with self.rt.db.write() as tx:
            row = tx.db.get(models.Session, self.id)
            assert row is not None
            if row.status == "executing":
                move(tx, row, "complete")
        validation.validate(self.rt, self.id)
        return self.session.status

    def logs(self) -> str:
        query = select(models.AgentLog).where(models.AgentLog.session_id == self.id)
        with self.rt.db.read() as db:
            return "\n".join(r.message for r in db.exec(query.order_by(col(models.AgentLog.id))).all())


def _open(data_dir: Path) -> Runtime:
    flags = {"data_dir": data_dir, "assistant": "demo", "permission_mode": "edits"}
    rt = open_runtime(LoadedSettings(flags=flags, environment={}, dotenv=None))
    lifecycle.finish_on_recovery(rt)
    return rt


@contextlib.contextmanager
def bench(tmp_path: Path, repo: Path, plan: dict[str, Any], **config: Any) -> Iterator[Bench]:
    """A bench whose database is closed at the end."""
    made = Bench(tmp_path / "data", repo, plan, **config)
    try:
        yield made
    finally:
        made.rt.jobs.stop()
        made.rt.db.close()


def plan_of(*tasks: dict[str, Any], checks: list[str] | None = None) -> dict[str, Any]:
    """A plan; each task gets what it does not name."""
    return {"checks": checks or [], "tasks": [{"title": "A task", **task} for task in tasks]}
