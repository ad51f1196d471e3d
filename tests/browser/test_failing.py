"""Failing a session from a question: it says first what else ends, and afterwards nothing waits for anybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from maestro.db import models
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, gate_on, seed_session, seeding, stored_row, task, tasks_of
from tests.repos import make_repo


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("failing")
    repo = make_repo(folder / "repo", {"a.txt": "a\n"})
    with seeding(folder / "data") as rt:
        session = seed_session(
            rt, repo, title="Doomed", status="executing",
            tasks=[
                task("t1", "Breaks", status="failed", attempt=3, error_message="2 tests fail"),
                task("t2", "Asks", status="waiting"),
                task("t3", "Comes later", depends_on=["t1"]),
            ],
        )  # fmt: skip
        rows = tasks_of(rt, session)
        for name, key, kind in (("broke", "t1", "task_failed"), ("start", "t2", "task_start")):
            detail = (
                {"reason": "2 tests fail", "failure": None} if kind == "task_failed" else {"reason": "You said so."}
            )
            add(rt, models.Approval(
                id=name, session_id=session.id, task_id=rows[key].id, kind=kind, title=f"{key}: a question", detail=detail,
            ))  # fmt: skip
    return {"data": str(folder / "data"), "id": session.id}


@pytest.fixture(scope="module")
def app(seeded: dict[str, str]) -> Iterator[AppProcess]:
    with AppProcess(Path(seeded["data"]), MAESTRO_ASSISTANT="demo") as process:
        yield process


def test_failing_a_session_says_what_stops_and_leaves_nothing_waiting(
    window: OpenWindow, seeded: dict[str, str]
) -> None:
    opened = window()
    page = opened.visit(f"/session/{seeded['id']}")
    counts = page.locator(".mon-counts")
    expect(counts).to_contain_text("1 waiting for you")
    fail = gate_on(page, "broke").get_by_role("button", name="Fail the session")
    fail.click()
    asked = page.get_by_role("alertdialog", name="Fail “Doomed”?")
    expect(asked).to_contain_text("1 task stops; finished work is kept.")
    expect(asked).to_contain_text("1 task does not start.")
    expect(asked).to_contain_text("1 other question of this session is closed.")
    opened.screenshot("fail-session")
    asked.get_by_role("button", name="Keep going").click()
    expect(asked).to_have_count(0)
    assert stored_row(seeded, "SELECT status FROM sessions") == ("executing",)

    fail.click()
    asked.get_by_role("button", name="Fail the session").click()
    expect(page.locator("[data-approval]")).to_have_count(0)
    expect(counts).to_contain_text("1 failed")
    expect(counts).not_to_contain_text("waiting for you")
    expect(page).to_have_title("(1) Doomed · Maestro")  # the failure itself
    opened.screenshot("failed-session")
    assert stored_row(seeded, "SELECT count(*) FROM tasks WHERE status = 'waiting'") == (0,)
    assert stored_row(seeded, "SELECT count(*) FROM approvals WHERE status = 'pending'") == (0,)
    page.goto(f"{opened.app.origin}/session/{seeded['id']}/plan")
    opened.alive()
    expect(page.get_by_title("Waiting for you")).to_have_count(0)
