"""Rows for pages to show, written into a data folder before the app starts.

with seeding(data_dir) as rt:
    session = seed_session(rt, repo, status="paused", tasks=[task("t1", "Write it", status="completed")])
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.db import models
from maestro.db.types import utcnow
from maestro.settings import LoadedSettings
from tests.repos import commit, make_repo, run_git

PLAN: dict[str, Any] = {"summary": "Seeded.", "assumptions": [], "risks": [], "decisions": [], "checks": []}


@contextmanager
def seeding(data_dir: Path) -> Iterator[Runtime]:
    """A runtime on a data folder that no app holds."""
    rt = open_runtime(LoadedSettings({"data_dir": data_dir}, environment={}, dotenv=None))
    yield rt
    rt.db.close()


def ago(seconds: float) -> datetime:
    """A moment that long before now."""
    return utcnow() - timedelta(seconds=seconds)


def task(key: str, title: str, **columns: Any) -> dict[str, Any]:
    """Column values of a task."""
    return {"key": key, "title": title, **columns}


def seed_session(
    rt: Runtime, repo: Path, *, title: str = "Seeded", tasks: list[dict[str, Any]] | None = None, **columns: Any
) -> models.Session:
    """A session on a repository, with its tasks and an approved plan of them."""
    base = run_git(repo, "rev-parse", "main")
    given = {"base_branch": "main", "base_commit": base, "session_branch": "", "plan_version": 1} | columns
    session = models.Session(title=title, repo_path=str(repo), plan_approved_at=utcnow(), **given)
    session.session_branch = session.session_branch or f"maestro/seeded-{session.id[:8]}/main"
    rows = [models.Task(session_id=session.id, position=n, **t) for n, t in enumerate(tasks or [])]
    plan = PLAN | {"tasks": [{"id": t.key, "title": t.title, "depends_on": t.depends_on} for t in rows]}
    with rt.db.write() as tx:
        tx.db.add(session)
        tx.db.flush()
        tx.db.add(models.PlanVersion(session_id=session.id, version=1, plan_json=plan, hash="0", approved_at=utcnow()))
        tx.db.add_all(rows)
    return session


def tasks_of(rt: Runtime, session: models.Session) -> dict[str, models.Task]:
    """The tasks of a session by key."""
    from maestro.core.kernel import lookup

    with rt.db.read() as db:
        return {t.key: t for t in lookup.tasks_of(db, session.id)}


def add(rt: Runtime, *rows: Any) -> None:
    """Write rows; workers with the place where their spool would lie."""
    for row in rows:
        if isinstance(row, models.Worker):
            row.spool_path = str(rt.data_dir / "workers" / row.id)
    with rt.db.write() as tx:
        tx.db.add_all(rows)


def finished_repo(path: Path, session_branch: str, files: dict[str, str | bytes]) -> tuple[Path, str]:
    """A repository whose session branch changes ``files``; ``main`` is checked out. Gives it with the branch's commit."""
    repo = make_repo(path, {"README.md": "# Sample\n", "src/app.py": "def main():\n    return 1\n"})
    run_git(repo, "checkout", "-q", "-b", session_branch)
    head = commit(repo, files, "The work")
    run_git(repo, "checkout", "-q", "main")
    return repo, head


def stored_row(seeded: dict[str, str], query: str, *values: str) -> Any:
    """The first row that the app's database holds now."""
    with sqlite3.connect(f"file:{seeded['data']}/maestro.db?mode=ro", uri=True) as db:
        return db.execute(query, values).fetchone()


def gate_on(page: Page, approval_id: str) -> Locator:
    """A question as the page shows it."""
    return page.locator(f'[data-approval="{approval_id}"]')
