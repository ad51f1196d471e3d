"""The new-session page on a folder without a commit: it says so, tells what a first commit would hold, and makes it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.axe import everywhere
from tests.browser.conftest import OpenWindow
from tests.repos import run_git, write_files


def test_a_first_commit_is_offered_told_and_made_and_then_the_session_can_begin(
    window: OpenWindow, tmp_path: Path
) -> None:
    repo = tmp_path / "shop"
    write_files(repo, {f"src/part{n}.py": "x\n" for n in range(12)} | {".env": "KEY=1\n", "README.md": "# Shop\n"})
    here = window()
    page = here.visit(f"/session/new?repo={repo}")
    page.get_by_label("Idea").fill("Sell things")
    page.get_by_role("button", name="Create and brainstorm").click()
    expect(page.get_by_text("is not a git repository.")).to_be_visible()
    page.get_by_role("button", name="Make it a repository").click()

    asked = page.get_by_role("alertdialog")
    expect(asked.get_by_text("First commit on main: 14 files, 37 bytes")).to_be_visible()
    expect(asked.get_by_text("and 6 more")).to_be_visible()
    expect(asked.get_by_text(".env may hold secrets")).to_be_visible()
    for size in ("desktop", "phone"):
        for scheme in ("light", "dark"):
            here.resize(size)
            here.scheme(scheme)
            here.screenshot(f"first-commit-{size}-{scheme}")
    here.resize("desktop")
    assert not everywhere(page, ".q-dialog")
    asked.get_by_role("button", name="Not now").click()
    expect(asked).to_have_count(0)
    assert not (repo / ".git").exists()
    here.screenshot("first-commit-offer")

    (repo / ".gitignore").write_text(".env\n")
    page.get_by_role("button", name="Make it a repository").click()
    expect(asked.get_by_text("First commit on main: 14 files")).to_be_visible()
    expect(asked.get_by_text("may hold secrets")).to_have_count(0)
    asked.get_by_role("button", name="Commit these files").click()
    expect(page.get_by_text("On main at")).to_be_visible()
    assert ".env" not in run_git(repo, "ls-tree", "-r", "--name-only", "main").splitlines()
    page.get_by_role("button", name="Create and brainstorm").click()
    page.wait_for_url("**/brainstorm")


def test_an_unborn_branch_without_files_is_offered_an_empty_commit_alone(window: OpenWindow, tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q", "-b", "trunk", "new")
    here = window("phone", scheme="dark")
    page = here.visit("/session/new")
    page.get_by_label("Repository").fill(str(tmp_path / "new"))
    page.get_by_label("Repository").press("Enter")
    expect(page.get_by_text("has no commit yet")).to_be_visible()
    page.get_by_role("button", name="Make a first commit").click()
    asked = page.get_by_role("alertdialog")
    expect(asked.get_by_text("the first commit on trunk is empty")).to_be_visible()
    expect(asked.get_by_role("button", name="Commit these files")).to_have_count(0)
    here.screenshot("first-commit-empty")
    asked.get_by_role("button", name="Empty first commit").click()
    expect(page.get_by_text("On trunk at")).to_be_visible()
    assert run_git(tmp_path / "new", "log", "--format=%s", "trunk") == "First commit"
