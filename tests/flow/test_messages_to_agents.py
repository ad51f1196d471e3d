"""What the user says to agents at work: in the conversation at the next turn, exactly once, whatever is killed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.notes import mark
from maestro.core import queries
from maestro.core.commands import control
from maestro.core.commands import notes as commands
from maestro.core.commands.sessions import NewSession, create_session
from maestro.core.tasks import notes
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.errors import InvalidInput, NotAllowed
from maestro.worker import tree
from tests.app_process import wait_for
from tests.engine import Engine, engine
from tests.repos import make_repo
from tests.scripted import bash, say, scenario, task_rule, write

WORDS = "Call the column “Gerät”.\nNot 'device'."


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def plan(*keys: str, check: str = "test -s {}.txt") -> dict[str, Any]:
    return {"summary": "", "tasks": [{"id": k, "title": f"Task {k}", "checks": [check.format(k)]} for k in keys]}


def waits_for(go: Path) -> dict[str, Any]:
    return bash(f"until [ -e {go} ]; do sleep 0.1; done; echo seen")


def heard(server: ScriptedServer, note: str) -> int:
    """How often the last request of a conversation holds a message."""
    return json.dumps(server.messages()[-1]["messages"]).count(mark(note))


def until_tool(e: Engine, session_id: str, words: str, count: int = 1) -> None:
    """Wait until agents have begun a tool call."""

    def begun() -> bool:
        rows = queries.list_logs(e.rt, session_id, kind="tool", limit=500)
        return sum(words in row.message for row in rows) >= count

    wait_for(begun, 120, f"the tool call {words}")


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[ScriptedServer, Path]]:
    go = tmp_path / "go"
    # At whichever turn it is read: a busy worker may read a moment after the tool has ended.
    changed = {"match": {"has_tool": "Bash", "system": "Gerät"}, "reply": [bash("echo Gerät > t1.txt; echo renamed")]}
    ended = {"match": {"has_tool": "Bash", "last": "renamed"}, "reply": [say("Done.")]}
    works = [waits_for(go), write("t1.txt", "device\n"), say("Done.")]
    with ScriptedServer(scenario(ended, changed, task_rule("# Task t1:", *works))) as server:
        yield server, go


def test_an_agent_reads_at_its_next_turn_what_was_said_and_does_it(
    tmp_path: Path, repo: Path, served: tuple[ScriptedServer, Path]
) -> None:
    server, go = served
    e = Engine(tmp_path / "data", server.url)
    try:
        session = e.run(repo, plan("t1"), permission_mode="bypass")
        with pytest.raises(InvalidInput):
            commands.send_note(e.rt, session.id, "  ")
        until_tool(e, session.id, "until [")
        (note,) = commands.send_note(e.rt, session.id, WORDS)  # to all at work
        wait_for(lambda: queries.list_notes(e.rt, session.id)[0].status == "sent", 30, "the message to be written")
        go.touch()
        taken = e.until("note_taken", note_id=note.id)
        e.until("state_changed", to="completed")
        (view,) = queries.list_notes(e.rt, session.id, task="t1")
        assert (view.status, view.text, view.taken_at.isoformat()) == ("taken", WORDS, taken.payload["taken_at"])
        assert heard(server, note.id) == 1
        assert queries.get_diff(e.rt, session.id).files[0].path == "t1.txt"
        assert "+Gerät" in queries.get_diff(e.rt, session.id).text
        rows = [r for r in queries.list_logs(e.rt, session.id, limit=500) if (r.metadata or {}).get("note")]
        assert [(r.source, r.message) for r in rows] == [
            ("you", WORDS),
            ("W-1", "Read your message: Call the column “Gerät”."),
        ]
        with pytest.raises(NotAllowed, match="No agent is at work"):
            commands.send_note(e.rt, session.id, "Too late")
    finally:
        e.close()


def test_interrupted_for_a_message_the_agent_goes_on_in_the_same_run(tmp_path: Path, repo: Path) -> None:
    rules = [
        {"match": {"has_tool": "Bash", "asked": "A message from the user", "last": "created"}, "reply": [say("Done.")]},
        {"match": {"has_tool": "Bash", "asked": "A message from the user"}, "reply": [write("t1.txt", "t1\n")]},
        task_rule("# Task t1:", bash("sleep 600")),
    ]
    with engine(tmp_path, scenario(*rules)) as e:
        session = e.run(repo, plan("t1"), permission_mode="bypass")
        until_tool(e, session.id, "sleep")
        commands.send_note(e.rt, session.id, "Not so slowly", task="t1", interrupt=True)
        e.until("note_taken")
        e.until("state_changed", to="completed")
        task, workers = e.task(session.id, "t1"), queries.list_workers(e.rt, session.id)
        assert (task.attempt, task.interruptions, len(workers)) == (1, 0, 1)


def test_interrupted_at_a_gate_the_gate_is_closed(tmp_path: Path, repo: Path) -> None:
    rules = [
        {"match": {"has_tool": "Bash", "asked": "A message from the user", "last": "created"}, "reply": [say("Done.")]},
        {"match": {"has_tool": "Bash", "asked": "A message from the user"}, "reply": [write("t1.txt", "t1\n")]},
        task_rule("# Task t1:", bash('python3 -c \'open("x", "w")\'')),
    ]
    with engine(tmp_path, scenario(*rules)) as e:
        session = e.run(repo, plan("t1"))
        asked = e.until("approval_requested")
        commands.send_note(e.rt, session.id, "Without that", task="t1", interrupt=True)
        e.until("approval_resolved", approval_id=asked.payload["approval_id"], decision="expired")
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1


def test_what_is_said_while_the_checks_run_or_before_the_start_is_read_too(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    rules = [
        task_rule("# Task t1:", write("t1.txt", "t1\n"), say("Done."), write("more.txt", "more\n"), say("Done again.")),
        task_rule("# Task t2:", write("t2.txt", "t2\n"), say("Done.")),
    ]
    with engine(tmp_path, scenario(*rules)) as e:
        wanted = plan("t1", "t2", check=f"until [ -e {go} ]; do sleep 0.1; done; test -s {{}}.txt")
        wanted["tasks"][1]["depends_on"] = ["t1"]
        go.touch()  # for what is tried on the base
        session = e.session(repo, wanted)
        control.execute(e.rt, session.id)
        e.until("worker_spawned")
        go.unlink()
        wait_for(lambda: e.task(session.id, "t1").status == "checking", 120, "the checks to begin")
        (first,) = commands.send_note(e.rt, session.id, "And more.txt", task="t1")
        (second,) = commands.send_note(e.rt, session.id, "For later", task="t2")
        go.touch()
        e.until("note_taken", note_id=first.id)
        e.until("note_taken", note_id=second.id)
        e.until("state_changed", to="completed")
        assert {f.path for f in queries.get_diff(e.rt, session.id).files} == {"t1.txt", "t2.txt", "more.txt"}
        assert [e.task(session.id, k).attempt for k in ("t1", "t2")] == [1, 1]


def test_a_plain_command_says_beforehand_that_it_cannot_be_told(tmp_path: Path, repo: Path) -> None:
    go = tmp_path / "go"
    command = ["sh", "-c", f"until [ -e {go} ]; do sleep 0.1; done; echo t1 > t1.txt"]
    with engine(tmp_path, scenario()) as e:
        new = NewSession(
            title="Test",
            description="x",
            repo_path=str(repo),
            agent_type="command",
            agent_config={"command": command, "permission_mode": "bypass"},
        )
        session = e.approve(create_session(e.rt, new).id, plan("t1"))
        control.execute(e.rt, session.id)
        e.until("worker_spawned")
        for task in ("t1", None):
            with pytest.raises(NotAllowed, match="plain command"):
                commands.send_note(e.rt, session.id, "Hello", task=task)
        assert [t.hears for t in queries.list_tasks(e.rt, session.id)] == [False]
        go.touch()
        e.until("state_changed", to="completed")


@pytest.mark.parametrize("killed", ["before it was written", "before that was stored"])
def test_a_message_survives_the_app_and_counts_once(
    tmp_path: Path,
    repo: Path,
    served: tuple[ScriptedServer, Path],
    killed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, go = served
    first = Engine(tmp_path / "data", server.url)
    session = first.run(repo, plan("t1"), permission_mode="bypass")
    until_tool(first, session.id, "until [")
    with monkeypatch.context() as patch:
        cut = "deliver" if killed == "before it was written" else "written_to"
        patch.setattr(notes, cut, lambda *_: None)
        (note,) = commands.send_note(first.rt, session.id, WORDS, task="t1")
        first.close(stop_workers=False)
    second = Engine(tmp_path / "data", server.url)
    try:
        wait_for(lambda: queries.list_notes(second.rt, session.id)[0].sent_at is not None, 60, "the message to be sent")
        go.touch()
        second.until("state_changed", to="completed")
        assert heard(server, note.id) == 1
        assert [n.status for n in queries.list_notes(second.rt, session.id)] == ["taken"]
        assert not [a for a in queries.list_approvals(second.rt, session_id=session.id) if a.kind == "escape"]
    finally:
        second.close()


@pytest.mark.parametrize("killed", ["before the agent read it", "while the model answers it"])
def test_a_message_survives_the_worker_and_counts_once(tmp_path: Path, repo: Path, killed: str) -> None:
    go, once = tmp_path / "go", {"times": 1}
    slow = {"match": {"has_tool": "Bash", "system": "Gerät"}, "reply": {"content": "…", "delay_s": 60}, **once}
    wrote = {"match": {"has_tool": "Bash", "last": "successfully"}, "reply": [say("Done.")]}
    works = [wrote, task_rule("# Task t1:", waits_for(go), write("t1.txt", "x\n"), repeat_last=True)]
    rules = works if killed == "before the agent read it" else [slow, *works]
    with ScriptedServer(scenario(*rules)) as server:
        e = Engine(tmp_path / "data", server.url)
        try:
            session = e.run(repo, plan("t1"), permission_mode="bypass")
            until_tool(e, session.id, "until [")
            (note,) = commands.send_note(e.rt, session.id, WORDS, task="t1")
            if killed == "while the model answers it":
                go.touch()
                wait_for(lambda: heard(server, note.id) == 1, 60, "the model to be asked")
            (worker,) = queries.list_workers(e.rt, session.id)
            with e.rt.db.read() as db:
                row = db.get(models.Worker, worker.id)
            assert row is not None
            assert row.pid is not None
            assert row.pid_started is not None
            tree.kill_tree(row.pid, row.pid_started, row.id)
            go.touch()
            e.until("note_taken", note_id=note.id)
            e.until("state_changed", to="completed")
            assert heard(server, note.id) == 1
            assert e.task(session.id, "t1").attempt == 1
        finally:
            e.close()
