"""The frame, the dashboard and the simple pages, as a user has them in a browser."""

from __future__ import annotations

import re
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from tests.app_process import AppProcess
from tests.browser.axe import everywhere
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, ago, seed_session, seeding, task
from tests.repos import make_repo


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a second branch's worth of nothing: one commit on main."""
    return make_repo(tmp_path_factory.mktemp("code") / "shop", {"README.md": "# Shop\n"})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder."""
    return tmp_path_factory.mktemp("frame") / "data"


@pytest.fixture(scope="module")
def app(data: Path, repo: Path) -> Iterator[AppProcess]:
    """A Maestro with paused sessions that have open questions; nothing of them runs."""
    with seeding(data) as rt:
        _seed(rt, repo, "CSV export", "Run `pip install hypothesis`")
        _seed(rt, repo, "Rate limits", "Run `npm ci`")
        for number in range(35):
            seed_session(rt, repo, title=f"Old idea {number}", status="cancelled")
        others = {"repo_path": str(repo), "base_commit": "0" * 40, "status": "cancelled"}
        add(rt, *(models.Session(title=f"Other {n}", session_branch=f"b{n}", **others) for n in range(200)))
        seed_session(rt, repo, title="ÜBERSETZUNG prüfen", status="plan_review", updated_at=ago(90 * 86400))
    with AppProcess(data, MAESTRO_ASSISTANT="demo") as process:
        yield process


def _seed(rt: Runtime, repo: Path, title: str, question: str) -> None:
    session = seed_session(
        rt, repo, title=title, status="paused", tasks=[task("t1", "Write it"), task("t2", "Test it")]
    )
    asked = models.Approval(session_id=session.id, kind="tool", title=question, detail={"command": question[5:-1]})
    with rt.db.write() as tx:
        tx.db.add(asked)


def _question(page: Page, words: str) -> Locator:
    return page.locator(".m-gate", has_text=words)


def test_a_question_is_answered_where_it_stands_and_every_window_knows(window: OpenWindow, app: AppProcess) -> None:
    here, there = window(), window("phone", scheme="dark")
    here.visit("/")
    there.visit("/approvals")
    expect(here.page).to_have_title("(2) Maestro")
    expect(_question(there.page, "pip install hypothesis")).to_be_visible()

    asked = _question(here.page, "pip install hypothesis")
    asked.get_by_label("Note for the agent").fill("this once")
    asked.get_by_role("button", name="Allow", exact=True).click()

    expect(asked).to_have_count(0)
    expect(_question(there.page, "pip install hypothesis")).to_have_count(0)
    expect(there.page.get_by_text("this once")).to_be_visible()
    expect(here.page).to_have_title("(1) Maestro")
    with app.client() as api:
        answered = api.get("/api/approvals", params={"status": "allowed"}).json()["items"]
    assert [a["title"] for a in answered] == ["Run `pip install hypothesis`"]


def test_a_word_being_typed_survives_news_about_other_questions(window: OpenWindow, app: AppProcess) -> None:
    page = window().visit("/")
    field = _question(page, "npm ci").get_by_label("Note for the agent")
    field.fill("not yet, and")
    with app.client() as api:
        session = _session(app, "CSV export")
        api.patch(f"/api/sessions/{session}", json={"title": "CSV export, renamed"}).raise_for_status()
        expect(page.get_by_text("CSV export, renamed").first).to_be_visible()
        expect(field).to_have_value("not yet, and")
        expect(field).to_be_focused()
        api.patch(f"/api/sessions/{session}", json={"title": "CSV export"}).raise_for_status()


def test_a_new_name_shows_at_once_in_another_window(window: OpenWindow, app: AppProcess) -> None:
    session = _session(app, "Rate limits")
    here, there = window(), window()
    here.visit(f"/session/{session}")
    there.visit("/session?q=limits")
    here.page.get_by_role("button", name="More").click()
    here.page.get_by_text("Rename…").click()
    here.page.get_by_label("Title").fill("Limits per key")
    here.page.get_by_role("button", name="Rename").click()

    expect(here.page.get_by_role("heading", name="Limits per key")).to_be_visible()
    expect(here.page).to_have_title(re.compile(r"Limits per key · Maestro$"))
    expect(there.page.get_by_text("Limits per key")).to_be_visible()
    with app.client() as api:
        api.patch(f"/api/sessions/{session}", json={"title": "Rate limits"}).raise_for_status()


def test_an_unknown_session_gets_a_page_with_a_way_on(window: OpenWindow) -> None:
    lost = window()
    lost.expect_problem("404")
    page = lost.visit("/session/00000000-0000-0000-0000-000000000000")
    expect(page.get_by_text("Session not found")).to_be_visible()
    page.get_by_role("link", name="All sessions").click()
    expect(page).to_have_url(re.compile(r"/session$"))
    page = lost.visit("/no/such/page")
    expect(page.get_by_text("Page not found")).to_be_visible()


def test_a_wrong_repository_is_said_beside_the_field_and_what_was_typed_stays(window: OpenWindow, repo: Path) -> None:
    page = window().visit("/session/new")
    path, idea = page.get_by_label("Repository"), page.get_by_label("Idea")
    path.fill("/no/such/folder")
    idea.fill("Export the book as CSV")
    page.get_by_role("button", name="Create and brainstorm").click()
    beside = page.locator(".m-field", has=path)
    expect(beside.get_by_role("alert")).to_contain_text("/no/such/folder")
    expect(path).to_have_value("/no/such/folder")
    expect(idea).to_have_value("Export the book as CSV")

    path.fill(str(repo))
    page.get_by_role("button", name="Create and brainstorm").click()
    page.wait_for_url("**/brainstorm")
    expect(page.get_by_role("heading", name="Export the book as CSV")).to_be_visible()


def test_a_repository_is_looked_at_while_one_types(window: OpenWindow, repo: Path) -> None:
    (repo / "draft.txt").write_text("mine")
    page = window().visit("/session/new")
    page.get_by_label("Repository").fill(str(repo))
    page.get_by_label("Repository").press("Tab")
    expect(page.get_by_text("On main at")).to_contain_text("1 uncommitted file, left alone")
    expect(page.get_by_label("Start from")).to_have_value("main")
    (repo / "draft.txt").unlink()


def test_the_list_finds_filters_and_pages_and_keeps_it_in_the_address(window: OpenWindow) -> None:
    page = window().visit("/session")
    rows = page.locator(".m-srow")
    expect(rows).to_have_count(30)
    expect(rows.filter(has_text="ÜBERSETZUNG")).to_be_visible()  # the oldest of all, but it waits for the user
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_text(re.compile(r"31–\d+ of \d+"))).to_be_visible()
    page.get_by_role("button", name="Running").click()
    expect(rows).to_have_count(2)
    page.get_by_label("Search sessions").fill("CSV")
    expect(rows).to_have_count(1)
    page.wait_for_url("**/session?show=work&q=CSV")
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_label("Search sessions").fill("no such words")
    expect(page.get_by_text("No matching sessions")).to_be_visible()


def test_a_page_that_takes_its_time_to_come_says_so_at_once(page: Page) -> None:
    left = page.locator("html[data-leaving]")
    page.evaluate("dispatchEvent(new Event('beforeunload'))")  # while a page is awaited, Playwright looks at nothing
    expect(left).to_be_attached()
    page.evaluate("dispatchEvent(new Event('pageshow'))")
    expect(left).to_have_count(0)
    page.evaluate("""() => {
      const link = Object.assign(document.createElement("a"), { href: "/api/health" });
      document.body.append(link);
      link.addEventListener("click", (event) => event.preventDefault());
      link.click();
      dispatchEvent(new Event("beforeunload"));
    }""")
    expect(left).to_have_count(0)  # a file that is saved leaves no page


def test_hands_stay_on_the_keyboard(window: OpenWindow) -> None:
    opened = window()
    page = opened.visit("/")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/session")
    opened.alive()
    expect(page.locator(".m-srow").first).to_be_visible()
    page.keyboard.press("j")
    expect(page.locator(".m-srow").first).to_be_focused()

    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search", exact=True).fill("prüfen übersetzung")
    expect(page.get_by_role("option", name="ÜBERSETZUNG prüfen")).to_be_visible()
    page.get_by_role("combobox", name="Search", exact=True).fill("nothing is called so")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    page.get_by_role("combobox", name="Search", exact=True).fill("rate lim")
    expect(page.get_by_role("option", name="Rate limits")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/session/[0-9a-f-]{36}$"))


def test_the_chosen_colours_are_there_before_the_first_paint(window: OpenWindow) -> None:
    page = window(scheme="light").visit("/settings")
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => { window.atFirst = document.documentElement.dataset.theme })"
    )
    page.reload()
    assert page.evaluate("window.atFirst") == "dark"
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))


def test_a_setting_is_kept_and_a_wrong_one_explained_beside_it(window: OpenWindow, app: AppProcess) -> None:
    page = window().visit("/settings")
    row = page.locator(".m-setting", has_text="Attempts per task")
    row.get_by_role("spinbutton").fill("99")
    row.get_by_role("spinbutton").press("Enter")
    expect(row.get_by_role("alert")).to_contain_text("20")
    expect(row.get_by_role("spinbutton")).to_have_value("99")
    row.get_by_role("spinbutton").fill("5")
    row.get_by_role("spinbutton").press("Enter")
    expect(row.get_by_text("Set here")).to_be_visible()
    with app.client() as api:
        assert {s["name"]: s["value"] for s in api.get("/api/settings").json()["items"]}["max_attempts"] == 5
    row.get_by_role("spinbutton").fill("")  # no number is the default, and that is shown
    row.get_by_role("spinbutton").press("Tab")
    expect(row.get_by_role("spinbutton")).to_have_value("3")
    row.get_by_role("spinbutton").fill("")
    row.get_by_role("spinbutton").press("Tab")
    expect(row.get_by_role("spinbutton")).to_have_value("3")
    address = page.get_by_label("Base URL")
    for wrong in ("localhost:8080", "http://", "two words"):
        address.fill(wrong)
        address.press("Enter")
        expect(page.get_by_text("must begin with http:// or https://")).to_be_visible()
        expect(address).to_have_value(wrong)
    address.fill("")
    address.press("Enter")
    expect(page.get_by_text("must begin with http:// or https://")).to_have_count(0)
    assigned = page.locator(".m-setting", has=page.get_by_text("Set by MAESTRO_ASSISTANT in the environment"))
    expect(assigned.get_by_role("combobox")).to_have_count(0)


def test_a_session_that_cannot_be_moved_on_offers_only_what_is_possible(window: OpenWindow, app: AppProcess) -> None:
    page = window().visit(f"/session/{_session(app, 'Rate limits')}")
    controls = page.locator(".m-controls")
    expect(controls.get_by_role("button", name="Resume")).to_be_visible()
    expect(controls.get_by_role("button", name="Cancel…")).to_be_visible()
    expect(controls.get_by_role("button", name="Pause")).to_be_hidden()
    expect(controls.get_by_role("button", name="Retry")).to_be_hidden()


def test_a_session_that_cannot_be_read_leaves_the_way_to_all_others(
    window: OpenWindow, app: AppProcess, data: Path
) -> None:
    here = window()
    here.expect_problem("500")
    session = _session(app, "Rate limits")
    with sqlite3.connect(data / "maestro.db") as db:
        db.execute("ALTER TABLE approvals RENAME TO elsewhere")
    for path in ("", "/brainstorm", "/plan", "/logs", "/changes"):
        page = here.visit(f"/session/{session}{path}")
        shown = page.get_by_role("alert")
        expect(shown).to_contain_text("This page could not be shown")
        expect(shown).to_contain_text(re.compile("Unexpected error: .{10,300}. The log has the details."))
        expect(page.get_by_role("link", name="Sessions").first).to_be_visible()
    here.screenshot("session-unreadable")
    assert not everywhere(page)
    with sqlite3.connect(data / "maestro.db") as db:
        db.execute("ALTER TABLE elsewhere RENAME TO approvals")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Rate limits")).to_be_visible()


def test_a_restart_of_the_server_loses_nothing_typed(window: OpenWindow, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with AppProcess(tmp_path / "data", "--port", port, MAESTRO_ASSISTANT="demo") as own:
        here = window(app=own)
        here.expect_problem("ERR_|WebSocket|Failed to load|Failed to fetch")
        assert not everywhere(here.visit("/"))  # where nothing is there yet
        page = here.visit("/session/new")
        page.get_by_label("Idea").fill("A long thought about exports")
        own.kill()
        expect(page.locator("#popup")).to_have_attribute("aria-hidden", "false", timeout=30_000)
        expect(page.get_by_label("Idea")).to_have_value("A long thought about exports")
        own.start()
        expect(page.locator("#popup")).to_have_attribute("aria-hidden", "true", timeout=30_000)
        expect(page.get_by_label("Idea")).to_have_value("A long thought about exports")


def _session(app: AppProcess, title: str) -> str:
    with app.client() as api:
        found = api.get("/api/sessions", params={"q": title, "limit": 500}).json()["items"]
    return next(str(s["id"]) for s in found if s["title"] == title)
