"""The demo as a newcomer meets it: no key, no login, an empty data folder, and proven code at the end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.app_process import AppProcess
from tests.repos import run_git


def test_the_demo_goes_from_an_empty_data_folder_to_merged_code_without_a_key(tmp_path: Path) -> None:
    with AppProcess(tmp_path / "data") as app, app.client() as api, app.events() as events:
        session = api.post("/api/sessions/demo").raise_for_status().json()
        base = f"/api/sessions/{session['id']}"
        assert session["demo"]
        events.until("message", role="ai", status="complete")
        for words in ("Yes, all of them.", "That is all."):
            api.post(f"{base}/messages", json={"content": words}).raise_for_status()
            events.until("message", role="ai", status="complete")
        assert api.get(base).json()["idea_card"]["goals"]
        api.post(f"{base}/plan").raise_for_status()
        events.until("state_changed", to="plan_review")
        api.post(f"{base}/plan/approve").raise_for_status()
        questions = 0
        while (
            event := events.until(where=lambda e: e["type"] in {"approval_requested", "state_changed"}, timeout_s=200)
        ).get("to") != "completed":
            if event["type"] == "approval_requested":
                questions += 1
                chosen = (event["detail"].get("options") or [None])[0]  # the agent that asks offers answers
                answer = {"decision": "allow", "message": chosen}
                api.post(f"/api/approvals/{event['approval_id']}", json=answer).raise_for_status()
        tasks = api.get(f"{base}/tasks").json()["items"]
        assert 4 <= len(tasks) <= 5
        assert {t["status"] for t in tasks} == {"completed"}
        assert max(t["attempt"] for t in tasks) == 2, "one check fails first and is repaired"
        assert questions == 2, "a gate, and a question of an agent"
        done = api.get(base).json()
        assert done["result"]["proven"]
        assert done["cost_usd"] == 0
        comment = {"path": "expenses/csv_export.py", "line": 12, "body": "Sort the rows by day."}
        api.post(f"{base}/comments", json=comment).raise_for_status()
        api.post(f"{base}/follow-up").raise_for_status()
        events.until("state_changed", to="completed", timeout_s=200)
        assert "+    for expense in sorted(" in api.get(f"{base}/diff", params={"task": "follow-up-1"}).json()["text"]
        tasks = api.get(f"{base}/tasks").json()["items"]
        api.post(f"{base}/merge", json={}).raise_for_status()
        log = run_git(Path(done["repo_path"]), "log", "--format=%(trailers:key=Maestro-Task,valueonly)", "main")
        assert set(log.split()) == {t["key"] for t in tasks}

        with closing(sqlite3.connect(app.data_dir / "maestro.db")) as db, db:  # what nobody can have foreseen
            db.execute("CREATE TRIGGER no BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'no'); END")
        for _ in range(2):
            broken = api.post("/api/sessions/demo")
            assert (broken.status_code, broken.headers.get("connection")) == (500, None)
        assert "Traceback" in (app.data_dir / "logs" / "maestro.log").read_text()  # the scripted model hushes nothing
        assert "Traceback" not in app.output
        assert "/sessions/demo failed" in app.output
