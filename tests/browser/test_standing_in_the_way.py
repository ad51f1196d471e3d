"""What stands in the way of work, seen and answered: conflicts, a refused key, an alarm, set-up, a run's budget, absence."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from maestro.core.kernel.endpoint import Endpoint
from maestro.core.kernel.runtime import Runtime
from maestro.core.limits import account
from maestro.db import models
from maestro.worktrees import integration
from tests.app_process import AppProcess
from tests.browser.axe import everywhere
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, gate_on, seed_session, seeding, stored_row, task, tasks_of
from tests.repos import commit, make_repo, run_git

NOWHERE, KEY = "http://127.0.0.1:9", "sk-nobody"
BRANCH = "maestro/held/main"
ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("escape", "A hook is new in your repository", {"changes": [{"what": "A hook is new", "undo": "rm hook"}]}),
    ("infrastructure", "Worktree setup failed.", {"what": "set-up", "reason": "`npm ci` failed: ENETUNREACH"}),
    (
        "budget",
        "The budget for one run of task t3 is used up",
        {"budget": "run:t3:usd", "measure": "usd", "limit": 1.0, "used": 1.1, "raise_by": 1.0, "paused": False,
         "reason": "$1.1 of $1 used for one run of task t3."},
    ),
    ("task_failed", "Task t4 failed", {"reason": "The API key was rejected.", "failure": "auth"}),
    ("tool", "Run `curl example.org`", {"tool": "Bash", "command": "curl example.org"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk of its own for the data folder where the machine lets us have one."""
    place = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(place)], check=False).returncode
    yield place
    if mounted == 0:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory, disk: Path) -> dict[str, str]:
    repo = make_repo(tmp_path_factory.mktemp("held") / "repo", {"a.txt": "one\ntwo\nthree\n"})
    with seeding(disk / "data") as rt:
        session = _held(rt, repo)
        alarm = seed_session(rt, repo, title="Alarm", status="paused", tasks=[task("t1", "Wait", status="waiting")])
        limits = {"session_budget_usd": 5, "session_token_limit": 1_000_000, "away": True}
        spent = seed_session(rt, repo, title="Spent", status="paused", agent_config=limits, cost_usd=4.2, tasks=[
            task("t1", "Wait", status="waiting", input_tokens=123_456)
        ])  # fmt: skip
        detail = ASKED[0][2]
        add(rt, models.Approval(id="alarm", session_id=alarm.id, kind="escape", title="A file changed", detail=detail))
        refused = account.name_of(Endpoint("anthropic", base_url=NOWHERE, api_key=KEY))
        add(rt, models.AccountPause(account=refused, kind="auth", reason="invalid x-api-key (401)"))
    return {"data": str(disk / "data"), "id": session, "alarm": alarm.id, "spent": spent.id}


def _held(rt: Runtime, repo: Path) -> str:
    """A paused session: t1 does not fit what came in, and each of the others asks something."""
    base = run_git(repo, "rev-parse", "main")
    tips = {}
    for branch, words in ((BRANCH, "TWO"), ("maestro/held/t1", "2")):
        run_git(repo, "checkout", "-q", "-b", branch, base)
        tips[branch] = commit(repo, {"a.txt": f"one\n{words}\nthree\n"}, f"Say {words}")
    run_git(repo, "checkout", "-q", "main")
    conflict = {"branch": "maestro/held/t1", "start_commit": base, "result_json": {"conflicts": ["a.txt"]}}
    tasks = [task("t1", "Count in digits", status="running", attempt=2, **conflict)]
    tasks += [task(f"t{n}", f"Part {n}", status="waiting", attempt=1) for n in range(2, 2 + len(ASKED))]
    session = seed_session(
        rt, repo, title="Held", status="paused", tasks=tasks, session_branch=BRANCH, session_commit=tips[BRANCH],
        checkpoint_commit=base,
    )  # fmt: skip
    integration.keep(repo, integration.checkpoint_ref(session.id, 0), base)
    rows = tasks_of(rt, session)
    for n, (kind, title, detail) in enumerate(ASKED):
        of = None if kind == "escape" else rows[f"t{n + 2}"].id
        add(rt, models.Approval(id=kind, session_id=session.id, task_id=of, kind=kind, title=title, detail=detail))
    return session.id


@pytest.fixture(scope="module")
def app(seeded: dict[str, str]) -> Iterator[AppProcess]:
    keys = {"MAESTRO_ASSISTANT": "anthropic", "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": NOWHERE}
    with AppProcess(Path(seeded["data"]), **keys) as process:
        yield process


def test_a_conflict_is_compared_from_both_sides(window: OpenWindow, seeded: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(f"/session/{seeded['id']}?task=t1")
    expect(page.locator(".mon-panel .m-state")).to_have_text("Paused")
    page.get_by_role("button", name="Compare both sides").click()
    dialog = page.locator(".q-three")
    expect(dialog).to_contain_text("1 file changed on both sides, first in the task’s commit “Say 2”.")
    sides = dialog.locator("[data-conflict='a.txt'] .q-three__sides > *")
    expect(sides.nth(0)).to_contain_text("TWO")
    expect(sides.nth(1)).to_contain_text("three")
    expect(sides.nth(2)).to_contain_text("2")
    opened.screenshot("way-conflict")
    dialog.get_by_text("With git’s conflict markers").click()
    expect(dialog).to_contain_text("<<<<<<<")
    assert not everywhere(page, ".q-dialog")
    opened.resize("phone")
    opened.scheme("dark")
    opened.screenshot("way-conflict-phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


def test_a_refused_key_and_each_question_are_answered_in_their_own_words(
    window: OpenWindow, seeded: dict[str, str]
) -> None:
    opened = window()
    page = opened.visit("/")
    key = page.locator(".m-banner", has_text="The API key was rejected")
    expect(key).to_contain_text("invalid x-api-key (401)")
    opened.screenshot("way-key")
    page = opened.visit("/approvals")
    expect(key).to_contain_text("invalid x-api-key (401)")
    opened.screenshot("way-key-approvals")
    key.get_by_role("button", name="Try the key again").click()
    expect(key).to_have_count(0)
    expect(gate_on(page, "infrastructure")).to_contain_text("Setup failed")
    expect(gate_on(page, "budget")).to_contain_text("$1.10 of $1.00 used")
    expect(gate_on(page, "task_failed")).to_contain_text("The API key was rejected")
    opened.screenshot("way-questions")
    opened.resize("phone")
    opened.scheme("dark")
    opened.screenshot("way-questions-phone", full_page=True)
    opened.resize("desktop")
    gate_on(page, "infrastructure").get_by_role("button", name="Give up on the task").click()
    gate_on(page, "budget").get_by_role("button", name="Stop the task").click()
    for name in ("infrastructure", "budget"):
        expect(gate_on(page, name)).to_have_count(0)
    assert stored_row(seeded, "SELECT status FROM tasks WHERE key='t4'") == ("failed",)


def test_while_away_open_gates_are_denied_and_the_way_back_is_in_sight(
    window: OpenWindow, seeded: dict[str, str]
) -> None:
    opened = window()
    page = opened.visit(f"/session/{seeded['id']}")
    opened.resize("phone")
    opened.screenshot("way-before-away-phone")
    opened.resize("desktop")
    page.get_by_role("button", name="I’m away").click()
    banner = page.locator(".m-banner", has_text="You’re away")
    expect(banner).to_contain_text("1 request denied so far.")
    expect(gate_on(page, "tool")).to_have_count(0)
    expect(gate_on(page, "escape")).to_be_visible()
    opened.screenshot("way-away")
    opened.resize("phone")
    opened.scheme("dark")
    opened.screenshot("way-away-phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    opened.resize("desktop")
    banner.get_by_role("button", name="I’m back").click()
    expect(banner).to_have_count(0)
    page.get_by_role("link", name="Approvals").first.click()
    expect(page.locator(".m-answered", has_text="curl example.org")).to_contain_text("Denied while you were away")


def test_the_limits_in_force_are_shown_and_changed_for_the_session(window: OpenWindow, seeded: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(f"/session/{seeded['spent']}")
    page.get_by_role("tab", name="Limits").click()
    budget = page.locator("[data-budget$=':usd']")
    expect(budget).to_contain_text("$4.20 of $5.00")
    opened.screenshot("way-limits")
    page.get_by_role("button", name="Change…").click()
    page.get_by_label("Budget per session, dollars").fill("12")
    opened.screenshot("way-limits-change")
    page.get_by_role("button", name="Save").click()
    expect(budget).to_contain_text("$4.20 of $12.00")
    opened.resize("phone")
    opened.scheme("dark")
    budget.scroll_into_view_if_needed()
    opened.screenshot("way-limits-phone")
    config = stored_row(seeded, "SELECT agent_config FROM sessions WHERE id=?", seeded["spent"])[0]
    assert json.loads(config) == {"session_budget_usd": 12, "away": True, "session_token_limit": 1_000_000}
    opened.resize("desktop")
    opened.visit(f"/session/{seeded['spent']}/brainstorm")  # where a reply is refused when the budget is used up
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_text("Limits…").click()
    expect(page.get_by_label("Budget per session, dollars")).to_have_value("12")


def test_going_on_after_an_alarm_resumes_the_session(window: OpenWindow, seeded: dict[str, str]) -> None:
    page = window().visit(f"/session/{seeded['alarm']}")
    gate_on(page, "alarm").get_by_role("button", name="Continue").click()
    expect(gate_on(page, "alarm")).to_have_count(0)
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()


def test_a_full_disk_is_told_until_there_is_room(window: OpenWindow, seeded: dict[str, str]) -> None:
    place = Path(seeded["data"]).parent
    if not os.path.ismount(place):
        pytest.skip("mounting needs root")
    opened = window()
    page = opened.visit("/")
    ballast = place / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, os.statvfs(place).f_bavail * os.statvfs(place).f_frsize - 20_000_000)
    banner = page.locator(".m-banner", has_text="The disk is full")
    expect(banner).to_contain_text("Free some space; work then continues automatically.")
    opened.scheme("dark")
    opened.screenshot("way-disk")
    ballast.unlink()
    expect(banner).to_have_count(0)
