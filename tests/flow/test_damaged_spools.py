"""Whatever a worker's spool holds is taken in: nothing that stands there breaks a session, a cancel, a delete or a start."""

from __future__ import annotations

import errno
import json
import os
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from maestro.core import queries
from maestro.core.approvals import asking
from maestro.core.commands import control, sessions
from maestro.core.execution import ingest, run_end
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.supervisor import lifecycle
from maestro.db import models
from maestro.db.types import new_id
from maestro.settings import LoadedSettings
from maestro.worker import spool
from maestro.worker.spool import Spool
from tests import fuzz
from tests.repos import make_repo


def opened(data: Path) -> Runtime:
    flags = {"data_dir": data, "assistant": "demo"}
    return open_runtime(LoadedSettings(flags=flags, environment={}, dotenv=None))


def as_the_api_writes(views: Sequence[BaseModel]) -> None:
    """Raises what an answer would: numbers that are none, characters that are none."""
    json.dumps([view.model_dump(mode="json") for view in views], allow_nan=False, ensure_ascii=False).encode()


@dataclass
class Rows:
    """A session at work with one task and a worker that has no process."""

    rt: Runtime
    session_id: str
    task_id: str
    worker_id: str

    @property
    def spool(self) -> Spool:
        return Spool(self.rt.data_dir / "workers" / self.worker_id)

    def worker(self) -> models.Worker:
        with self.rt.db.read() as db:
            found = db.get(models.Worker, self.worker_id)
        assert found is not None
        return found

    def task(self) -> models.Task:
        with self.rt.db.read() as db:
            found = db.get(models.Task, self.task_id)
        assert found is not None
        return found

    def take_in(self) -> None:
        while ingest.ingest(self.rt, self.worker_id):
            pass

    def logged(self) -> list[str]:
        return [row.message for row in queries.list_logs(self.rt, self.session_id, limit=500)]


def add_work(rt: Runtime, repo: Path, status: str = "executing") -> Rows:
    with rt.db.write() as tx:
        session = models.Session(
            status=status, repo_path=str(repo), base_commit="0" * 40, session_branch=f"maestro/x-{new_id()[:8]}/main"
        )
        tx.db.add(session)
        tx.db.flush()
        task = models.Task(session_id=session.id, key="t1", position=0, title="T", status="running", attempt=1)
        tx.db.add(task)
        tx.db.flush()
        worker_id = uuid.uuid4().hex
        folder = rt.data_dir / "workers" / worker_id
        worker = models.Worker(
            id=worker_id, session_id=session.id, task_id=task.id, name="W-1", status="running", spool_path=str(folder)
        )
        task.assigned_worker_id = worker.id
        tx.db.add(worker)
    folder.mkdir(parents=True)
    return Rows(rt, session.id, task.id, worker.id)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repo(tmp_path_factory.mktemp("repo") / "repo", {"README.md": "Hello\n"})


@pytest.fixture
def rows(tmp_path: Path, repo: Path) -> Iterator[Rows]:
    rt = opened(tmp_path / "data")
    yield add_work(rt, repo)
    rt.db.close()


DEEP = b'{"type": "log", "metadata": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

LINES = {
    "a count beyond 64 bits": b'{"type": "usage", "output_tokens": 9223372036854775808, "model_calls": 1e30}',
    "infinities": b'{"type": "usage", "output_tokens": Infinity, "cost_usd": -Infinity, "input_tokens": 1e999}',
    "no number": b'{"type": "usage", "output_tokens": NaN, "cost_usd": NaN}',
    "thousands of digits": b'{"type": "usage", "output_tokens": ' + b"9" * 5000 + b"}",
    "negative counts": b'{"type": "usage", "output_tokens": -5, "cost_usd": -1}',
    "too deep": DEEP,
    "deep, and read all the same": b'{"type": "log", "metadata": {"a": ' + b"[" * 500 + b"]" * 500 + b"}}",
    "a percentage of infinity": b'{"type": "progress", "percent": Infinity}',
    "a time that is none": b'{"type": "log", "ts": 1e300, "message": "x"}',
    "a pid that no process has": b'{"type": "started", "pid": 99999999999999999999, "pid_started": Infinity}',
    "halves of characters": b'{"type": "log", "kind": "text", "message": "\\ud800 \\u0000", "metadata": {"\\udfff": "\\ud800"}}',
    "a type that is none": b'{"type": {"a": []}}',
    "options that are none": b'{"type": "decision", "options": [{}, [1], null], "chosen": true, "context": {"a": 1}}',
    "a gate of odd members": b'{"type": "gate", "request_id": [1], "title": {}, "detail": "x", "risk": [], "signature": {}}',
    "a limit of odd members": b'{"type": "log", "metadata": {"rate_limit": {"status": "rejected", "resets_at": 1e999}}}',
    "a failure that is a list": b'{"type": "result", "outcome": ["x"], "failure": ["auth"], "denied": "x", "usage": []}',
    "details that are looked up": b'{"type": "log", "kind": "tool", "metadata": {"tool": ["Write"], "tool_use_id": {}}}',
    "no JSON": b"\xff\xfe\x00\x01 binary",
    "a list": b"[1, 2]",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_a_bad_entry_is_taken_in_and_nothing_that_follows_waits_for_it(rows: Rows, line: bytes) -> None:
    rows.spool.events.write_bytes(line + b'\n{"type": "log", "kind": "text", "message": "and on"}\n')
    rows.take_in()
    assert "and on" in rows.logged()
    assert rows.worker().spool_offset == rows.spool.events.stat().st_size
    assert 0 <= rows.task().output_tokens < 2**63
    assert 0 <= rows.task().cost_usd < 1e12
    # What the pages and the API show of it is JSON that any client reads.
    as_the_api_writes(queries.list_logs(rows.rt, rows.session_id))
    run_end.finish(rows.rt, rows.worker())
    run_end.close(rows.rt, rows.worker_id)
    assert rows.worker().ended_at is not None


def test_what_cannot_be_read_is_told_once_with_its_words(rows: Rows) -> None:
    rows.spool.events.write_bytes(b"half a li\n")
    rows.take_in()
    rows.take_in()
    (row,) = [r for r in queries.list_logs(rows.rt, rows.session_id) if r.kind == "error"]
    assert "half a li" in str(row.metadata)


def test_a_flood_of_garbage_is_counted_not_copied(rows: Rows) -> None:
    rows.spool.events.write_bytes(b"\x80\n" * 5000)
    rows.take_in()
    told = [m for m in rows.logged() if "cannot read" in m or "cannot be read" in m]
    assert len(told) == 21
    assert "4980 more" in told[-1]


def test_an_entry_that_the_database_refuses_is_kept_aside_and_the_others_come_in(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever way of breaking it nobody has thought of."""

    def breaks(*_: Any) -> None:
        raise OverflowError("Python int too large to convert to SQLite INTEGER")

    monkeypatch.setitem(ingest._HANDLERS, "conversation", breaks)
    for entry in (
        {"type": "progress", "percent": 5},
        {"type": "conversation", "id": "x"},
        {"type": "log", "message": "on"},
    ):
        spool.append(rows.spool.events, entry)
    rows.take_in()
    assert rows.task().progress == 0.05
    assert "on" in rows.logged()
    assert len([m for m in rows.logged() if "cannot read" in m]) == 1


@pytest.mark.parametrize("what", ["folder", "pipe", "loop", "gone"])
def test_what_stands_in_the_place_of_the_spools_files_holds_nobody_up(rows: Rows, what: str) -> None:
    for path in (rows.spool.events, rows.spool.inbox):
        if what == "folder":
            path.mkdir()
        elif what == "pipe":
            os.mkfifo(path)
        elif what == "loop":
            path.symlink_to(path)
    rows.take_in()
    control.cancel(rows.rt, rows.session_id)
    assert rows.worker().ended_at is not None


def test_an_answer_counts_as_delivered_only_when_it_is_written_whole(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.append(rows.spool.events, {"type": "gate", "request_id": "r1", "title": "Run it", "tool": "Bash"})
    rows.take_in()
    (asked,) = queries.list_approvals(rows.rt)
    with rows.rt.db.write() as tx:
        session, row = tx.db.get(models.Session, rows.session_id), tx.db.get(models.Approval, asked.id)
        assert session
        assert row
        asking.resolve(tx, session, row, allow=True)
    write, left = os.write, [10]

    def full(descriptor: int, data: Any) -> int:
        """A disk that is full after ten bytes."""
        room = left.pop() if left else 0
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:room])

    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            asking.deliver(rows.rt)
    with rows.rt.db.read() as db:
        again = db.get(models.Approval, asked.id)
        assert again
        assert again.delivered_at is None
    asking.deliver(rows.rt)
    heard = [e for e in spool.read(rows.spool.inbox, 0)[0] if e["type"] == "decision"]
    assert [(e["request_id"], e["allow"]) for e in heard] == [("r1", True)]


def test_nobody_is_signalled_whose_pid_a_spool_names(rows: Rows) -> None:
    from maestro.worker import proctable

    own = os.getppid()
    spool.append(rows.spool.events, {"type": "started", "pid": own, "pid_started": proctable.started(own)})
    rows.take_in()
    assert rows.worker().pid is None


NAMES = [
    "ts", "pid", "pid_started", "level", "kind", "message", "metadata", "rate_limit", "resets_at", "status", "id",
    "percent", "note", "options", "chosen", "context", "rationale", "decision_type", "input_tokens", "output_tokens",
    "cost_usd", "model", "model_calls", "request_id", "tool", "title", "detail", "risk", "signature", "allow",
    "outcome", "failure", "retry_at", "turns", "usage", "denied", "tool_use_id", "input",
]  # fmt: skip


def odd_line(rng: random.Random) -> bytes:
    """An entry of a known kind with odd members, members of members included, or no entry at all."""
    if rng.random() < 0.1:
        return rng.randbytes(rng.randrange(60)).replace(b"\n", b" ")
    members = {name: fuzz.value(rng) for name in rng.sample(NAMES, rng.randrange(1, 12))}
    members |= {
        name: {n: fuzz.value(rng) for n in rng.sample(NAMES, 6)} for name in rng.sample(["metadata", "usage"], 1)
    }
    kind = rng.choice([*ingest._HANDLERS, fuzz.value(rng)])
    return json.dumps({"type": kind, **members}, default=str).encode()


@settings(max_examples=3, derandomize=True, phases=[Phase.generate], deadline=None)
@given(number=st.integers(0, 2**32))
def test_no_content_of_a_spool_stops_an_ingest_a_cancel_a_delete_or_a_start(
    tmp_path_factory: pytest.TempPathFactory, repo: Path, number: int
) -> None:
    rng = random.Random(number)
    rt = opened(tmp_path_factory.mktemp("data"))
    try:
        left = []
        for number in range(12):
            written = b"".join(odd_line(rng) + b"\n" for _ in range(40))
            rows = add_work(rt, repo, status="executing" if number % 4 else "cancelled")
            rows.spool.events.write_bytes(written)
            if number % 4 == 0:  # killed between a cancel's commit and what follows
                left.append(rows)
                continue
            comes_in(rows)
            if number % 4 == 1:
                control.cancel(rt, rows.session_id)
                sessions.delete_session(rt, rows.session_id)
        lifecycle.start(rt)
        assert all(rows.worker().ended_at for rows in left)
    finally:
        lifecycle.stop(rt)


def comes_in(rows: Rows) -> None:
    rt = rows.rt
    rows.take_in()
    assert rows.worker().spool_offset == rows.spool.events.stat().st_size
    as_the_api_writes(queries.list_sessions(rt)[0])
    as_the_api_writes(queries.list_tasks(rt, rows.session_id))
    as_the_api_writes(queries.list_workers(rt, rows.session_id))
    as_the_api_writes(queries.list_approvals(rt))
    as_the_api_writes(queries.list_decisions(rt))
    as_the_api_writes(queries.list_logs(rt, rows.session_id))
    run_end.finish(rt, rows.worker())
    run_end.close(rt, rows.worker_id)
    assert rows.worker().ended_at is not None
