"""The monitor: what runs and what waits; a question answered in one window is gone in the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from maestro.core.kernel.runtime import Runtime
from maestro.db import models
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, ago, seed_session, seeding, task, tasks_of
from tests.repos import make_repo

EVIL = "<script>window.pwned = 1</script>"
STATES = {
    "idle": "Not started yet",
    "brainstorming": "Brainstorming",
    "plan_review": "The plan is ready for review",
    "approved": "Ready to start",
    "paused": "Nothing starts until you resume",
    "completed": "Ready to merge",
    "failed": "It broke",
    "cancelled": "Not worth it",
}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("monitor")
    repo = make_repo(folder / "repo", {"a.txt": "a\n"})
    found = {"data": str(folder / "data")}
    with seeding(folder / "data") as rt:
        for status in STATES:
            tasks = [task("t1", "The only one", status="completed")]
            why = {"failed": "It broke", "cancelled": "Cancelled: Not worth it"}.get(status)
            proven = {"proven": True, "checks": 2, "tasks": 1} if status == "completed" else None
            session = seed_session(
                rt, repo, title=status, status=status, tasks=tasks, error_message=why, result_json=proven
            )
            found[status] = session.id
        found["asking"] = _asking(rt, repo)
        found["large"] = _large(rt, repo)
        found["waited"] = _waited(rt, repo)
        ended = task("t1", "Broken", status="failed", attempt=1, started_at=ago(60), completed_at=ago(48))
        tasks = [ended, task("t2", "Under way", status="running", attempt=1, started_at=ago(40))]
        found["called_off"] = seed_session(rt, repo, title="Called off", status="paused", tasks=tasks).id
    return found


def _asking(rt: Runtime, repo: Path) -> str:
    """A session whose first task has failed after two runs and asks what to do; the others wait for it."""
    tasks = [
        task(
            "t1",
            f"Write it {EVIL}",
            status="failed",
            attempt=2,
            error_message="2 of 14 tests failed",
            started_at=ago(90),
        ),
        task("t2", "Test it", depends_on=["t1"], requires_approval=True),
    ]
    session = seed_session(rt, repo, title="Asking", status="executing", tasks=tasks)
    t1 = tasks_of(rt, session)["t1"]
    common = {"session_id": session.id, "task_id": t1.id}
    ended = common | {"status": "ended", "outcome": "success"}
    check = common | {"phase": "task", "command": "pytest -q", "exit_code": 1, "output": "2 failed, 12 passed"}
    question = {"title": "Task t1 failed: Write it", "detail": {"reason": f"2 of 14 tests failed {EVIL}"}}
    add(
        rt,
        models.Worker(**ended, name="W-1", attempt=1, started_at=ago(90), ended_at=ago(70)),
        models.Worker(**ended, name="W-2", attempt=2, started_at=ago(60), ended_at=ago(30)),
        models.CheckRun(**check, created_at=ago(68)),
        models.CheckRun(**check, attempt=2, created_at=ago(28)),
        models.Approval(**common, kind="task_failed", **question),
    )
    return session.id


def _waited(rt: Runtime, repo: Path) -> str:
    """A failed session: its first task was interrupted and waited ten minutes for the user, its second never began."""
    first = task("t1", "Push it", status="failed", attempt=1, started_at=ago(1000), completed_at=ago(200))
    limited = task("t3", "Measure it", status="completed", attempt=1, started_at=ago(1000), completed_at=ago(200))
    tasks = [first, task("t2", "Announce it"), limited]
    session = seed_session(rt, repo, title="Waited", status="failed", tasks=tasks, error_message="Given up")
    rows = tasks_of(rt, session)
    common = {"session_id": session.id, "task_id": rows["t1"].id}
    ended = common | {"status": "ended", "attempt": 1}
    second = models.Worker(**ended, name="W-2", outcome="failed", started_at=ago(890), ended_at=ago(200))
    add(rt, models.Worker(**ended, name="W-1", outcome="interrupted", started_at=ago(1000), ended_at=ago(900)), second)
    other = ended | {"task_id": rows["t3"].id}
    hit = {"outcome": "failed", "outcome_detail": "Limit reached.", "result_json": {"failure": "rate_limit"}}
    add(rt, models.Worker(**other, **hit, name="W-3", started_at=ago(1000), ended_at=ago(900)))
    add(rt, models.Worker(**other, name="W-4", outcome="success", started_at=ago(300), ended_at=ago(200)))
    answer = {"status": "approved", "created_at": ago(850), "resolved_at": ago(250)}
    add(rt, models.Approval(**common, **answer, worker_id=second.id, kind="tool", title="Push to origin?"))
    return session.id


def _large(rt: Runtime, repo: Path) -> str:
    """60 tasks, 30 of them with a worker. None has a process: Maestro must never find one of ours under their names."""
    tasks = [task(f"t{n}", f"Task number {n}", status="running" if n <= 30 else "pending") for n in range(1, 61)]
    session = seed_session(rt, repo, title="Large", status="paused", tasks=tasks)
    rows = [
        models.Worker(
            session_id=session.id, task_id=t.id, name=f"W-{n}", status="paused",
            started_at=ago(300 - n), last_action=f"Read file {n}",
        )
        for n, t in enumerate(tasks_of(rt, session).values(), 1)
        if n <= 30
    ]  # fmt: skip
    add(rt, *rows)
    return session.id


@pytest.fixture(scope="module")
def app(seeded: dict[str, str]) -> Iterator[AppProcess]:
    with AppProcess(Path(seeded["data"]), MAESTRO_ASSISTANT="demo") as process:
        yield process


def test_every_state_says_where_it_stands(window: OpenWindow, seeded: dict[str, str]) -> None:
    opened = window()
    for number, (status, words) in enumerate(STATES.items()):
        opened.resize("phone" if number % 2 else "desktop")
        page = opened.visit(f"/session/{seeded[status]}")
        expect(page.get_by_text(words).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), status


def test_60_tasks_and_30_workers_are_shown_at_once(window: OpenWindow, seeded: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(f"/session/{seeded['large']}")
    expect(page.locator("[data-task]")).to_have_count(60)
    expect(page.locator("[data-worker]")).to_have_count(30)
    expect(page.locator("[data-worker='W-7']")).to_contain_text("Read file 7")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    opened.screenshot("monitor-large")


def test_waiting_is_drawn_as_waiting_and_an_attempt_is_numbered_once(
    window: OpenWindow, seeded: dict[str, str]
) -> None:
    opened = window()
    page = opened.visit(f"/session/{seeded['waited']}")
    row = page.locator(".tl__row[data-task='t1']")
    wait = row.locator(".tl__bar--wait")
    expect(wait).to_have_attribute("title", "Waited 10 min for you: Push to origin?")
    expect(row.locator(".tl__bar--run")).to_have_text(["1", ""])
    run, waited = row.locator(".tl__bar--run").nth(1).bounding_box(), wait.bounding_box()
    assert run is not None
    assert waited is not None
    assert 0.8 < waited["width"] / run["width"] < 0.95  # 600 of 690 seconds
    expect(row.locator(".tl__took")).to_have_text(re.compile(r"3:(0|1)\d"))  # of 13:20
    expect(row.locator(".tl__took")).to_have_attribute("title", re.compile(r"Without 10:(0|1)\d of waiting"))
    limit = page.locator(".tl__row[data-task='t3']")
    expect(limit.locator(".tl__bar--wait.s-paused")).to_have_attribute(
        "title", "Waited 10 min for the model endpoint. Limit reached."
    )
    expect(limit.locator(".tl__bar--run")).to_have_text(["1", ""])
    expect(limit.locator(".tl__took")).to_have_text(re.compile(r"3:(1|2)\d"))
    expect(page.locator(".tl__row[data-task='t2'] .tl__note")).to_have_text("not started")
    expect(page.locator("[data-worker='W-3']")).to_contain_text("Stopped")
    row.click()
    expect(page.get_by_role("complementary", name="Task").locator(".mon-ladder")).to_contain_text(
        "Attempt 1, continued"
    )
    expect(page.locator(".mon-rung", has_text="continued")).to_contain_text(
        re.compile("ran (90 s|2 min)\\s*waited 10 min")
    )
    opened.screenshot("monitor-waited")
    opened.scheme("dark")
    opened.screenshot("monitor-waited-dark")
    page.goto(page.url.partition("?")[0] + "/plan")
    opened.alive()
    page.locator(".p-row[data-row=t3]").click()
    expect(page.locator(".p-details")).to_contain_text(re.compile(r"Took\s*3 min"))


def test_cancelling_leaves_a_failed_task_as_it_ended(window: OpenWindow, seeded: dict[str, str]) -> None:
    page = window().visit(f"/session/{seeded['called_off']}")
    failed, under_way = page.locator("[data-task='t1']"), page.locator("[data-task='t2']")
    expect(failed.locator(".tl__took")).to_have_text("0:12")
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Cancel session").click()
    expect(under_way).to_have_attribute("aria-label", "t2 Under way: Cancelled")
    expect(failed).to_have_attribute("aria-label", "t1 Broken: Failed")
    expect(failed.locator(".tl__took")).to_have_text("0:12")


def test_a_task_shows_its_attempts_with_reasons_and_evidence(window: OpenWindow, seeded: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(f"/session/{seeded['asking']}")
    page.locator("[data-task='t1']").click()
    panel = page.get_by_role("complementary", name="Task")
    expect(panel.locator(".mon-rung")).to_have_count(2)
    expect(panel.locator(".mon-rung").last).to_contain_text("2 of 14 failed. Sent back to the agent")
    panel.locator(".ev__run summary").first.click()
    expect(panel.locator(".ev__text")).to_have_text("2 failed, 12 passed")
    opened.screenshot("monitor-task")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_charts_open_and_checkpoints_say_what_they_are_for(window: OpenWindow, seeded: dict[str, str]) -> None:
    page = window().visit(f"/session/{seeded['large']}")
    page.get_by_role("tab", name="Checkpoints").click()
    expect(page.get_by_text("No checkpoint yet")).to_be_visible()
    page.get_by_role("tab", name="Charts").click()
    expect(page.locator(".mon-chart .main-svg").first).to_be_visible()


def test_a_question_answered_here_is_gone_in_the_other_window(window: OpenWindow, seeded: dict[str, str]) -> None:
    first, second = window(), window("phone", scheme="dark")
    page = first.visit(f"/session/{seeded['asking']}")
    other = second.visit(f"/session/{seeded['asking']}")
    for each in (page, other):
        expect(each.locator("[data-approval]")).to_contain_text("2 of 14 tests failed <script>")
    first.screenshot("monitor-gate")
    second.screenshot("monitor-gate-phone-dark")
    # Half an answer typed in the other window does not come back.
    other.get_by_label("Note for the agent").fill("Try harder")
    page.get_by_role("button", name="Skip the task").click()
    for each in (page, other):
        expect(each.locator("[data-task='t1']")).to_have_attribute("aria-label", f"t1 Write it {EVIL}: Skipped")
        expect(each.locator("[data-approval]")).to_have_count(1)
        expect(each.locator("[data-approval]")).to_contain_text("Start t2: Test it")
    other.get_by_role("button", name="Skip it").click()
    for each in (page, other):
        expect(each.locator("[data-approval]", has_text="Start t2")).to_have_count(0)
        assert each.evaluate("window.pwned") is None
