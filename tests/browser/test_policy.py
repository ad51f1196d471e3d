"""What agents may do, as a table: in the settings, for one session, and as a rule that is offered after three answers alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from maestro.db import models
from tests.app_process import AppProcess
from tests.browser.axe import everywhere
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, seed_session, seeding, task, tasks_of
from tests.repos import make_repo


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("policy")
    repo = make_repo(folder / "repo", {"a.txt": "a\n"})
    with seeding(folder / "data") as rt:
        session = seed_session(rt, repo, title="Asked", status="paused", tasks=[task("t1", "One", status="waiting")])
        where = {"session_id": session.id, "task_id": tasks_of(rt, session)["t1"].id}
        question = {"kind": "agent_question", "title": "Which one?", "detail": {"words": "Which one?"}}
        add(rt, *(models.Approval(**question, **where) for _ in range(20)))
        for n in range(3):
            detail = {"tool": "SandboxNetworkAccess", "host": "example.org", "port": 443}
            add(rt, models.Approval(
                id=f"ask-{n}", kind="tool", title=f"Question {n}", detail=detail, signature="Network:example.org:443", **where
            ))  # fmt: skip
    return {"data": str(folder / "data"), "session": session.id}


@pytest.fixture(scope="module")
def app(seeded: dict[str, str]) -> Iterator[AppProcess]:
    with AppProcess(Path(seeded["data"]), MAESTRO_ASSISTANT="demo") as process:
        yield process


def _policy(app: AppProcess) -> dict[str, Any]:
    with app.client() as api:
        found: dict[str, Any] = next(s for s in api.get("/api/settings").json()["items"] if s["name"] == "policy")[
            "value"
        ]
        return found


def _choose(page: Page, table: Locator, row: str, answer: str) -> None:
    table.get_by_role("combobox", name=row).click()
    page.get_by_role("option", name=answer, exact=True).click()


def test_the_table_is_kept_in_the_settings_and_wrong_rules_stay_with_their_reason(
    window: OpenWindow, app: AppProcess
) -> None:
    page = window().visit("/settings")
    table = page.get_by_role("region", name="What agents may do")
    table.get_by_role("button", name="Balanced").click()
    expect(table.get_by_role("button", name="Balanced")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Saved.")).to_have_count(1)
    _choose(page, table, "Push or publish", "Deny")
    expect(table.get_by_role("button", name="Balanced")).to_have_attribute("aria-pressed", "false")
    rules = table.get_by_role("textbox", name="Rules for commands, hosts and tools")
    rules.fill("allow command python *")
    rules.blur()
    expect(table).to_contain_text("python runs whatever it is given")
    rules.fill("allow network example.com\ndeny command docker *")
    with app.events(None) as events:
        rules.blur()
        events.until("settings_changed")
    page = window().visit("/settings")
    table = page.get_by_role("region", name="What agents may do")
    expect(table.get_by_role("combobox", name="Push or publish")).to_have_value("Deny")
    expect(table.get_by_role("textbox")).to_have_value("allow network example.com\ndeny command docker *")
    kept = _policy(app)
    assert (kept["push"], kept["install"], len(kept["rules"])) == ("deny", "ask", 2)


def test_one_session_has_a_table_of_its_own(window: OpenWindow, seeded: dict[str, str], app: AppProcess) -> None:
    page = window().visit(f"/session/{seeded['session']}")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_text("Permissions…").click()
    panel = page.get_by_role("alertdialog")
    _choose(page, panel, "Install packages", "Deny")
    panel.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    with app.client() as api:
        assert api.get(f"/api/sessions/{seeded['session']}").json()["agent_config"]["policy"] == {"install": "deny"}


def test_more_questions_than_are_shown_are_told_with_the_way_to_them(window: OpenWindow) -> None:
    page = window().visit("/")
    expect(page.locator("[data-approval]")).to_have_count(20)
    expect(page.get_by_text("3 more questions after these.")).to_be_visible()
    page.get_by_role("link", name="See all approvals").click()
    expect(page.locator("[data-approval]")).to_have_count(23)


def test_after_three_answers_alike_the_rule_is_offered_and_taken(window: OpenWindow, app: AppProcess) -> None:
    page = window("phone").visit("/approvals")
    for n in range(3):
        gate = page.locator(f'[data-approval="ask-{n}"]')
        gate.get_by_role("button", name="Allow", exact=True).click()
        expect(gate).to_have_count(0)
    offer = page.get_by_role("dialog", name="Make this answer a rule?")
    expect(offer).to_contain_text("“example.org:443”")
    assert not everywhere(page, ".q-dialog")
    offer.get_by_role("button", name="Always allow").click()
    expect(offer).to_have_count(0)
    assert {"row": "network", "match": "example.org:443", "answer": "allow"} in _policy(app)["rules"]
