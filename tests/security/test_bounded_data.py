"""What agents print is bounded: first and last parts stay, and what is left out is said."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from maestro.agents import command
from maestro.agents.base import AgentResult, AgentSpec
from maestro.core import queries
from maestro.core.commands.sessions import NewSession, create_session
from maestro.core.execution import ingest, log_ceiling
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.workspaces import run_command
from maestro.db import journal, models
from maestro.settings import LoadedSettings
from maestro.worker import link
from maestro.worker.link import SpoolLink
from maestro.worker.spool import Spool, append, read
from tests.repos import make_repo

MB = 1024 * 1024


def run(tmp_path: Path, code: str) -> tuple[AgentResult, list[dict[str, Any]], int]:
    """A program as a task's agent: its result, the log, and the bytes in the spool."""
    spool = Spool(tmp_path / "spool")
    spool.create({})
    spec = AgentSpec(
        worker_id="w", session_id="s", task_id="t", task_key="t1", agent_type="command", worktree=str(tmp_path),
        prompt="", command=[sys.executable, "-c", code], permission_mode="edits",
    )  # fmt: skip
    result = asyncio.run(command.Command().run(spec, SpoolLink(spool, spec, {}, key=b"k" * 32)))
    found, offset = list[dict[str, Any]](), 0
    while True:
        entries, end = read(spool.events, offset, b"k" * 32)
        if end == offset:
            break
        found, offset = [*found, *entries], end
    return result, [e for e in found if e["type"] == "log"], spool.events.stat().st_size


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("b'line %09d of many\\n' % n", 80 * MB),
        ("b'x' * 100_000", 40 * MB),
        ("b'\\n' * 1000", 20 * MB),
        ("b'y\\n' * 1000", 20 * MB),
    ],
    ids=["lines", "no_line_ends", "empty", "short"],
)
def test_of_a_flood_the_first_and_the_last_part_stay(tmp_path: Path, line: str, size: int) -> None:
    code = (
        f"import sys\nout, n, left = sys.stdout.buffer, 0, {size}\nout.write(b'the first\\n')\n"
        f"while left > 0:\n    said = {line}; out.write(said); left -= len(said); n += 1\n"
        "out.write(b'\\nthe last\\n')"
    )
    result, logs, spooled = run(tmp_path, code)
    words = [e["message"] for e in logs]
    assert (result.outcome, result.message) == ("success", "the last")
    assert "the first" in words
    assert words[-1] == "the last"
    (told,) = [w for w in words if "left out" in w]
    assert float(told.split()[1].replace(",", "")) == pytest.approx((size - command._FIRST - command._LAST) / MB, abs=5)
    assert sum(map(len, words)) < 6 * MB
    assert spooled < 40 * MB


def test_both_outputs_are_bounded_and_what_is_small_stays_whole(tmp_path: Path) -> None:
    small = "".join(f"{n:06d}\n" for n in range(10_000))
    code = (
        "import sys\n"
        f"for n in range({12 * MB} // 8): sys.stderr.write('%07d\\n' % n)\n"
        "for n in range(10_000): print('%06d' % n)\n"
    )
    _result, logs, _size = run(tmp_path, code)
    assert "".join(e["message"] + "\n" for e in logs if e["kind"] == "text") == small
    errors = [e["message"] for e in logs if e["level"] == "warn"]
    assert errors[0] == "0000000"
    assert errors[-1] == f"{12 * MB // 8 - 1:07d}"
    assert len([w for w in errors if "left out" in w]) == 1


def test_the_files_of_a_run_have_a_ceiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an agent that talks for days, too; what the run is judged by comes through."""
    monkeypatch.setattr(link, "_MOST_BYTES", 50_000)
    spool = Spool(tmp_path / "spool")
    spool.create({})
    spec = AgentSpec(worker_id="w", session_id="s", task_id="t", task_key="t1", agent_type="command",
                     worktree=str(tmp_path), prompt="", permission_mode="edits")  # fmt: skip
    told = SpoolLink(spool, spec, {}, key=b"k" * 32)
    for n in range(1000):
        told.log("text" if n % 2 else "tool_result", f"line {n} " + "x" * 500)
    told.log("system", "worse", level="error")
    told.result(AgentResult(outcome="success"))
    entries, _end = read(spool.events, 0, b"k" * 32)
    assert spool.events.stat().st_size < 100_000
    assert [e["message"] for e in entries if "size limit" in e.get("message", "")]
    assert [e["type"] for e in entries[-2:]] == ["log", "result"]
    with spool.stderr.open("ab") as printed:  # the worker and what it starts hold it open
        printed.write(b"first\n" + b"y" * 5000 + b"last\n")
        printed.flush()
        link.shorten(spool.stderr, most=1000, kept=100)
        printed.write(b"more\n")
    assert spool.stderr.stat().st_size < 300
    assert spool.stderr.read_bytes().endswith(b"ylast\nmore\n")


def test_the_middle_of_what_a_check_floods_is_not_kept_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_command, "_FLOOD_BYTES", 1 * MB)
    with tempfile.TemporaryFile() as output:
        output.write(b"first\n" + b"x" * 40 * MB + b"last\n")
        output.flush()
        listener = run_command._Listener(output.fileno(), lambda data: True)
        listener.forward()
        assert listener.read_to is not None
        assert listener.read_to > 39 * MB, "who listens gets what is new"
        run_command._give_back(output.fileno(), listener.read_to)
        assert os.fstat(output.fileno()).st_blocks * 512 < 2 * MB
        text, cut = run_command._collect(output)
    assert cut
    assert (text[:6], text[-5:]) == ("first\n", "last\n")


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    flags = {"data_dir": tmp_path / "data", "assistant": "demo", "permission_mode": "edits"}
    made = open_runtime(LoadedSettings(flags=flags, environment={}))
    yield made
    made.db.close()


def worker_of(rt: Runtime, tmp_path: Path) -> tuple[str, models.Worker]:
    session = create_session(rt, NewSession(description="x", repo_path=str(make_repo(tmp_path / "repo", {"a": "b"}))))
    spool = Spool(tmp_path / "spool")
    spool.create({})
    with rt.db.write() as tx:
        task = models.Task(session_id=session.id, key="t1", position=0, title="T", status="running")
        tx.db.add(task)
        tx.db.flush()
        worker = models.Worker(
            session_id=session.id, task_id=task.id, name="W-1", spool_path=str(spool.path), status="running"
        )
        tx.db.add(worker)
    return session.id, worker


def test_a_sessions_log_has_a_ceiling(rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_ceiling, "ROWS", 200)
    monkeypatch.setattr(log_ceiling, "FIRST_ROWS", 20)
    session_id, worker = worker_of(rt, tmp_path)
    spool = Spool(Path(worker.spool_path))
    for start in range(0, 1000, 50):
        for n in range(start, start + 50):
            append(spool.events, {"type": "log", "level": "info", "kind": "text", "message": f"line {n}"})
            if n % 100 == 7:
                append(spool.events, {"type": "log", "kind": "error", "level": "error", "message": f"error {n}"})
                wrote = {"sha256": "0" * 64, "path": f"f{n}"}
                append(spool.events, {"type": "log", "kind": "tool", "message": f"wrote {n}", "metadata": wrote})
        ingest.ingest(rt, worker.id)
    with rt.db.read() as db:
        mine = models.AgentLog.session_id == session_id
        rows = list(db.exec(select(models.AgentLog).where(mine).order_by(col(models.AgentLog.id))).all())
    words = [r.message for r in rows]
    assert len(words) <= 230
    assert "line 0" in words
    assert words[-1] == "line 999"
    assert [w for w in words if w.startswith("error")] == [f"error {n}" for n in range(7, 1000, 100)]
    assert [w for w in words if w.startswith("wrote")] == [f"wrote {n}" for n in range(7, 1000, 100)]
    (mark,) = [r for r in rows if "left out" in r.message]
    assert mark.details == {"left_out": 1000 - sum(w.startswith("line") for w in words)}
    told = [e for e in journal_of(rt) if e.type == "log_entry"]
    assert len(told) == len(rows)
    assert all(e.payload["message"] != "(removed)" for e in told)
    assert queries.list_logs(rt, session_id, limit=5)[-1].message == "line 999"


def test_a_log_of_few_large_lines_has_the_same_ceiling(
    rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_ceiling, "CHARS", 1_000_000)
    monkeypatch.setattr(log_ceiling, "FIRST_ROWS", 2)
    session_id, worker = worker_of(rt, tmp_path)
    for _ in range(100):
        append(Spool(Path(worker.spool_path)).events, {"type": "log", "kind": "tool_result", "message": "x" * 50_000})
        ingest.ingest(rt, worker.id)
    with rt.db.read() as db:
        sizes = [
            len(m) for m in db.exec(select(models.AgentLog.message).where(models.AgentLog.session_id == session_id))
        ]
    assert sum(sizes) <= 1_100_000
    assert sizes.count(50_000) >= 10


def journal_of(rt: Runtime) -> list[journal.Event]:
    with rt.db.read() as db:
        return journal.replay(db, 0, limit=100_000)
