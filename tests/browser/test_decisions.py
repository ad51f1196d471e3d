"""The Decisions page: found by repository, kind, outcome and source, and told how they turned out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from maestro.core.queries import count_decisions, list_decisions
from maestro.db import models
from tests.app_process import AppProcess
from tests.browser.axe import everywhere
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, ago, seed_session, seeding
from tests.repos import make_repo


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    """A Maestro with decisions of two repositories."""
    folder = tmp_path_factory.mktemp("decisions")
    with seeding(folder / "data") as rt:
        for name in ("shop", "bank"):
            repo = make_repo(folder / name, {"README.md": f"# {name}\n"})
            session = seed_session(rt, repo, title=f"Work on the {name}", status="completed")
            rows = [
                ("plan", "Library", "Which CSV library?", "success"),
                ("brainstorm", "library", "Which 100% fast parser?", "partial"),
                ("worker", "interface", "Which name for the command?", None),
            ]
            for n, (source, kind, context, outcome) in enumerate(rows):
                row = models.Decision(
                    session_id=session.id, source=source, decision_type=kind, context=f"{context} ({name})",
                    options=["csv", "pandas"], chosen=0, outcome=outcome, created_at=ago(n + 1),
                )  # fmt: skip
                add(rt, row)
        assert len(list_decisions(rt, kind="LIBRARY", repo=str(folder / "shop"))) == 2
        assert [d.outcome for d in list_decisions(rt, outcome="open")] == [None, None]
        assert [len(list_decisions(rt, q=q)) for q in ("csv which", "100%", "10_%", "work shop")] == [6, 2, 0, 3]
        assert len(list_decisions(rt, limit=3)) == 3
        counts = count_decisions(rt)
        assert (counts.kinds, counts.outcomes) == (
            {"library": 4, "interface": 2},
            {"success": 2, "partial": 2, "open": 2},
        )
    with AppProcess(folder / "data", MAESTRO_ASSISTANT="demo") as process:
        yield process


def rows(page: Page) -> Locator:
    return page.locator(".m-list .m-item")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option).click()


def test_decisions_are_narrowed_down_and_their_outcome_is_corrected(window: OpenWindow, app: AppProcess) -> None:
    opened, other = window(), window("phone", scheme="dark")
    page = opened.visit("/decisions")
    other.visit("/decisions?outcome=success&repo=/nowhere")
    expect(other.page.get_by_text("No matching decisions")).to_be_visible()
    other.page.get_by_role("button", name="Show all").click()
    expect(rows(other.page)).to_have_count(6)

    choose(page, "Repository", "shop (3)")
    expect(rows(page)).to_have_count(3)
    choose(page, "Kind", "Library (4)")
    expect(rows(page)).to_have_count(2)
    choose(page, "Outcome", "Partial (2)")
    expect(rows(page)).to_have_count(1)
    page.reload()
    opened.alive()
    expect(rows(page)).to_contain_text(["Which 100% fast parser? (shop)"])

    page.get_by_role("button", name="Change the outcome").click()
    page.locator(".m-dialog").get_by_label("Outcome", exact=True).click()
    page.get_by_role("option", name="Failure", exact=True).click()
    page.get_by_label("Reason").fill("It lost quoted lines.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("No matching decisions")).to_be_visible()  # it is not partial any more
    choose(page, "Outcome", "Failure (1)")
    expect(rows(page)).to_contain_text(["Failure (you)"])
    expect(rows(page)).to_contain_text(["It lost quoted lines."])
    expect(other.page.get_by_text("Failure (you)")).to_be_visible()
    choose(page, "Outcome", "All outcomes")
    choose(page, "Source", "In the plan (2)")
    expect(rows(page)).to_contain_text(["Which CSV library? (shop)"])
    with app.client() as api:
        found = api.get("/api/decisions", params={"outcome": "failure", "kind": "library", "q": "shop"}).json()
        assert [d["outcome_reason"] for d in found["items"]] == ["It lost quoted lines."]
        assert Path(found["items"][0]["repo_path"]).name == "shop"
        assert api.get("/api/decisions", params={"outcome": "fine"}).status_code == 422
    assert everywhere(page) == []
    opened.screenshot("decisions")
    other.screenshot("decisions-phone")
