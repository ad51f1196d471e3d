"""The log: lines arrive while one looks, filters and search narrow them, a long one is read piece by piece, words stay words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.app_process import ROOT, AppProcess, wait_for
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import ago, seed_session, seeding, task, tasks_of
from tests.repos import make_repo

EVIL = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
LINES = 1_300


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("logs")
    repo = make_repo(folder / "repo", {"a.txt": "a\n"})
    with seeding(folder / "data") as rt:
        short = seed_session(rt, repo, title="Short", status="paused", tasks=[task("t1", "One"), task("t2", "Two")])
        tasks = tasks_of(rt, short)
        long = seed_session(rt, repo, title="Long", status="paused")
        with rt.db.write() as tx:
            for number, (kind, level, words) in enumerate(
                [
                    ("text", "info", "I begin with the header."),
                    ("tool", "info", f"$ echo {EVIL}"),
                    ("tool_result", "info", "exit 0"),
                    ("check", "warn", "Check `pytest -q` failed with exit code 1"),
                    ("error", "error", "Something broke\nin a second line"),
                ]
            ):
                tx.log(
                    short.id, words, kind=kind, level=level, source="W-1", timestamp=ago(60 - number),
                    task_id=tasks["t1" if number < 3 else "t2"].id, details={"output": EVIL, "exit_code": number},
                )  # fmt: skip
            tx.logs(
                [{"session_id": long.id, "message": f"line {n}", "timestamp": ago(LINES - n)} for n in range(LINES)]
            )
        colored = seed_session(rt, repo, title="Colored", status="paused")
        with rt.db.write() as tx:
            tx.log(colored.id, f"🎼 \x1b[31mred {EVIL}\x1b[0m plain\n\x1b[1;34mbold and blue\x1b[0m", kind="check")
            tx.log(colored.id, "$ rm -rf build\recho ok", kind="tool")
            forged = {"styles": [[0, 4, 't-f1" onclick="window.pwned = 3'], [2, 1, "b"], ["x", 3, "b"], 7]}
            tx.log(colored.id, "forged", details=forged)
        busy = seed_session(rt, repo, title="Busy", status="paused")
    return {"data": str(folder / "data"), "short": short.id, "long": long.id, "busy": busy.id, "colored": colored.id}


@pytest.fixture(scope="module")
def app(sessions: dict[str, str]) -> Iterator[AppProcess]:
    held = {"PYTHONPATH": str(ROOT / "tests/held_reads"), "HELD_READS": f"{sessions['data']}.hold"}
    with AppProcess(Path(sessions["data"]), MAESTRO_ASSISTANT="demo", **held) as process:
        yield process


def lines(page: Page) -> list[str]:
    return page.locator(".log__line .log__msg").all_text_contents()


def test_lines_arrive_while_one_looks(window: OpenWindow, app: AppProcess, sessions: dict[str, str]) -> None:
    page = window().visit(f"/session/{sessions['short']}/logs")
    expect(page.locator(".log__line")).to_have_count(5)
    with app.client() as api:
        api.post(f"/api/sessions/{sessions['short']}/cancel", json={"reason": EVIL}).raise_for_status()
    expect(page.locator(".log__msg", has_text="Cancelled: <script>")).to_have_count(1)
    assert page.evaluate("window.pwned") is None


def test_lines_that_come_while_lines_are_read_are_shown(
    window: OpenWindow, app: AppProcess, sessions: dict[str, str]
) -> None:
    hold, held = (Path(sessions["data"]).with_suffix(end) for end in (".hold", ".held"))
    address = f"/api/sessions/{sessions['busy']}"
    page = window().visit(f"/session/{sessions['busy']}/logs")
    expect(page.get_by_text("No log yet")).to_be_visible()
    with app.client() as api:
        api.patch(address, json={"away": True}).raise_for_status()
        expect(page.locator(".log__line")).to_have_count(1)
        hold.touch()
        page.get_by_role("button", name="Approvals", exact=True).click()
        wait_for(held.exists, 120, "the lines to be read")
        api.patch(address, json={"away": False}).raise_for_status()
        page.wait_for_timeout(1_000)  # the line is on its way to the page; were it shown now, the read would wipe it
        hold.unlink()
        expect(page.locator(".log__line")).to_have_count(2)
        api.patch(address, json={"away": True}).raise_for_status()
    expect(page.locator(".log__line")).to_have_count(3)
    starts = [line.partition(":")[0].partition(".")[0] for line in lines(page)]
    assert starts == ["You’re away", "You are back", "You’re away"]


def test_chips_and_search_narrow_the_lines_and_are_in_the_address(window: OpenWindow, sessions: dict[str, str]) -> None:
    page = window().visit(f"/session/{sessions['short']}/logs")
    page.get_by_role("button", name="Errors", exact=True).click()
    expect(page.locator(".log__line", has_text="Something broke")).to_have_count(1)
    expect(page.locator(".log__line")).to_have_count(1)
    page.get_by_role("button", name="Show all", exact=True).click()
    page.get_by_role("button", name="Tools", exact=True).click()
    expect(page.locator(".log__line")).to_have_count(2)
    page.get_by_label("Search in the log").fill("EXIT")
    expect(page.locator(".log__line")).to_have_count(1)
    expect(page.locator("mark.log__hit")).to_have_text("exit")
    assert "kind=tools" in page.url
    assert "q=EXIT" in page.url
    page.reload()
    expect(page.locator(".log__line")).to_have_count(1)
    page.get_by_label("Search in the log").fill("nothing says this")
    expect(page.get_by_text("No matching lines")).to_be_visible()


def test_a_line_unfolds_to_what_was_recorded_and_markup_stays_text(
    window: OpenWindow, sessions: dict[str, str]
) -> None:
    opened = window()
    page = opened.visit(f"/session/{sessions['short']}/logs?task=t1")
    expect(page.locator(".log__line")).to_have_count(3)
    page.locator(".log__line", has_text="echo").click()
    expect(page.locator(".log__text").first).to_have_text(EVIL)
    assert page.locator(".log__lines img, .log__lines script").count() == 0
    assert page.evaluate("window.pwned") is None
    opened.screenshot("logs")


def test_colors_of_a_terminal_are_shown_and_no_escape_code_is(
    window: OpenWindow, app: AppProcess, sessions: dict[str, str]
) -> None:
    opened = window()
    page = opened.visit(f"/session/{sessions['colored']}/logs")
    expect(page.locator(".log__msg .t-f1")).to_have_text(f"red {EVIL}")
    assert lines(page) == [f"🎼 red {EVIL} plain+1 line", "$ rm -rf build␍echo ok", "forged"]
    page.locator(".log__line").first.click()
    expect(page.locator(".log__text .t-b.t-f4")).to_have_text("bold and blue")
    opened.screenshot("logs-colors")
    assert page.locator(".log__lines img, .log__lines script, .log__lines [onclick]").count() == 0
    assert page.evaluate("window.pwned") is None
    with app.client() as api:
        told = api.get(f"/api/sessions/{sessions['colored']}/logs").text
    assert "\\u001b" not in told
    assert "\x1b" not in told


def test_a_long_log_is_read_piece_by_piece(window: OpenWindow, sessions: dict[str, str]) -> None:
    page = window().visit(f"/session/{sessions['long']}/logs")
    expect(page.locator(".log__line").last).to_contain_text(f"line {LINES - 1}")
    pill = page.locator(".log__pill")
    expect(pill).to_have_text("Following")
    assert len(lines(page)) < 600
    page.locator(".log").hover()
    for _ in range(60):
        page.mouse.wheel(0, -4_000)
        page.wait_for_timeout(50)
        if lines(page)[0] == "line 0":
            break
    shown = lines(page)
    assert shown[0] == "line 0"
    assert shown == [f"line {n}" for n in range(len(shown))], "the lines are whole and in order"
    expect(pill).to_have_text("Jump to newest")
    pill.click()
    expect(pill).to_have_text("Following")
    expect(page.locator(".log__line").last).to_contain_text(f"line {LINES - 1}")
