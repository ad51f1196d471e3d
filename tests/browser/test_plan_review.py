"""Reviewing a plan with the assistant: its checks tried, comments and gaps answered, versions compared, a file read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from maestro.core.commands import conversation, sessions
from maestro.core.kernel import lookup
from maestro.core.kernel.session_states import move
from maestro.core.planning import generation
from maestro.core.planning.plan import parse_plan
from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import seeding
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, call, scenario

PLAN: dict[str, Any] = {
    "summary": "Export in two steps.",
    "checks": ["sh check.sh"],
    "tasks": [
        {
            "id": "writer",
            "title": "Write the file",
            "requirements": ["R1"],
            "checks": ["frobnicate"],
            "files": ["a.py"],
        },
        {"id": "command", "title": "Add the command", "depends_on": ["writer"], "checks": ["sh -e check.sh"]},
    ],
}
MAIL = {"tasks": [{"id": "mail", "title": "Send it by mail", "requirements": ["R2"], "checks": ["test -f mail.sh"]}]}
AFTER = {"tasks": [MAIL["tasks"][0] | {"depends_on": ["writer"]}]}
BRIEF = {"tasks": [{"id": "command", "title": "Add a brief command", "depends_on": ["writer"]}]}
CRITIC = {"match": {"has_tool": "submit_review", "prompt": "Add one task"}}
FOUND = [{"kind": "order", "task": "mail", "problem": "It needs the file.", "change": "Depend on writer."}]
SCRIPT = scenario(
    CRITIC | {"reply": {"delay_s": 5, "content": [call("submit_review", findings=FOUND)]}},
    {"match": {"has_tool": "submit_plan", "asked": "Rewrite it once"}, "reply": [{"answer": AFTER}]},
    {"match": {"has_tool": "submit_plan", "prompt": "Add one task"}, "reply": [{"answer": MAIL}]},
    {"match": {"has_tool": "submit_plan"}, "reply": [{"answer": BRIEF}]},
)


@pytest.fixture(scope="module")
def address() -> dict[str, str]:
    """Where the seeded plan is."""
    return {}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, address: dict[str, str]) -> Iterator[AppProcess]:
    """A Maestro with a plan to review, whose second requirement nothing fulfils."""
    data = tmp_path_factory.mktemp("review") / "data"
    repo = make_repo(tmp_path_factory.mktemp("code") / "shop", {"README.md": "# Shop\n", "check.sh": "exit 0\n"})
    with seeding(data) as rt:
        session = sessions.create_session(rt, sessions.NewSession(title="Export", repo_path=str(repo)))
        sessions.start_session(rt, session.id)
        texts = {"R1": "writes a CSV file", "R2": "is sent by mail on Mondays"}
        wanted = [{"id": key, "text": text} for key, text in texts.items()]
        conversation.edit_idea_card(rt, session.id, {"title": "Export", "requirements": wanted})
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session.id)
            move(tx, row, "idea_ready")
            generation.add_version(tx, row, parse_plan(PLAN), "generated")
            move(tx, row, "plan_ready")
        address["plan"] = f"/session/{session.id}/plan"
    with (
        ScriptedServer(SCRIPT) as model,
        AppProcess(data, ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY=DUMMY_KEY) as process,
    ):
        yield process


def test_a_plan_is_reviewed_with_the_assistant(
    window: OpenWindow, app: AppProcess, address: dict[str, str], tmp_path: Path
) -> None:
    here = window()
    page = here.visit(address["plan"])
    bar = page.locator(".p-bar")
    # Its checks are tried on the base.
    bar.get_by_role("button", name="Try the checks").click()
    expect(bar).to_contain_text("1 check cannot run here", timeout=90_000)
    page.locator(".p-row", has_text="Write the file").click()
    told = page.locator("[data-tried=cannot_run]")
    expect(told).to_contain_text("frobnicate is not installed (setup missing)")
    told.locator("summary").click()
    here.screenshot("plan-review-tried")
    expect(told).to_contain_text("not found")
    page.locator(".p-row", has_text="Add the command").click()
    expect(page.locator("[data-tried=nothing_new]")).to_contain_text("passes already, proves nothing new")
    # A gap is closed by a click, and nothing else changes.
    page.locator(".p-row--whole").click()
    gap = page.locator(".p-trace__no_task")
    expect(gap).to_contain_text("R2: is sent by mail on Mondays")
    here.screenshot("plan-review-gap")
    expect(bar).to_contain_text("150k to 2.4M tokens")
    gap.get_by_role("button", name="Add a task").click()
    # What is drafted is seen while it is made, also after a reload; a second pass finds something and it is rewritten.
    expect(page.locator("[data-drafted=mail]")).to_contain_text("Send it by mail", timeout=90_000)
    here.screenshot("plan-review-making")
    page.reload()
    here.alive()
    expect(page.locator(".p-row", has_text="Send it by mail")).to_be_visible(timeout=90_000)
    page.locator(".p-row--whole").click()
    expect(page.locator(".p-finding")).to_contain_text("It needs the file.")
    here.screenshot("plan-review-second-pass")
    expect(page.locator(".p-trace__no_task")).to_have_count(0)
    # A comment goes into the next version of one task.
    page.locator(".p-row", has_text="Add the command").click()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Add the command")
    page.get_by_label("Add a comment").fill("Say it briefly.")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".p-comment")).to_contain_text("Say it briefly.")
    page.reload()
    here.alive()
    here.screenshot("plan-review-comment")
    expect(page.locator(".p-comment")).to_contain_text("Say it briefly.")
    bar.get_by_role("button", name="Regenerate…").click()
    asking = page.get_by_role("alertdialog")
    expect(asking).to_contain_text("command: Say it briefly.")
    asking.get_by_label("Only these tasks").click()
    page.get_by_role("option", name=re.compile("^command")).click()
    page.keyboard.press("Escape")
    asking.get_by_role("button", name="Regenerate").click()
    expect(page.locator(".p-row", has_text="Add a brief command")).to_be_visible(timeout=90_000)
    expect(page.locator(".p-row", has_text="Send it by mail")).to_be_visible()
    expect(page.locator(".p-comment")).to_have_count(0)
    # Two versions side by side, and one brought back.
    bar.get_by_role("button", name="Versions").click()
    page.get_by_text("Compare versions…").click()
    compared = page.get_by_role("alertdialog")
    expect(compared).to_contain_text("command: Add a brief command")
    here.screenshot("plan-review-versions")
    expect(compared.locator(".p-compare")).to_contain_text("Add the command")
    compared.get_by_role("button", name="Bring back version 2").click()
    expect(page.locator(".p-row", has_text="Add the command")).to_be_visible()
    expect(bar).to_contain_text("version 4")
    # Out as a file, edited elsewhere, and in again; what is wrong in it is said with its line.
    bar.get_by_role("button", name="Versions").click()
    with page.expect_download() as saved:
        page.get_by_text("Export as Markdown").click()
    words = Path(saved.value.path()).read_text()
    bar.get_by_role("button", name="Versions").click()
    page.get_by_text("Import Markdown…").click()
    reading = page.get_by_role("alertdialog")
    reading.get_by_label("Or paste it").fill(words.replace("- Depends on: writer", "- Depends: writer"))
    reading.get_by_role("button", name="Read it").click()
    expect(reading).to_contain_text("“Depends on” is meant")
    file = tmp_path / "plan.md"
    file.write_text(words.replace("Write the file", "Write the CSV file"))
    reading.locator("input[type=file]").set_input_files(file)
    expect(reading.get_by_label("Or paste it")).to_have_value(re.compile("Write the CSV file"))
    reading.get_by_role("button", name="Read it").click()
    expect(page.locator(".p-row", has_text="Write the CSV file")).to_be_visible()
    with app.client() as api:
        listed = api.get(f"/api{address['plan'].replace('session', 'sessions', 1)}/versions").json()["items"]
    assert [v["origin"] for v in listed] == ["imported", "restored", "generated", "generated", "generated"]
