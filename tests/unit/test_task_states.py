"""Whatever is done with a task, it moves along its table; nothing moves it past the one function that knows it."""

from __future__ import annotations

import ast
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from maestro.core.approvals import asking
from maestro.core.kernel import task_states
from maestro.core.kernel.agent_config import in_force
from maestro.core.kernel.task_states import TRANSITIONS, TaskStatus
from maestro.core.tasks import transitions
from maestro.db import models
from maestro.db.session import Database, Transaction
from maestro.settings import Settings

ROOT = Path(__file__).parents[2]

#: From where to where, as it was agreed; besides these, a rollback leads from anywhere to pending, a restore to completed.
TABLE = {
    "pending": {"running", "waiting", "skipped", "cancelled"},
    "running": {"waiting", "checking", "running", "failed", "cancelled"},
    "waiting": {"pending", "running", "waiting", "checking", "skipped", "failed", "cancelled"},
    "checking": {"integrating", "completed", "running", "waiting", "failed", "cancelled"},
    "integrating": {"integrating", "completed", "running", "waiting", "failed", "cancelled"},
    "failed": {"running", "skipped"},
    "completed": set(),
    "skipped": set(),
    "cancelled": set(),
}


def test_the_table_leads_where_it_was_agreed_to() -> None:
    found = {
        str(source): {str(t.target) for t in TRANSITIONS if source in t.sources and t.event not in {"reset", "restore"}}
        for source in TaskStatus
    }
    assert found == TABLE
    assert len({t.event for t in TRANSITIONS}) == len(TRANSITIONS)


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('db') / 'm.db'}")
    database.migrate()
    yield database
    database.close()


def new_task(db: Database, status: str = "pending") -> str:
    with db.write() as tx:
        session = models.Session(repo_path="/r", base_commit="c", session_branch="b", status="executing")
        tx.db.add(session)
        tx.db.flush()
        task = models.Task(session_id=session.id, key="t1", position=0, title="A task", status=status)
        tx.db.add(task)
        return task.id


Act = Callable[[Transaction, models.Session, models.Task], None]
_config = in_force({"max_attempts": 2}, Settings())


def answer(allow: bool) -> Act:
    """Answer the question before the start, as ``commands.approvals`` has it done."""

    def act(tx: Transaction, session: models.Session, task: models.Task) -> None:
        query = select(models.Approval).where(
            models.Approval.task_id == task.id,
            models.Approval.kind == "task_start",
            models.Approval.status == "pending",
        )
        for asked in tx.db.exec(query).all():
            asking.resolve(tx, session, asked, allow=allow)

    return act


#: What Maestro does with tasks, and what each may turn into.
ACTS: dict[str, tuple[Act, tuple[task_states.Event, ...]]] = {
    "start": (transitions.start, ("start",)),
    "ask before the start": (transitions.ask_before_start, ("ask_first",)),
    "yes to the start": (answer(True), ("release",)),
    "no to the start": (answer(False), ("skip",)),
    "wait": (lambda tx, _s, task: transitions.wait_for_answer(tx, task), ("ask",)),
    "resume": (lambda tx, s, task: transitions.resume(tx, s, task, "On."), ("resume",)),
    "attempt failed": (
        lambda tx, s, task: transitions.attempt_failed(tx, _config, s, task, "Red.", "Mend it."), ("send_back", "fail"),
    ),
    "interrupted": (lambda tx, s, task: transitions.interrupted(tx, s, task, "Killed."), ("resume", "fail")),
    "check": (lambda tx, _s, task: transitions.check(tx, task), ("check",)),
    "integrate": (lambda tx, _s, task: transitions.integrate(tx, task), ("integrate",)),
    "complete": (lambda tx, _s, task: transitions.complete(tx, task, "c1", {"files": 1}), ("complete",)),
    "fail": (lambda tx, s, task: transitions.task_failed(tx, s, task, "Broken."), ("fail",)),
    "retry": (lambda tx, s, task: transitions.retry_task(tx, s, task, "a hint"), ("retry",)),
    "retry afresh": (lambda tx, s, task: transitions.retry_task(tx, s, task, None, fresh=True), ("retry",)),
    "skip": (transitions.skip_task, ("skip",)),
    "release": (lambda tx, s, _t: transitions.release_waiting(tx, s), ("release", "resume")),
    "cancel": (lambda tx, _s, task: transitions.cancel(tx, task), ("cancel",)),
    "reset": (lambda tx, _s, task: transitions.reset(tx, task), ("reset",)),
    "restore": (lambda tx, _s, task: transitions.restore(tx, task, attempt=1), ("restore",)),
}  # fmt: skip

#: These choose among the tasks themselves: where there is nothing to do they do nothing.
CHOOSING = {"yes to the start", "no to the start", "release"}


def test_the_walk_knows_every_move() -> None:
    assert {event for _act, events in ACTS.values() for event in events} == {t.event for t in TRANSITIONS}


def status_of(db: Database, task_id: str) -> str:
    with db.read() as session:
        task = session.get(models.Task, task_id)
        assert task is not None
        return str(task.status)


def attempt(db: Database, task_id: str, act: Act) -> bool:
    """Do it; whether the table let it happen."""
    try:
        with db.write() as tx:
            task = tx.db.get(models.Task, task_id)
            session = tx.db.get(models.Session, task.session_id) if task else None
            assert task is not None
            assert session is not None
            act(tx, session, task)
    except task_states.IllegalMove:
        return False
    return True


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaches raise, and are what this test is about."""
    monkeypatch.setattr(task_states, "IllegalMove", type("IllegalMove", (RuntimeError,), {}))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walk=st.lists(st.sampled_from(sorted(ACTS)), max_size=25))
def test_random_walks_stay_in_the_table_and_a_failed_task_has_its_question(
    db: Database, raising: None, walk: list[str]
) -> None:
    task_id = new_task(db)
    for name in walk:
        act, events = ACTS[name]
        before = status_of(db, task_id)
        possible = {str(t.target) for t in TRANSITIONS if t.event in events and before in t.sources}
        done, after = attempt(db, task_id, act), status_of(db, task_id)
        if done:
            assert after in possible or (name in CHOOSING and after == before)
        else:
            assert after == before
            assert not possible or len(events) > 1
        with db.read() as session:
            query = select(models.Approval.id).where(
                models.Approval.task_id == task_id, models.Approval.status == "pending"
            )
            assert after != "failed" or session.exec(query).first() is not None


@pytest.mark.parametrize("event", [t.event for t in TRANSITIONS])
def test_out_of_an_unknown_state_lead_only_the_ways_that_end_it(
    db: Database, raising: None, event: task_states.Event
) -> None:
    task_id = new_task(db, "sleeping")
    done = attempt(db, task_id, lambda tx, _s, task: task_states.move(tx, task, event))
    assert done == (event in {"skip", "cancel", "reset", "restore"})
    assert (status_of(db, task_id) != "sleeping") == done


def test_a_refused_move_changes_nothing_of_the_task(db: Database, raising: None) -> None:
    task_id = new_task(db, "completed")
    assert not attempt(db, task_id, lambda tx, _s, task: task_states.move(tx, task, "ask", progress_note="Asked"))
    with db.read() as session:
        task = session.get(models.Task, task_id)
        assert task is not None
        assert (task.status, task.progress_note) == ("completed", None)


def test_where_users_work_a_breach_is_logged_and_the_work_goes_on(
    db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(task_states, "strict", False)
    task_id = new_task(db, "completed")
    with caplog.at_level(logging.ERROR, task_states.__name__):
        assert attempt(db, task_id, lambda tx, _s, task: transitions.wait_for_answer(tx, task))
    assert status_of(db, task_id) == "waiting"
    assert f"“ask” is not possible while task t1 ({task_id}) is completed." in caplog.text


#: What may be given a status outside of the table: rows that are no tasks, by the names they go by.
_NO_TASK = {"worker", "intake.worker", "approval"}
_OTHER_ROWS = {
    ("maestro/cli/connection.py", "self"),  # an answer's HTTP status
    ("maestro/core/brainstorm/replies.py", "row"),  # a message
    ("maestro/core/brainstorm/reply.py", "row"),
    ("maestro/core/execution/run_end.py", "row"),  # a worker
    ("maestro/core/kernel/session_states.py", "session"),
    ("maestro/core/kernel/task_states.py", "task"),  # the one function
}
#: Where columns are set by name: none of these names is ``status``.
_BY_NAME = {"maestro/core/kernel/task_states.py", "maestro/core/execution/ingest.py", "pages/sessions.py"}


def raw_changes(source: str, where: str) -> list[str]:
    """Places that give a status to what may be a task, past ``task_states.move``."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "status" and isinstance(node.ctx, ast.Store | ast.Del):
            whose = ast.unparse(node.value)
            if whose not in _NO_TASK and (where, whose) not in _OTHER_ROWS:
                found.append(f"{where}:{node.lineno}: {whose}.status")
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rsplit(".", 1)[-1]
            given = any(keyword.arg == "status" for keyword in node.keywords)
            if given and called in {"Task", "values", "move", "assign", "resume_run", "restore", "update"}:
                found.append(f"{where}:{node.lineno}: {called}(status=…)")
            if called in {"setattr", "__setattr__"} and where not in _BY_NAME:
                found.append(f"{where}:{node.lineno}: setattr")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "update tasks" in node.value.lower():
            found.append(f"{where}:{node.lineno}: SQL")
    return found


def test_nothing_gives_a_task_a_status_past_its_table() -> None:
    files = [
        p for top in ("maestro", "pages") for p in sorted((ROOT / top).rglob("*.py")) if "migrations" not in p.parts
    ]
    assert len(files) > 300
    hook = "maestro/core/proving/hooks/python/sitecustomize.py"  # of the user's tests, in their process
    places = {str(p.relative_to(ROOT)): p for p in files if str(p.relative_to(ROOT)) != hook}
    assert [found for where, path in places.items() for found in raw_changes(path.read_text(), where)] == []


@pytest.mark.parametrize(
    "line",
    [
        "task.status = 'running'",
        "row.status, row.progress_note = 'waiting', 'x'",
        "intake.task.status = 'waiting'",
        "now.status: str = 'failed'",
        "(a, [t.status]) = x",
        "for task.status in x: pass",
        "setattr(task, name, value)",
        "models.Task(session_id='s', status='running')",
        "update(models.Task).values(status='running')",
        "db.exec(text('UPDATE tasks SET x = 1'))",
    ],
)
def test_each_way_past_the_table_is_seen(line: str) -> None:
    assert raw_changes(line, "maestro/core/somewhere.py")
