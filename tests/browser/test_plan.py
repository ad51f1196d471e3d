"""Reviewing a plan as a user does it: read, edit, be told what is wrong, save, approve."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from maestro.core.commands import conversation, sessions
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.session_states import move
from maestro.core.planning import generation
from maestro.core.planning.plan import parse_plan
from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess
from tests.browser.axe import findings
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import seed_session, seeding
from tests.repos import make_repo
from tests.scripted import DUMMY_KEY, call, scenario


def task(key: str, title: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "title": title, "depends_on": list(needs), "estimate_minutes": 10} | more


PLAN: dict[str, Any] = {
    "summary": "Export in two steps.",
    "tasks": [
        task("writer", "Write the file"),
        task("command", "Add the command", "writer"),
        task("docs", "Explain it"),
    ],
}


def _before(n: int) -> str:
    """Chains and a row of tasks side by side, all behind the first one, which stands far down for that."""
    return "t0" if n >= 30 or n <= 3 else f"t{n - 3}"


BIG: dict[str, Any] = {
    "tasks": [
        task(f"t{n}", f"Step {n} of a long way, with a title that does not fit", *([_before(n)] if n else []))
        for n in range(60)
    ]
}
TELLS: dict[str, Any] = {
    "tasks": [task("one", "Only one", checks=["python -m pytest -q", "ruff check .", "npm run dev"])],
    "checks": ["python -m pytest -q", "make lint"],
}
ANEW = {
    "summary": "Made anew.",
    "tasks": [task("all", "All in one") | {"description": "", "files": [], "acceptance": [], "checks": []}],
}
BAD = {"summary": "Never right.", "tasks": [task("a", "A", "b"), task("b", "B", "a")]}
SCRIPT = scenario(
    {"match": {"has_tool": "submit_plan", "prompt": "one task will do"}, "steps": [[call("submit_plan", **ANEW)]]},
    {"match": {"has_tool": "submit_plan"}, "steps": [[call("submit_plan", **BAD)]], "repeat_last": True},
)


@pytest.fixture(scope="module")
def ids() -> dict[str, str]:
    """The addresses of the seeded plans, by name."""
    return {}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, ids: dict[str, str]) -> Iterator[AppProcess]:
    """A Maestro with plans to review; its model has a plan for those who ask for one task, and a wrong one otherwise."""
    data = tmp_path_factory.mktemp("plans") / "data"
    repo = make_repo(tmp_path_factory.mktemp("code") / "shop", {"README.md": "# Shop\n"})
    with seeding(data) as rt:
        for name in ("edit", "circle", "parted", "keep", "approve", "again"):
            ids[name] = _review(rt, repo, name, PLAN)
        ids["big"] = _review(rt, repo, "big", BIG)
        ids["many"] = _review(rt, repo, "many", BIG)
        ids["tells"] = _review(rt, repo, "tells", TELLS)
        ids["fail"] = _talk(rt, repo, "fail")
        old = [{"key": f"t{usd}", "title": "Old", "status": "completed", "cost_usd": usd} for usd in (0.1, 0.2, 0.3)]
        seed_session(rt, repo, title="Before", status="completed", tasks=old)
    with (
        ScriptedServer(SCRIPT) as model,
        AppProcess(data, ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY=DUMMY_KEY) as process,
    ):
        yield process


def _talk(rt: Runtime, repo: Path, title: str) -> str:
    session = sessions.create_session(rt, sessions.NewSession(title=title, repo_path=str(repo)))
    sessions.start_session(rt, session.id)
    conversation.edit_idea_card(rt, session.id, {"title": title, "goals": ["writes an export file"]})
    return f"/session/{session.id}/plan"


def _review(rt: Runtime, repo: Path, title: str, plan: dict[str, Any]) -> str:
    path = _talk(rt, repo, title)
    with rt.db.write() as tx:
        session = lookup.session_row(tx.db, path.split("/")[2])
        move(tx, session, "idea_ready")
        generation.add_version(tx, session, parse_plan(plan), "generated")
        move(tx, session, "plan_ready")
    return path


def stored(app: AppProcess, path: str) -> dict[str, Any]:
    with app.client() as api:
        answer: dict[str, Any] = api.get(f"/api{path.replace('session', 'sessions', 1)}").json()
    return answer["plan"] if isinstance(answer.get("plan"), dict) else answer


def row(page: Page, title: str) -> Locator:
    return page.locator(".p-row", has_text=title)


def open_task(page: Page, title: str) -> None:
    row(page, title).click()
    expect(page.get_by_label("Title", exact=True)).to_have_value(title)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save changes").click()


def test_checks_that_name_no_tests_or_never_end_are_told_before_approval(
    window: OpenWindow, app: AppProcess, ids: dict[str, str]
) -> None:
    here = window()
    page = here.visit(ids["tells"])
    notes = page.locator(".p-checknote")
    expect(notes).to_have_text(["make lint reports pass or fail only"])
    open_task(page, "Only one")
    expect(notes).to_contain_text(["ruff check . reports pass or fail only", "serve or watch and never end"])
    here.screenshot("plan-checks-told")
    with app.client() as api:
        told = api.get(f"/api{ids['tells'].replace('session', 'sessions', 1)}").json()["checks"]
    assert [(check["command"], check["tells"]) for check in told] == [
        ("python -m pytest -q", "tests"),
        ("ruff check .", "pass_or_fail"),
        ("npm run dev", "pass_or_fail"),
        ("make lint", "pass_or_fail"),
    ]


def test_an_invalid_edit_is_said_beside_the_field_and_saved_once_mended(
    window: OpenWindow, app: AppProcess, ids: dict[str, str]
) -> None:
    here, there = window(), window("phone", scheme="dark")
    page = here.visit(ids["edit"])
    there.visit(ids["edit"])
    open_task(page, "Add the command")
    title, files = page.get_by_label("Title", exact=True), page.get_by_label("Files", exact=True)
    title.fill("")
    expect(page.locator(".p-field", has=title).get_by_role("alert")).to_contain_text("Required")  # before any saving
    files.fill("src/export.py\n../outside.py")
    page.get_by_label("Description", exact=True).fill("Typed with care.")
    save(page)
    expect(page.locator(".p-field", has=title).get_by_role("alert")).to_contain_text("Required")
    expect(page.locator(".p-field", has=files).get_by_role("alert")).to_contain_text("leaves the repository")
    expect(page.get_by_text("Fix 2 fields")).to_be_visible()
    here.screenshot("plan-invalid")

    files.fill("src/export.py")
    title.fill("Add the export command")
    expect(page.locator(".p-details").get_by_role("alert")).to_have_count(0)
    expect(page.get_by_label("Description", exact=True)).to_have_value("Typed with care.")
    save(page)
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    expect(row(there.page, "Add the export command")).to_be_visible()
    changed = stored(app, ids["edit"])["tasks"][1]
    assert (changed["title"], changed["files"]) == ("Add the export command", ["src/export.py"])
    assert changed["description"] == "Typed with care."


def test_a_circle_is_said_where_it_was_closed(window: OpenWindow, ids: dict[str, str]) -> None:
    page = window().visit(ids["circle"])
    open_task(page, "Write the file")
    page.get_by_label("Depends on", exact=True).click()
    page.get_by_role("option", name="command · Add the command").click()
    page.keyboard.press("Escape")
    waits = page.locator(".p-field", has=page.get_by_label("Depends on", exact=True))
    expect(waits.get_by_role("alert")).to_contain_text("in a cycle")
    save(page)
    expect(page.locator(".p-bar")).to_contain_text("in a cycle")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("button", name="Approve and start")).to_be_enabled()
    page.locator(".p-bar").get_by_role("button", name="Undo").click()
    expect(page.locator(".p-bar")).to_contain_text("in a cycle")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("button", name="Approve and start")).to_be_enabled()


def test_tasks_are_added_moved_and_removed(window: OpenWindow, app: AppProcess, ids: dict[str, str]) -> None:
    page = window().visit(ids["keep"])
    open_task(page, "Write the file")
    page.get_by_role("button", name="Remove this task").click()
    expect(page.locator(".p-bar")).to_contain_text("Removed writer. command no longer waits for it.")
    page.locator(".p-bar").get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Write the file")
    expect(page.get_by_role("button", name="Approve and start")).to_be_enabled()  # all is as it was
    page.get_by_role("button", name="Remove this task").click()
    open_task(page, "Explain it")
    page.get_by_role("button", name="Move up").click()
    page.get_by_role("button", name="Add a task").click()
    expect(page.locator(".p-details__key")).to_have_text("task-3")
    page.get_by_label("Title", exact=True).fill("Measure it")
    expect(page.locator(".p-box")).to_have_count(3)
    page.wait_for_url("**/plan?task=task-3")
    page.wait_for_function("Object.values(localStorage).some((words) => words.includes('Measure it'))")
    page.reload()  # a new task is in this window's draft only
    expect(page.get_by_label("Title", exact=True)).to_have_value("Measure it")
    save(page)
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    tasks = stored(app, ids["keep"])["tasks"]
    assert [(t["title"], t["depends_on"]) for t in tasks] == [
        ("Explain it", []),
        ("Measure it", []),
        ("Add the command", []),
    ]


def test_an_edit_in_another_window_is_noticed_and_nothing_typed_is_lost(
    window: OpenWindow, ids: dict[str, str]
) -> None:
    mine, theirs = window(), window()
    page, other = mine.visit(ids["parted"]), theirs.visit(ids["parted"])
    open_task(page, "Explain it")
    page.get_by_label("Title", exact=True).fill("Explain it well")
    open_task(other, "Write the file")
    other.get_by_label("Title", exact=True).fill("Write the file fast")
    save(other)
    expect(page.locator(".p-bar")).to_contain_text("changed elsewhere")
    expect(page.get_by_label("Title", exact=True)).to_have_value("Explain it well")

    page.reload()
    mine.alive()
    expect(row(page, "Explain it well")).to_be_visible()
    expect(page.locator(".p-bar")).to_contain_text("changed elsewhere")
    page.get_by_role("button", name="Discard mine, load theirs").click()
    expect(row(page, "Write the file fast")).to_be_visible()
    expect(row(page, "Explain it well")).to_have_count(0)


IN_SIGHT = """(key) => {
  const box = document.querySelector(`.p-box[data-task="${key}"]`).getBoundingClientRect();
  const view = document.querySelector("[data-pan]").getBoundingClientRect();
  return box.left >= view.left && box.top >= view.top && box.right <= view.right && box.bottom <= view.bottom;
}"""


def test_hands_stay_on_the_keyboard_with_sixty_tasks(window: OpenWindow, ids: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(ids["big"])
    expect(page.locator(".p-box")).to_have_count(60)
    page.wait_for_function(f"({IN_SIGHT})('t0')")  # a large graph is first seen where the work begins
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.get_by_label("Title", exact=True)).to_have_value(re.compile("^Step 0 "))
    expect(page.locator(".p-box--on")).to_have_attribute("data-task", "t0")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    opened.screenshot("plan-sixty-tasks")
    opened.resize("phone")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def picked(page: Page) -> Locator:
    return page.locator(".p-row--picked")


def keys(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all(".p-rows__list > .p-row", "rows => rows.map(r => r.dataset.row)")
    return found


def needs(page: Page, key: str) -> Locator:
    return page.locator(f'.p-row[data-row="{key}"] .p-row__after')


def drag(page: Page, source: Locator, target: Locator, *, dy: float = 0) -> None:
    source.hover()
    page.mouse.down()
    to = target.bounding_box()
    assert to
    page.mouse.move(to["x"] + to["width"] / 2, to["y"] + to["height"] / 2 + dy, steps=4)
    page.mouse.up()


def line(page: Page, key: str) -> Locator:
    return page.locator(f'.p-row[data-row="{key}"]')


def box(page: Page, key: str) -> Locator:
    return page.locator(f'.p-box[data-task="{key}"]')


def test_sixty_tasks_are_found_linked_moved_merged_and_split_and_every_step_is_undone(
    window: OpenWindow, app: AppProcess, ids: dict[str, str]
) -> None:
    opened = window()
    page = opened.visit(ids["many"])
    undo, bar = page.get_by_role("button", name="Undo: "), page.get_by_role("toolbar", name="Selected tasks")
    expect(page.locator(".p-box")).to_have_count(60)
    page.keyboard.press("/")
    page.keyboard.type("step 33")
    expect(page.locator("[data-found]")).to_have_text("1 of 60")
    page.keyboard.press("Enter")
    expect(line(page, "t33")).to_be_focused()
    expect(page.locator(".p-box:not([data-miss])")).to_have_count(1)
    page.get_by_label("Search tasks").fill("")

    page.get_by_role("button", name="Fit the graph").click()
    page.wait_for_function(f"['t0', 't58'].every({IN_SIGHT})")
    box(page, "t0").hover()
    expect(page.locator(".p-box--lit")).to_have_count(34)  # itself, and those right behind it
    assert findings(page, within=".p-bench") == []
    opened.screenshot("plan-sixty-fitted")
    page.get_by_role("button", name="Fit the graph").click()
    box(page, "t1").scroll_into_view_if_needed()

    # A dependency is drawn from box to box, one that would close a circle is refused; a click on its line takes it away.
    drag(page, box(page, "t1").locator("[data-link]"), box(page, "t2"))
    expect(needs(page, "t2")).to_have_text("after t0, t1")
    drag(page, box(page, "t2").locator("[data-link]"), box(page, "t0"))
    expect(page.get_by_text("so t0 can't wait for t2")).to_be_visible()
    page.locator('.p-line__hit[data-from="t1"][data-to="t2"]').dispatch_event("click")
    page.get_by_role("button", name="Remove: t2 waits for t1").click()
    expect(needs(page, "t2")).to_have_text("after t0")
    undo.click()
    expect(needs(page, "t2")).to_have_text("after t0, t1")

    # By keyboard: selected together, moved, set to run in a row, merged.
    line(page, "t4").focus()
    page.keyboard.press("Shift+ArrowDown")
    expect(picked(page)).to_have_count(2)
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".p-rows__list > .p-row").nth(3)).to_have_attribute("data-row", "t4")
    assert keys(page)[:6] == ["t0", "t1", "t2", "t4", "t5", "t3"]
    bar.get_by_role("button", name="Change…").click()
    page.get_by_role("menuitem", name="Run one after another").click()
    expect(needs(page, "t5")).to_contain_text("t4")
    bar.get_by_role("button", name="Merge").click()
    expect(line(page, "t5")).to_have_count(0)
    expect(page.get_by_label("Title", exact=True)).to_have_value(re.compile(r"^Step 4 .* \+ Step 5 "))
    expect(picked(page)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()

    # A reload keeps the draft and every step; typing is one of them.
    page.get_by_label("Title", exact=True).fill("Both at once")
    expect(undo).to_have_attribute("title", "Undo: Title of t4")
    page.wait_for_function("Object.values(localStorage).some((words) => words.includes('Both at once'))")
    page.reload()
    opened.alive()
    expect(line(page, "t4")).to_contain_text("Both at once")
    line(page, "t4").focus()
    page.keyboard.press("Control+z")
    expect(line(page, "t4")).to_contain_text("Step 4")
    page.keyboard.press("Control+z")
    expect(line(page, "t5")).to_have_count(1)
    page.keyboard.press("Control+Shift+z")
    expect(line(page, "t5")).to_have_count(0)

    # By mouse: selected, duplicated, dragged, removed; and one task becomes two.
    line(page, "t1").click(modifiers=["Control"])
    line(page, "t2").click(modifiers=["Control"])
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="Duplicate").click()
    expect(line(page, "t2-2")).to_be_visible()
    expect(needs(page, "t2-2")).to_have_text("after t0, t1-2")
    drag(page, line(page, "t1-2").locator("[data-grip]"), line(page, "t0"), dy=-12)
    expect(page.locator(".p-rows__list > .p-row").nth(0)).to_have_attribute("data-row", "t1-2")
    assert keys(page)[:4] == ["t1-2", "t2-2", "t0", "t1"]
    opened.screenshot("plan-several-selected")
    line(page, "t1-2").focus()
    page.keyboard.press("Delete")
    expect(line(page, "t2-2")).to_have_count(0)
    line(page, "t3").click()
    page.get_by_label("Checks", exact=True).fill("true one\ntrue two")
    page.get_by_role("button", name="Split this task").click()
    page.get_by_role("checkbox", name="true two").click()
    opened.screenshot("plan-split")
    page.get_by_role("button", name="Split", exact=True).click()
    expect(needs(page, "t3-2")).to_have_text("after t3")
    expect(page.get_by_label("Checks", exact=True)).to_have_value("true two")
    page.locator("summary", has_text="Scope, patterns and agent").click()
    page.get_by_label("Model", exact=True).fill("claude-haiku-4-5")
    expect(undo).to_have_attribute("title", "Undo: Model of t3-2")
    save(page)
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    saved = {t["id"]: t for t in stored(app, ids["many"])["tasks"]}
    assert [saved["t3"]["checks"], saved["t3-2"]["checks"]] == [["true one"], ["true two"]]
    assert saved["t3-2"]["model"] == "claude-haiku-4-5"
    undo.click()  # also over what was saved: it is a change like any other
    expect(page.get_by_role("button", name="Save changes")).to_be_visible()

    # What a program stores meanwhile is told; nothing is lost on either side.
    with app.client() as api:
        address = f"/api{ids['many'].replace('session', 'sessions', 1)}"
        assert api.put(address, json={"tasks": [task("t0", "By the API")]}).status_code == 200
    expect(page.locator(".p-bar")).to_contain_text("changed elsewhere")
    page.get_by_role("button", name="Discard mine, load theirs").click()
    expect(line(page, "t0")).to_contain_text("By the API")
    undo.click()
    expect(line(page, "t3-2")).to_be_visible()
    expect(page.locator(".p-bar")).to_contain_text("changed elsewhere")
    page.set_viewport_size({"width": 780, "height": 844})
    page.get_by_role("button", name="All tasks").click()
    page.get_by_role("button", name="Select", exact=True).click()
    line(page, "t1").click()
    line(page, "t2").click()
    expect(bar).to_contain_text("2 selected")
    for width in (780, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert findings(page, within=".p-bench") == []
        opened.screenshot(f"plan-select-{width}")


def test_a_plan_is_approved_and_an_edit_needs_approval_again(window: OpenWindow, ids: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(ids["approve"])
    expect(page.locator(".p-bar")).to_contain_text("3 tasks")
    expect(page.locator(".p-bar")).to_contain_text("about 20 min")
    expect(page.locator(".p-bar")).to_contain_text("$0.45 to $0.75")  # three times the middle half of what tasks cost
    page.get_by_text("1 goal without acceptance criteria").click()
    expect(page.get_by_role("dialog").get_by_text("writes an export file")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Approve only").click()
    expect(page.locator(".p-bar")).to_contain_text("Edits need a new approval.")
    open_task(page, "Explain it")
    page.get_by_label("Title", exact=True).fill("Explain it later")
    save(page)
    expect(page.get_by_role("button", name="Approve and start")).to_be_visible()
    opened.screenshot("plan-review")


def test_feedback_leads_to_a_new_plan(window: OpenWindow, ids: dict[str, str]) -> None:
    page = window().visit(ids["again"])
    page.get_by_role("button", name="Regenerate…").click()
    page.get_by_label("What should be different").fill("one task will do")
    page.get_by_role("button", name="Regenerate", exact=True).click()
    expect(row(page, "All in one")).to_be_visible()
    expect(page.get_by_label("Summary", exact=True)).to_have_value("Made anew.")


def test_a_plan_that_could_not_be_made_says_why_and_shows_the_answer(window: OpenWindow, ids: dict[str, str]) -> None:
    opened = window()
    page = opened.visit(ids["fail"])
    expect(page.get_by_text("No plan yet")).to_be_visible()
    page.get_by_role("link", name="Go to the conversation").click()
    opened.alive()
    page.get_by_role("button", name="Plan it").click()
    page.wait_for_url("**/plan")
    expect(page.get_by_text("The plan could not be made.")).to_be_visible()
    expect(page.get_by_text("depend on each other in a cycle")).to_be_visible()
    expect(page.get_by_text("Never right.")).to_be_visible()
    expect(page.get_by_role("button", name="Plan it again")).to_be_enabled()
