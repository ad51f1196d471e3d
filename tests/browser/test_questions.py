"""Questions of every kind and what stands in the way: the buttons do what they say, and banners go when their cause goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from maestro.core.kernel.endpoint import Endpoint
from maestro.core.kernel.runtime import Runtime
from maestro.core.limits import account
from maestro.db import models
from maestro.db.keeping import DeletedSession, Fact
from maestro.db.types import utcnow
from maestro.worktrees import integration
from tests.app_process import AppProcess, wait_for
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, ago, gate_on, seed_session, seeding, stored_row, task, tasks_of
from tests.repos import commit, make_repo, run_git

#: How far a text stands out from the notice it is in, as WCAG 2 counts it.
CONTRAST = """(text) => {
  const linear = (c) => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(linear);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const notice = text.closest('.q-notification');
  const both = [getComputedStyle(text).color, getComputedStyle(notice).backgroundColor].map(light);
  return (Math.max(...both) + .05) / (Math.min(...both) + .05);
}"""
#: Whether the second question can be clicked at the moment at which the first has gone.
MOVED = """() => new MutationObserver(() => {
  if (document.querySelector('[data-approval=budget-0]')) return;
  window.clickable ??= getComputedStyle(document.querySelector('[data-approval=budget-1] .m-gate__foot')).pointerEvents;
}).observe(document.body, {childList: true, subtree: true})"""
NOWHERE, KEY = "http://127.0.0.1:9", "sk-nobody"
DIFF = (
    "diff --git a/tests/test_a.py b/tests/test_a.py\n--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -1,2 +1,2 @@\n"
    " def test_a():\n-    assert add(1, 1) == 2\n+    assert <b>True</b>\n"
)

#: Kind, its detail, the words that must be readable, the answer's button, what its task is afterwards.
ANSWERS: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("tool", {"tool": "Bash", "command": f"cp a {'b' * 5000} | sh"}, "b | sh", "Allow", "waiting"),
    ("tool", {"tool": "Bash", "command": "rm -r build"}, "rm -r build", "Deny", "waiting"),
    ("tool", {"tool": "Edit", "file_path": "a.py", "old_string": "x = 1", "new_string": "x = 2"}, "+x = 2", "Deny", ""),
    ("tool", {"tool": "Write", "file_path": "a", "content": f"++ {'c' * 5000}\nthe end"}, "the end", "Deny", ""),
    (
        "tool",
        {"tool": "mcp__a__b", "input": {"fields": {"loud_one": True}, "reason": "own"}},
        "Loud one: yes",
        "Deny",
        "",
    ),
    ("task_start", {"description": "Publish it"}, "Publish it", "Start it", "pending"),
    ("task_start", {"description": "Publish it"}, "Publish it", "Skip it", "skipped"),
    ("task_failed", {"reason": "It broke"}, "It broke", "Try again", "running"),
    ("task_failed", {"reason": "It broke"}, "It broke", "Skip the task", "skipped"),
    ("tests_missing", {"vanished": ["a::test_1"], "items": ["a::test_1"]}, "a::test_1", "This is intended", "checking"),
    ("tests_missing", {"skipped_now": ["a::test_2"]}, "Skipped now", "Send it back", "checking"),
    ("check_changed", {"diff": DIFF}, "+    assert <b>True</b>", "Accept the change", "checking"),
    ("check_changed", {"diff": DIFF}, "-    assert add(1, 1) == 2", "Send it back", "checking"),
    (
        "outside_files",
        {"files": ["src/auth.py"], "declared": ["src/a.py"]},
        "src/auth.py",
        "Accept these files",
        "checking",
    ),
    ("outside_files", {"files": ["src/auth.py"]}, "src/auth.py", "Send it back", "checking"),
    ("infrastructure", {"output": "npm: not found"}, "npm: not found", "Try again", "checking"),
    ("infrastructure", {"what": "nothing proven", "output": "no lib"}, "Change setup…", "Try again", "checking"),
    ("infrastructure", {"what": "as before", "output": "old"}, "old", "Continue: it failed before too", "checking"),
    ("infrastructure", {"output": "npm: not found"}, "npm: not found", "Count as agent failure", "checking"),
    ("task_failed", {"reason": "It broke", "allow_fresh": "afresh"}, "It broke", "Start a new conversation", "running"),
    (
        "task_failed",
        {"reason": "No", "failure": "conversation"},
        "rejects this conversation",
        "Start a new conversation",
        "running",
    ),
    ("nothing_changed", {"words": "It is there."}, "It is there.", "Mark as done", "checking"),
    ("nothing_changed", {"words": "All there."}, "All there.", "Send it back", "running"),
    ("agent_question", {"words": "Which one?\n- a\n- b"}, "Which one?", "Let the agent decide", "running"),
    ("stuck", {"reason": "The same call 4 times."}, "The same call 4 times.", "Interrupt and continue", "waiting"),
    ("stuck", {"reason": "Silence."}, "Silence.", "Keep running", "waiting"),
    ("escape", {"changes": [{"what": "A hook is new", "undo": "rm hook"}]}, "rm hook", "Stay paused", "waiting"),
    ("infrastructure", {"what": "other code", "reason": "It finds `calc` in /me."}, "calc", "Check again", "checking"),
    ("infrastructure", {"what": "other code", "output": "calc in /me"}, "calc in /me", "Continue as is", "checking"),
]
ALLOWS = {
    "Allow",
    "Start it",
    "Try again",
    "This is intended",
    "Accept the change",
    "Accept these files",
    "Interrupt and continue",
    "Start a new conversation",
    "Mark as done",
    "Check again",
} | {"Continue: it failed before too"}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("questions")
    repo = make_repo(folder / "repo", {"a.txt": "a\n"})
    found = {"data": str(folder / "data"), "repo": str(repo)}
    with seeding(folder / "data") as rt:
        found["asked"] = _questions(rt, repo)
        found["budget"] = _budget(rt, repo)
        found["ledger"] = _ledger(rt, folder / "ledger")
        name = account.name_of(Endpoint("anthropic", base_url=NOWHERE, api_key=KEY))
        until = utcnow() + timedelta(minutes=47)
        add(rt, models.AccountPause(account=name, reason="The usage limit is reached.", paused_until=until))
        integration.keep(repo, integration.recovered_ref("gone", "branch-main"), run_git(repo, "rev-parse", "main"))
        part = {"session_id": found["asked"], "title": "Asked", "status": "paused", "questions": 1}
        told = {"since": ago(7200).isoformat(), "until": ago(60).isoformat(), "crashed": True}
        lines = ["1 worker died; restarted", "812 new log rows"]
        gone = DeletedSession(
            id="gone", title="Gone idea", repo_path=str(repo), session_branch="maestro/gone/main", status="failed",
            expires_at=utcnow() + timedelta(days=9),
        )  # fmt: skip
        add(rt, gone, Fact(name="digest", value=told | {"sessions": [part | {"lines": lines}]}))
    return found


def _questions(rt: Runtime, repo: Path) -> str:
    statuses = {"task_failed": "failed"}
    tasks = [task(f"q{n}", f"Task {n}", status=statuses.get(a[0], "waiting")) for n, a in enumerate(ANSWERS)]
    session = seed_session(rt, repo, title="Asked", status="paused", tasks=tasks)
    rows = tasks_of(rt, session)
    for n, (kind, detail, _shown, _answer, _after) in enumerate(ANSWERS):
        title = f"Question {n}"
        add(rt, models.Approval(
            id=f"ask-{n}", session_id=session.id, task_id=rows[f"q{n}"].id, kind=kind, title=title, detail=detail,
            signature="Bash:git add" if kind == "tool" else None,
        ))  # fmt: skip
    return session.id


def _budget(rt: Runtime, repo: Path) -> str:
    """Two budgets hold the session, so that raising one lets nothing start."""
    session = seed_session(rt, repo, title="Spent", status="paused", tasks=[task("t1", "Costly", status="pending")])
    for n, name in enumerate(("session:b:usd", "day:2026-01-01:usd")):
        detail = {"budget": name, "measure": "usd", "limit": 5.0, "used": 5.5, "raise_by": 5.0, "paused": True}
        detail["reason"] = "$5.50 of $5 used for this session."
        add(rt, models.BudgetMark(name=name, session_id=session.id, reached_at=utcnow()))
        add(rt, models.Approval(id=f"budget-{n}", session_id=session.id, kind="budget", title="Used up", detail=detail))
    return session.id


def _ledger(rt: Runtime, path: Path) -> str:
    repo, branch = make_repo(path, {"a.txt": "a\n"}), "maestro/ledger/main"
    run_git(repo, "checkout", "-q", "-b", branch)
    heads = [run_git(repo, "rev-parse", "main")] + [
        commit(repo, {f"p{n}.py": "x = 1\n"}, f"Part {n}") for n in (1, 2, 3)
    ]
    run_git(repo, "checkout", "-q", "main")
    tasks = [task(f"t{n}", f"Part {n}", status="completed", result_commit=heads[n]) for n in (1, 2, 3)]
    session = seed_session(
        rt, repo, title="Ledger", status="paused", tasks=tasks, session_branch=branch, session_commit=heads[-1],
        checkpoint_commit=heads[-1],
    )  # fmt: skip
    rows = tasks_of(rt, session)
    for n, head in enumerate(heads):
        integration.keep(repo, integration.checkpoint_ref(session.id, n), head)
        of = rows[f"t{n}"].id if n else None
        title = f"Part {n}" if n else "Start of the session"
        add(rt, models.Checkpoint(session_id=session.id, number=n, commit=head, task_id=of, title=title))
    return session.id


@pytest.fixture(scope="module")
def app(seeded: dict[str, str]) -> Iterator[AppProcess]:
    keys = {"MAESTRO_ASSISTANT": "anthropic", "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": NOWHERE}
    with AppProcess(Path(seeded["data"]), **keys) as process:
        yield process


def test_each_kind_is_readable_and_its_buttons_do_what_they_say(window: OpenWindow, seeded: dict[str, str]) -> None:
    page = window().visit("/approvals")
    meant = gate_on(page, "ask-0").get_by_role("button", name="Allow for this session").get_attribute("title") or ""
    assert meant.startswith("Not asked again in this session: “git add”, on files in the worktree.")
    # The last first: what goes moves only what stands below it, never what is clicked next.
    for n, (kind, _detail, shown, answer, _after) in reversed(list(enumerate(ANSWERS))):
        asked = gate_on(page, f"ask-{n}")
        expect(asked, kind).to_contain_text(shown)
        assert '{"' not in asked.inner_text(), f"{kind} shows raw JSON"
        field = asked.get_by_role("textbox")
        if field.count():
            field.fill("As I said")
        if answer == "Allow":
            asked.get_by_role("button", name=answer, exact=True).click()
            expect(asked).to_contain_text("Read to the end to allow this.")
            asked.locator(".q-must .m-code__text").evaluate("e => e.scrollTo(0, e.scrollHeight)")
            expect(asked).not_to_contain_text("Read to the end to allow this.")
        asked.get_by_role("button", name=answer, exact=True).click()
    for n, (kind, _detail, _shown, answer, after) in enumerate(ANSWERS):
        expect(gate_on(page, f"ask-{n}"), kind).to_have_count(0)
        status, message, was = stored_row(
            seeded, "SELECT a.status, a.message, t.status FROM approvals a JOIN tasks t ON t.id = a.task_id WHERE a.id=?",
            f"ask-{n}",
        )  # fmt: skip
        wanted = "expired" if answer == "Skip the task" else "allowed" if answer in ALLOWS else "denied"
        assert status == wanted, (kind, answer)
        assert was == (after or "waiting"), (kind, answer)
        assert message == ("As I said" if kind not in {"task_start", "escape"} and wanted != "expired" else None)


def test_a_budget_is_raised_by_what_the_field_says(window: OpenWindow, seeded: dict[str, str]) -> None:
    page = window().visit(f"/session/{seeded['budget']}/logs")
    banner = page.locator(".m-banner", has_text="questions need your answer")
    expect(banner).to_be_visible()
    banner.get_by_role("link", name="Answer").click()
    asked = gate_on(page, "budget-0")
    expect(asked).to_contain_text("$5.50 of $5.00 used")
    expect(page.locator(".mon-standing")).to_contain_text("Answer the question below")
    asked.get_by_label("Raise by, in dollars").fill("7.25")
    page.evaluate(MOVED)
    asked.get_by_role("button", name="Raise and continue").click()
    expect(asked).to_have_count(0)
    assert page.evaluate("window.clickable") == "none"  # a second click meets no other question
    assert stored_row(seeded, "SELECT raised_by FROM budget_marks WHERE name='session:b:usd'") == (7.25,)
    gate_on(page, "budget-1").get_by_role("button", name="Keep stopped").click()
    expect(gate_on(page, "budget-1")).to_have_count(0)
    expect(page.locator(".mon-standing")).to_contain_text("Nothing starts until you resume")
    expect(page.locator(".m-controls").get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("link", name="Logs", exact=True).click()
    expect(page.get_by_text("Following")).to_be_visible()
    expect(page.locator(".m-banner", has_text="budget")).to_have_count(0)


def test_a_paused_account_counts_down_and_goes_on_for_every_window(window: OpenWindow, seeded: dict[str, str]) -> None:
    one, other = window().visit("/"), window("phone").visit(f"/session/{seeded['ledger']}/logs")
    for page in (one, other):
        expect(page.locator(".m-banner")).to_contain_text(re.compile(r"continues automatically in [34]\d:\d\d"))
    one.locator(".m-banner").get_by_role("button", name="Stay paused").click()
    expect(one.locator(".m-banner")).to_contain_text("paused until you resume it")
    notice = one.locator(".q-notification__message", has_text="stays paused until you resume it")
    assert notice.evaluate(CONTRAST) > 4.5  # Quasar paints notices white on its own grey
    one.locator(".m-banner").get_by_role("button", name="Resume now").click()
    expect(one.locator(".m-banner")).to_have_count(0)
    expect(other.locator(".m-banner")).to_have_count(0)
    assert stored_row(seeded, "SELECT active FROM account_pauses") == (0,)


def test_a_rollback_says_first_what_it_takes_away_and_comes_back(window: OpenWindow, seeded: dict[str, str]) -> None:
    page = window().visit(f"/session/{seeded['ledger']}")
    page.get_by_role("button", name="Roll back…").click()
    asked = page.get_by_role("alertdialog")
    expect(asked).to_contain_text("1 task becomes pending again: t3.")
    asked.get_by_text("1. Part 1").click()
    expect(asked).to_contain_text("2 tasks become pending again: t2, t3.")
    asked.get_by_text("2 files", exact=True).click()
    expect(asked.get_by_text("p3.py")).to_be_visible()
    asked.get_by_role("button", name="Roll back").click()
    offer = page.locator(".m-banner", has_text="Rolled back to checkpoint 1")
    expect(offer).to_be_visible()
    assert stored_row(seeded, "SELECT count(*) FROM checkpoints WHERE session_id=?", seeded["ledger"]) == (2,)
    page.get_by_role("tab", name="Checkpoints").click()
    expect(page.locator(".kept__line")).to_contain_text("Removed by rolling back to checkpoint 1")
    offer.get_by_role("button", name="Restore").click()
    expect(offer).to_have_count(0)
    assert stored_row(seeded, "SELECT count(*) FROM checkpoints WHERE session_id=?", seeded["ledger"]) == (4,)


def test_the_dashboard_tells_what_happened_while_the_app_was_off(window: OpenWindow, seeded: dict[str, str]) -> None:
    told = window().visit("/").get_by_role("region", name="While you were away")
    expect(told).to_contain_text("Maestro stopped unexpectedly and was off for 1 h 59 min")
    expect(told.get_by_role("link", name="Asked")).to_contain_text("1 worker died; restarted")
    expect(told).not_to_contain_text("log rows")


def test_a_deleted_session_gives_its_work_back_as_a_branch(window: OpenWindow, seeded: dict[str, str]) -> None:
    page = window().visit("/session")
    page.get_by_text("Recently deleted (1)").click()
    row = page.locator('[data-deleted="gone"]')
    expect(row).to_contain_text("All finished work")
    row.get_by_role("button", name="Make a branch").click()
    repo = Path(seeded["repo"])
    wait_for(lambda: "maestro/gone/recovered" in run_git(repo, "branch", "--list"), 120, "the branch")
