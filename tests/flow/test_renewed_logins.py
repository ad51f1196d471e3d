"""Parallel programs share one Claude login: who loses the race for its renewal tries once more before anybody is asked."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.demo.server import ScriptedServer
from tests.engine import Engine
from tests.repos import make_repo
from tests.scripted import error, say, scenario, write

PLAN: dict[str, Any] = {"summary": "Test", "tasks": [{"id": "t1", "title": "Task t1", "checks": ["test -s t1.txt"]}]}
REFUSED = error(401, "authentication_error", "OAuth token has expired")
WORKS = {
    "match": {"has_tool": "Bash", "prompt": "# Task t1:", "asked": "# Go on"},
    "from_asked": True,
    "steps": [[write("t1.txt", "late\n")], [say("Done.")]],
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


@contextmanager
def signed_in(tmp_path: Path, *rules: dict[str, Any]) -> Iterator[Engine]:
    """An engine that works on a login of Claude Code instead of a key, in a HOME of its own."""
    folder = tmp_path / "home/.claude"
    folder.mkdir(parents=True)
    login = {
        "accessToken": "sk-ant-oat01-scripted",
        "refreshToken": "sk-ant-ort01-scripted",
        "expiresAt": int((time.time() + 36_000) * 1000),
        "scopes": ["user:inference", "user:profile"],
    }
    (folder / ".credentials.json").write_text(json.dumps({"claudeAiOauth": login}))
    with pytest.MonkeyPatch.context() as patch, ScriptedServer(scenario(*rules)) as server:
        patch.setenv("HOME", str(folder.parent))
        running = Engine(tmp_path / "data", None, assistant="claude_code", anthropic_base_url=server.url)
        try:
            yield running
        finally:
            running.close()


def test_a_refused_login_is_tried_once_more_by_a_fresh_process_and_nobody_is_asked(tmp_path: Path, repo: Path) -> None:
    refusing = {"match": {"prompt": "# Task t1:"}, "reply": REFUSED, "times": 2}
    with signed_in(tmp_path, refusing, WORKS) as e:
        session = e.run(repo, PLAN)
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 1
        assert [w.outcome for w in queries.list_workers(e.rt, session.id)] == ["failed", "success"]
        assert not [event for event in e.seen if event.type == "approval_requested"]


def test_a_login_that_stays_refused_is_asked_about_after_the_second_process(tmp_path: Path, repo: Path) -> None:
    with signed_in(tmp_path, {"match": {}, "reply": REFUSED}) as e:
        session = e.run(repo, PLAN)
        asked = e.until("approval_requested", kind="task_failed").payload
        assert asked["detail"]["failure"] == "auth"
        assert len(queries.list_workers(e.rt, session.id)) == 2
