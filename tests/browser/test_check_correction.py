"""A check that is wrong is put right in the question it raised; variables to pass on are names on the settings page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from maestro.core.approvals import questions
from maestro.db import models
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, gate_on, seed_session, seeding, stored_row, task, tasks_of
from tests.repos import make_repo

WATCHES = " PASS  Waiting for file changes...\n       press h to show help, press q to quit\n"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("correction")
    repo = make_repo(folder / "repo", {"a.txt": "a\n"})
    with seeding(folder / "data") as rt:
        tasks = [task("t1", "Add it", status="pending", checks=["npm test"])]
        session = seed_session(rt, repo, title="Watched", status="paused", tasks=tasks)
        asked = questions.watches("npm test", "key", WATCHES)
        detail = asked.detail | {"items": asked.items}
        add(rt, models.Approval(id="ask", session_id=session.id, kind=asked.kind, title=asked.title, detail=detail))
        other = seed_session(rt, repo, title="Typed", status="paused", tasks=[task("t1", "Add it", status="waiting")])
        of = {"session_id": other.id, "task_id": tasks_of(rt, other)["t1"].id}
        add(rt, models.Approval(id="drafts", kind="agent_question", title="Which?", detail={"words": "Which?"}, **of))
        add(rt, models.Approval(id="drafts-check", kind=asked.kind, title=asked.title, detail=detail, **of))
    return {"data": str(folder / "data"), "session": session.id}


@pytest.fixture(scope="module")
def app(seeded: dict[str, str]) -> Iterator[AppProcess]:
    with AppProcess(Path(seeded["data"]), MAESTRO_ASSISTANT="demo", MAESTRO_PASS_ENV="") as process:
        yield process


def test_the_command_that_ends_is_offered_and_the_corrected_one_holds(
    window: OpenWindow, seeded: dict[str, str]
) -> None:
    opened = window()
    page = opened.visit("/approvals")
    asked = gate_on(page, "ask")
    expect(asked).to_contain_text("watch mode")
    field = asked.get_by_role("textbox", name="The check's command")
    expect(field).to_have_value("npm test -- --run")
    opened.screenshot("check-correction")
    asked.get_by_role("button", name="Correct this check").click()
    expect(gate_on(page, "ask")).to_have_count(0)
    (checks,) = stored_row(seeded, "SELECT checks FROM tasks WHERE session_id = ?", seeded["session"])
    assert json.loads(checks) == ["npm test -- --run"]


def test_names_of_variables_are_kept_and_a_value_is_refused(window: OpenWindow, app: AppProcess) -> None:
    opened = window()
    page = opened.visit("/settings")
    row = page.locator(".m-setting").filter(has_text="Passed environment variables")
    expect(row).to_contain_text("never stored")
    row.scroll_into_view_if_needed()
    opened.screenshot("settings-pass-env")
    with app.client() as api:
        refused = api.put("/api/settings", json={"pass_env": ["DATABASE_URL=postgres://x"]})
        assert refused.status_code == 422
        assert "only the name is stored" in refused.text
        api.put("/api/settings", json={"pass_env": ["DATABASE_URL", "DJANGO_*"]}).raise_for_status()
    expect(row.get_by_role("textbox")).to_have_value("DATABASE_URL\nDJANGO_*")


def test_what_is_typed_into_an_answer_outlives_a_reload_and_goes_with_the_answer(
    window: OpenWindow, seeded: dict[str, str]
) -> None:
    opened = window()
    page = opened.visit("/approvals")
    gate_on(page, "drafts").get_by_role("textbox", name="Note for the agent").fill("The csv module,\nplease")
    gate_on(page, "drafts-check").get_by_role("textbox", name="The check's command").fill("npm run once")
    page.reload()
    opened.alive()
    answer = gate_on(page, "drafts").get_by_role("textbox", name="Note for the agent")
    expect(answer).to_have_value("The csv module,\nplease")
    expect(gate_on(page, "drafts-check").get_by_role("textbox", name="The check's command")).to_have_value(
        "npm run once"
    )
    answer.fill("")
    send = gate_on(page, "drafts").get_by_role("button", name="Send the answer")
    answer.press("Tab")
    expect(send).to_be_focused()
    page.keyboard.press("Enter")
    expect(gate_on(page, "drafts").get_by_role("alert")).to_contain_text("Enter an answer, or choose")
    answer.fill("The csv module,\nplease")
    expect(gate_on(page, "drafts").get_by_role("alert")).to_have_count(0)
    send.click()
    expect(gate_on(page, "drafts")).to_have_count(0)
    assert stored_row(seeded, "SELECT message FROM approvals WHERE id = 'drafts'") == ("The csv module,\nplease",)
    page.wait_for_function("!Object.keys(localStorage).some((k) => k.includes('answer-drafts/'))")
