"""What a repository's worktrees need: offered on the new session's page, ticked, remembered, changed in the settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import seed_session, seeding, task
from tests.repos import commit, make_repo, run_git, write_files


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {"go.mod": "module shop\n", "web/package-lock.json": "{}", ".gitignore": ".env\n"}
    made = make_repo(tmp_path / "shop", files)
    write_files(made, {".env": "KEY=1"})
    return made


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppProcess]:
    with AppProcess(tmp_path / "data", MAESTRO_ASSISTANT="demo") as process:
        yield process


def look(page: Page, repo: Path) -> None:
    page.get_by_label("Repository").fill(str(repo))
    page.get_by_label("Repository").press("Tab")


def tick(box: Locator, wanted: bool) -> None:
    """Click when it is not as wanted; the tick shows when the server has answered, so not at once."""
    if box.is_checked() is not wanted:
        box.click()
    expect(box).to_be_checked(checked=wanted)


def begin(page: Page, idea: str) -> str:
    page.get_by_label("Idea").fill(idea)
    page.get_by_role("button", name="Create and brainstorm").click()
    page.wait_for_url("**/brainstorm")
    return page.url.split("/")[-2]


def test_an_offer_is_ticked_once_remembered_told_when_it_changes_and_changed_in_the_settings(
    window: OpenWindow, app: AppProcess, repo: Path
) -> None:
    here = window(app=app)
    page = here.visit("/session/new")
    look(page, repo)
    npm = page.get_by_role("checkbox", name="Run cd web && npm ci")
    expect(page.get_by_text("web/package-lock.json is in the repository")).to_be_visible()
    expect(npm).not_to_be_checked()
    page.get_by_role("button", name="Use what was found").click()
    expect(npm).to_be_checked()
    # CI's machine may have go or not: what is not there is not taken along.
    for name, wanted in (("Run go mod download", False), ("Check go test ./...", True)):
        tick(page.get_by_role("checkbox", name=name), wanted)
    page.locator(".m-env__row", has=npm).get_by_role("textbox").fill("cd web && npm ci --ignore-scripts")
    page.get_by_role("button", name="Add a check").click()
    expect(page.get_by_label("Check: command")).to_have_count(2)
    page.get_by_label("Check: command").last.fill("true")
    here.screenshot("environment-offer", full_page=True)
    chosen = {
        "setup": ["cd web && npm ci --ignore-scripts"],
        "copy_files": ["/.env"],
        "checks": ["go test ./...", "true"],
    }
    with app.client() as api:
        assert api.get(f"/api/sessions/{begin(page, 'Sell more')}").json()["agent_config"] == chosen

        commit(repo, {"uv.lock": ""})
        here.visit("/session/new")
        look(page, repo)
        expect(page.get_by_text("remembered for this repository")).to_be_visible()
        expect(page.get_by_text("The repository has changed since")).to_be_visible()
        expect(page.get_by_role("checkbox", name="Run uv sync")).not_to_be_checked()
        expect(page.get_by_text("2 more that you left out")).to_be_visible()
        here.screenshot("environment-changed", full_page=True)
        assert api.get(f"/api/sessions/{begin(page, 'Sell less')}").json()["agent_config"] == chosen

        here.visit("/session/new")
        look(page, repo)
        expect(page.get_by_text("3 more that you left out")).to_be_visible()
        expect(page.get_by_text("The repository has changed since")).to_have_count(0)

        here.visit("/settings")
        page.get_by_role("button", name=f"Change {repo}").click()
        page.get_by_role("checkbox", name="Copy /.env").click()
        tick(page.get_by_role("checkbox", name="Run checks one at a time"), True)
        here.screenshot("environment-change")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alertdialog")).to_be_hidden()
        listed = page.get_by_role("region", name="Repositories")
        expect(listed.get_by_text("/.env")).to_have_count(0)
        expect(listed.get_by_text("Checks run one at a time.")).to_be_visible()
        here.screenshot("environment-settings", full_page=True)
        listed.get_by_role("button", name=f"Forget {repo}").click()
        page.get_by_role("alertdialog").get_by_role("button", name="Forget").click()
        expect(listed).to_be_hidden()
        assert api.get("/api/repositories/environments").json()["total"] == 0


def test_the_offer_is_that_of_the_chosen_branch_and_a_wrong_line_is_told_where_it_stands(
    window: OpenWindow, app: AppProcess, repo: Path
) -> None:
    run_git(repo, "branch", "old")
    commit(repo, {"Cargo.lock": ""})
    page = window(app=app).visit(f"/session/new?repo={repo}")
    expect(page.get_by_role("checkbox", name="Run cargo fetch")).to_be_visible()
    page.get_by_label("Start from").click()
    page.get_by_role("option", name="old").click()
    expect(page.get_by_role("checkbox", name="Run cargo fetch")).to_have_count(0)
    page.get_by_role("button", name="Add a command").click()
    line = page.locator(".m-env__row").filter(has=page.get_by_role("checkbox", name="Run", exact=True))
    line.get_by_role("textbox").fill("x" * 5000)
    page.get_by_label("Idea").fill("Sell more")
    page.get_by_role("button", name="Create and brainstorm").click()
    expect(line.get_by_role("alert")).to_contain_text("At most 4000")
    expect(page.get_by_label("Idea")).to_have_value("Sell more")


def test_a_set_up_that_failed_is_changed_where_it_asks_and_seen_at_work_on_the_monitor(
    window: OpenWindow, tmp_path: Path, repo: Path
) -> None:
    run_git(repo, "branch", "maestro/one/main")
    with seeding(tmp_path / "own") as rt:
        session = seed_session(
            rt,
            repo,
            status="executing",
            session_branch="maestro/one/main",
            agent_config={"setup": ["exit 3"], "max_workers": 1},
            tasks=[task("t1", "Write it")],
        )
    with AppProcess(tmp_path / "own", MAESTRO_ASSISTANT="demo") as app:
        here = window(app=app)
        page = here.visit(f"/session/{session.id}")
        page.get_by_role("button", name="Change setup…").click()
        page.get_by_role("alertdialog").get_by_label("Run: command").first.fill(
            "echo Resolved 41 packages; exec sleep 1000"
        )
        here.screenshot("environment-of-session")
        page.get_by_role("alertdialog").get_by_role("button", name="Save").click()
        expect(page.get_by_role("alertdialog")).to_be_hidden()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("Resolved 41 packages", exact=True)).to_be_visible()
        expect(page.locator(".tl").get_by_text("Running echo Resolved")).to_be_visible()
        page.get_by_text("Write it").click()
        expect(page.locator(".mon-panel__body").get_by_text("echo Resolved")).to_be_visible()
        here.screenshot("environment-live")
        here.close()


def test_an_offer_is_tried_and_says_whether_it_works(window: OpenWindow, app: AppProcess, tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "made", {"Makefile": "test:\n\t@test -f README\n"})
    here = window(app=app)
    page = here.visit("/session/new")
    look(page, repo)
    tick(page.get_by_role("checkbox", name="Check make test"), True)
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("Does not work")).to_be_visible()
    expect(page.get_by_text("The check make test ended with exit code 2.")).to_be_visible()
    page.get_by_text("The end of its output").click()
    expect(page.get_by_label("End of the output")).to_contain_text("Error 1")
    commit(repo, {"README": "now\n"})
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    expect(page.get_by_text("no test reported")).to_be_visible()
    here.visit("/session/new")
    look(page, repo)
    expect(page.get_by_text("Works", exact=True)).to_be_visible()


def test_what_a_trial_showed_is_gray_as_soon_as_something_else_is_ticked(
    window: OpenWindow, app: AppProcess, tmp_path: Path
) -> None:
    repo = make_repo(tmp_path / "made", {"Makefile": "test:\n\t@true\n", "justfile": "test:\n  true\n"})
    here = window(app=app)
    page = here.visit("/session/new")
    look(page, repo)
    tick(page.get_by_role("checkbox", name="Check make test"), True)
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    expect(page.get_by_text("The current selection has not been tried.")).to_be_hidden()
    expect(page.locator(".m-trial--other")).to_have_count(0)
    tick(page.get_by_role("checkbox", name="Check just test"), True)
    expect(page.get_by_text("The current selection has not been tried.")).to_be_visible()
    expect(page.locator(".m-trial--other")).to_contain_text("Works")
    here.screenshot("environment-not-tried")
    tick(page.get_by_role("checkbox", name="Check just test"), False)
    expect(page.get_by_text("The current selection has not been tried.")).to_be_hidden()
    page.get_by_label("Check: command").first.fill("make check")
    expect(page.get_by_text("The current selection has not been tried.")).to_be_visible()
    page.get_by_label("Check: command").first.fill("make test")
    expect(page.locator(".m-trial--other")).to_have_count(0)
