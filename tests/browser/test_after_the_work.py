"""After the work: comments on lines are gathered and sent, finished work goes on and is proven again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from maestro.db import models
from maestro.demo.server import ScriptedServer
from tests.app_process import AppProcess
from tests.browser.axe import everywhere
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, finished_repo, seed_session, seeding, task
from tests.repos import commit, run_git
from tests.scripted import DUMMY_KEY, call, say, scenario, task_rule

SOON_MS = 120_000
FILES: dict[str, str | bytes] = {"src/app.py": 'def main():\n    """Says hello."""\n    return "hello"\n'}
SCRIPT = scenario(
    task_rule(
        "# Task follow-up-1",
        [
            call("Bash", command="cat src/app.py", description="scripted"),
            call("Write", file_path="{cwd}/src/app.py", content='def main():\n    return "hello, world"\n'),
        ],
        say("Done."),
    ),
    task_rule(
        "# Task update-1",
        [
            call("Bash", command="cat src/app.py", description="scripted"),
            call("Write", file_path="{cwd}/src/app.py", content='def main(name):\n    return "hello, " + name\n'),
        ],
        say("Both are kept."),
    ),
)


@pytest.fixture(scope="module")
def seeded() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, seeded: dict[str, str]) -> Iterator[AppProcess]:
    folder = tmp_path_factory.mktemp("after")
    branch = "maestro/hello/main"
    repo, head = finished_repo(folder / "repo", branch, FILES)
    seeded["repo"] = str(repo)
    with seeding(folder / "data") as rt:
        seeded["id"] = seed_session(
            rt, repo, title="Say hello", status="completed", session_branch=branch, session_commit=head,
            checkpoint_commit=head, tasks=[task("t1", "Say hello", status="completed", result_commit=head)],
            result_json={"commit": head, "proven": True, "checks": 1, "tasks": 1, "skipped": 0},
            agent_config={"checks": ["grep -q hello src/app.py"]},
        ).id  # fmt: skip
        choice = {"decision_type": "wording", "options": ["hello", "hi"], "chosen": 0, "rationale": "Usual."}
        add(rt, models.Decision(session_id=seeded["id"], source="brainstorm", **choice))
    with (
        ScriptedServer(SCRIPT) as model,
        AppProcess(folder / "data", ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY=DUMMY_KEY) as process,
    ):
        yield process


def _comment(page: Page, words: str) -> None:
    dialog = page.get_by_role("alertdialog")
    dialog.get_by_label("Comment").fill(words)
    dialog.get_by_role("button", name="Add comment", exact=True).click()
    expect(dialog).to_be_hidden()


def test_line_comments_are_gathered_sent_and_end_in_new_proof(window: OpenWindow, seeded: dict[str, str]) -> None:
    opened, phone = window(), window("phone")
    page = opened.visit(f"/session/{seeded['id']}/changes")
    line = page.locator(".dl[data-n='3']")
    line.click(position={"x": 60, "y": 8})  # its number
    dialog = page.get_by_role("alertdialog")
    expect(dialog.get_by_label("Line")).to_have_value("3")
    assert not everywhere(page, ".q-dialog")
    opened.screenshot("after-comment-dialog")
    _comment(page, "Greet the world, too.")
    expect(page.locator(".dl[data-n='3'] + .dl-said")).to_have_text("Greet the world, too.")
    page.get_by_role("button", name="Comment on src/app.py").click()
    _comment(page, "<b>No docstring</b>")
    page.get_by_role("button", name="Add a comment").click()
    _comment(page, "To be deleted")
    review = page.get_by_role("region", name="Review", exact=True)
    review.locator(".rv__one", has_text="To be deleted").get_by_role("button", name="Delete this comment").click()
    expect(review.locator(".rv__one")).to_have_count(2)
    review.locator(".rv__one").first.get_by_role("button", name="Edit this comment").click()
    dialog.get_by_label("Comment").fill("Greet the whole world.")
    dialog.get_by_role("button", name="Save").click()

    page.reload()  # they are rows, and seen in every window
    opened.alive()
    expect(page.locator(".dl[data-n='3'] + .dl-said")).to_have_text("Greet the whole world.")
    review.get_by_label("What should change").fill("Be friendly.")
    opened.screenshot("after-review")
    opened.scheme("dark")
    opened.screenshot("after-review-dark")
    small = phone.visit(f"/session/{seeded['id']}/changes")
    expect(small.locator(".dl[data-n='3'] + .dl-said")).to_be_visible()
    expect(small.get_by_role("button", name="Send 2 comments")).to_be_visible()
    phone.screenshot("after-review-phone")

    review.get_by_role("button", name="Send 2 comments").click()
    bar = page.get_by_role("region", name="Merge")
    expect(bar).to_contain_text("Not ready to merge")
    expect(review).to_contain_text("2 comments sent earlier")
    expect(bar.get_by_role("button", name="Merge", exact=True)).to_be_enabled(timeout=SOON_MS)
    page.get_by_role("button", name="There are newer changes").click()
    expect(page.locator(".dl--add", has_text="hello, world")).to_be_visible()
    assert "hello, world" in run_git(Path(seeded["repo"]), "show", "maestro/hello/main:src/app.py")

    # Main has moved meanwhile, on the same lines: the update resolves it, and the merge goes through.
    commit(Path(seeded["repo"]), {"src/app.py": "def main(name):\n    return name\n"}, "A name")
    bar.get_by_role("button", name="Squash").click()
    expect(bar).to_contain_text("changed the same lines in: src/app.py")
    opened.screenshot("after-moved")
    bar.get_by_role("button", name="Update from the target").click()
    expect(bar).to_contain_text("Not ready to merge")
    expect(bar.get_by_role("button", name="Merge", exact=True)).to_be_enabled(timeout=SOON_MS)
    bar.get_by_role("button", name="Merge", exact=True).click()
    expect(bar).to_contain_text("Merged into main")
    assert (Path(seeded["repo"]) / "src/app.py").read_text() == 'def main(name):\n    return "hello, " + name\n'

    # The finished session becomes a template, its decision has an outcome, and both can be changed.
    opened.scheme("light")
    page.get_by_role("button", name="More").click()
    page.get_by_text("Save as template…").click()
    dialog.get_by_label("Name").fill("greeting")
    dialog.get_by_role("button", name="Save template").click()
    expect(dialog).to_be_hidden()
    opened.visit("/templates")
    row = page.locator(".m-item", has_text="greeting")
    row.get_by_role("button", name="Edit").click()
    text = dialog.get_by_label("TOML")
    expect(text).to_have_value(re.compile(r'title = "Say hello"'))
    text.fill('title = "Greet"\nworkers = 3\n')
    dialog.get_by_role("button", name="Save template").click()
    expect(dialog.get_by_role("alert")).to_have_text("Line 2, workers: Extra inputs are not permitted")
    opened.screenshot("after-template-error")
    text.fill('title = "Greet the world"\ninterview = ["Which language?"]\n')
    dialog.get_by_role("button", name="Save template").click()
    expect(row).to_contain_text("Greet the world")
    assert not everywhere(page, "main")
    opened.screenshot("after-templates")
    phone.visit("/templates")
    phone.screenshot("after-templates-phone")
    opened.visit("/decisions")
    expect(page.locator(".m-item")).to_contain_text("Success")
    page.get_by_role("button", name="Change the outcome").click()
    dialog.get_by_label("Outcome").click()
    page.get_by_role("option", name="Partial").click()
    dialog.get_by_label("Reason").fill("Nobody read it.")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".m-item")).to_contain_text("Partial (you)")
    expect(page.locator(".m-item")).to_contain_text("Nobody read it.")
    opened.screenshot("after-decisions")
    opened.scheme("dark")
    opened.screenshot("after-decisions-dark")
