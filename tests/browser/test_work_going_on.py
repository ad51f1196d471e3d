"""Work that goes on: what it has cost so far is seen everywhere at once, and time in which nothing moves is not drawn as work."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from maestro.core.commands import plans, sessions
from maestro.core.kernel import lookup
from maestro.core.kernel.session_states import move
from maestro.core.planning import generation
from maestro.core.planning.plan import parse_plan
from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import seeding
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, bash, scenario, task_rule

SOON_MS = 90_000
PLAN = {"summary": "One.", "tasks": [{"id": "note", "title": "Write the note", "checks": ["true"]}]}
#: One call that is counted, and then an answer that never comes.
SCRIPT = scenario(task_rule("Write the note", bash("true"), {"hang": True}))
MODEL = "claude-sonnet-4-5-20250929"
MONEY = re.compile(r"\$(?!0\.00)\d+\.\d\d")


@pytest.fixture(scope="module")
def ids() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, ids: dict[str, str]) -> Iterator[AppProcess]:
    """A Maestro with a session that is ready to start, and a model with a public price."""
    data = tmp_path_factory.mktemp("going") / "data"
    repo = make_repo(tmp_path_factory.mktemp("code") / "shop", {"README.md": "# Shop\n"})
    with seeding(data) as rt:
        config = {"model": MODEL, "permission_mode": "bypass"}
        new = sessions.NewSession(title="A note", description="Write it", repo_path=str(repo), agent_config=config)
        ids["note"] = sessions.create_session(rt, new).id
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, ids["note"])
            move(tx, row, "start")
            move(tx, row, "idea_ready")
            generation.add_version(tx, row, parse_plan(PLAN), "generated")
            move(tx, row, "plan_ready")
        plans.approve_plan(rt, ids["note"], start=False)
    with (
        ScriptedServer(SCRIPT) as model,
        AppProcess(data, ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY=DUMMY_KEY) as process,
    ):
        yield process


def test_cost_is_live_everywhere_and_a_pause_is_no_work(
    window: OpenWindow, app: AppProcess, ids: dict[str, str]
) -> None:
    monitor, board, found = window(), window(), window()
    here = monitor.visit(f"/session/{ids['note']}")
    cost = here.get_by_title("Cost so far")
    expect(cost).to_have_text("$0.00")
    here.get_by_role("button", name="Start execution").click()
    board.visit("/")
    found.visit("/session")
    expect(cost).to_have_text(MONEY, timeout=SOON_MS)
    expect(board.page.locator(".m-running")).to_contain_text(MONEY, timeout=SOON_MS)
    expect(found.page.locator("main .m-item")).to_contain_text(MONEY, timeout=SOON_MS)
    expect(board.page.get_by_text(MONEY).nth(1)).to_be_visible()  # in the row, and in what today has cost
    here.locator(".tl__row").click()
    expect(here.locator(".mon-panel")).to_contain_text(re.compile(MONEY.pattern + " so far"), timeout=SOON_MS)
    here.keyboard.press("Escape")
    with app.client() as api:
        session = api.get(f"/api/sessions/{ids['note']}").json()
        worker = api.get(f"/api/sessions/{ids['note']}/workers").json()["items"][0]
    assert worker["status"] == "running"  # all of this was money of a run that goes on
    assert session["cost_usd"] > 0

    _pause(here)
    bars = here.locator(".tl__row[data-task=note] .tl__bar")
    expect(bars).to_have_count(2)
    expect(bars.nth(0)).to_have_class(re.compile(r"s-running(?!.*tl__bar--live)"))
    expect(bars.nth(1)).to_have_class(re.compile(r"s-paused tl__bar--wait"))
    expect(bars.nth(1)).to_have_attribute("title", "Paused")
    expect(here.locator(".mon-counts")).to_have_text("1 paused")
    expect(here.locator(".mon-workers")).to_contain_text("1 paused")
    expect(board.page.locator(".m-running")).to_contain_text("blocked until you resume")
    monitor.screenshot("monitor-paused")
    board.screenshot("dashboard-paused")

    here.get_by_role("button", name="Resume").click()
    expect(bars.nth(1)).to_have_attribute("title", re.compile(r"Paused for [\d.]+ s"))
    expect(here.locator(".mon-counts")).to_have_text("1 running")
    expect(board.page.locator(".m-running")).not_to_contain_text("blocked")


def _pause(page: Page) -> None:
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
