"""A conversation that the endpoint will not take any more: the task goes on in a fresh one, which hears what was done."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import approvals
from tests.engine import engine
from tests.repos import commit, make_repo
from tests.scripted import call, error, say, scenario, task_rule, write

PLAN: dict[str, Any] = {
    "summary": "Test",
    "tasks": [{"id": "t1", "title": "Task t1", "checks": ["test -s done.txt"]}],
}

REFUSALS = [
    (400, "messages.3.content.0.tool_result.content.0.image.source.base64: image exceeds 5 MB maximum"),
    (400, "messages.4: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_01"),
    (413, "Request exceeds the maximum size"),
]


def _picture() -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    lines = zlib.compress(b"".join(b"\0" + b"\x7f" * 12 for _ in range(4)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    commit(made, {"picture.png": _picture()})
    return made


def poisoned(status: int, message: str) -> list[dict[str, Any]]:
    """Writes half of the work, looks at the picture, and is refused from then on, when it sums up as well."""
    refused = error(status, "invalid_request_error", message)
    working = task_rule(
        "# Task t1:",
        write("half.txt", "half\n"),
        [say("Half of it is written."), call("Read", file_path="{cwd}/picture.png")],
        refused,
        repeat_last=True,
    )
    return [working, {"match": {}, "reply": refused}]


def afresh(*steps: Any) -> dict[str, Any]:
    return task_rule("conversation before this one", *steps)


@pytest.mark.parametrize(("status", "message"), REFUSALS)
def test_a_refused_conversation_is_begun_afresh_by_itself_with_what_was_done(
    tmp_path: Path, repo: Path, status: int, message: str
) -> None:
    told = r"(?s)conversation before this one.*half\.txt.*Half of it is written"
    works = task_rule(told, write("done.txt", "done\n"), say("Done."))
    with engine(tmp_path, scenario(works, *poisoned(status, message))) as e:
        session = e.run(repo, PLAN)
        e.until("state_changed", to="completed")
        task = e.task(session.id, "t1")
        assert (task.status, task.attempt) == ("completed", 1)


def test_the_second_time_the_user_is_asked_and_may_begin_afresh_again(tmp_path: Path, repo: Path) -> None:
    message = REFUSALS[0][1]
    again = afresh([call("Read", file_path="{cwd}/picture.png")], error(400, "invalid_request_error", message))
    works = task_rule("Leave the picture alone", write("done.txt", "done\n"), say("Done."))
    with engine(tmp_path, scenario(works, again, *poisoned(400, message))) as e:
        session = e.run(repo, PLAN)
        asked = e.until("approval_requested", kind="task_failed").payload
        assert asked["detail"]["failure"] == "conversation"
        assert "new conversation" in asked["detail"]["allow"]
        assert e.task(session.id, "t1").attempt == 1
        approvals.decide(e.rt, asked["approval_id"], "allow", "Leave the picture alone")
        e.until("state_changed", to="completed")


def test_any_failed_task_may_be_begun_afresh(tmp_path: Path, repo: Path) -> None:
    works = afresh(write("done.txt", "done\n"), say("Done."))
    wrong = task_rule("# Task t1:", write("half.txt", "half\n"), say("Done."))
    with engine(tmp_path, scenario(works, wrong)) as e:
        session = e.run(repo, PLAN, max_attempts=1)
        asked = e.until("approval_requested", kind="task_failed").payload
        approvals.decide(e.rt, asked["approval_id"], "allow_fresh")
        e.until("state_changed", to="completed")
        assert len({w.id for w in queries.list_workers(e.rt, session.id)}) == 2


def test_a_request_that_is_refused_before_anything_was_said_is_not_tried_again(tmp_path: Path, repo: Path) -> None:
    refused = task_rule("# Task t1:", error(400, "invalid_request_error", "temperature: bad value"), repeat_last=True)
    with engine(tmp_path, scenario(refused)) as e:
        session = e.run(repo, PLAN)
        asked = e.until("approval_requested", kind="task_failed").payload
        assert asked["detail"]["failure"] is None
        assert len(queries.list_workers(e.rt, session.id)) == 1
