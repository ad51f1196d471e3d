"""What models write: code stays code, names keep their underscores, files open, and no word is in the way of another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from maestro.assistants.failures import DECLINED
from maestro.db import models
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, seed_session, seeding, task
from tests.repos import make_repo

REPLY = """Set max_retry_count in __init__.py, **not** [here](src/app.py:2) or [there](src/gone.py); see https://example.org/a_b.

```python
TIMEOUT_S = 30
```

| name | done |
|---|---|
| `a` | 1<br>2 |

- [x] read
- [ ] write ~~all~~ some

![pixel](https://example.org/pixel.png) <img src="https://example.org/x.png" onerror="window.broken = 1"> </script>

שלום, זה טקסט
"""
CARD = {
    "title": "Retry in `__init__` with max_retry_count",
    "problem": "Two ways:\n\n- `a_b`\n- __main__",
    "goals": ["max_retry_count is **kept**"],
    "decisions": [{"question": "Which `kind`?", "options": ["a_b_c", "`d`"], "chosen": 0, "reason": "__all__ of it"}],
}
CUT = "It goes on:\n```python\nLIMIT = 41"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A conversation of every kind of words, one that was declined, a plan whose tasks say the same."""
    folder = tmp_path_factory.mktemp("words")
    repo = make_repo(folder / "shop", {"README.md": "# Shop\n", "src/app.py": 'NAME = "a"\nTIMEOUT_S = 30\n'})
    with seeding(folder / "data") as rt:
        talk = seed_session(rt, repo, title="שלום עולם", status="brainstorming", idea_card=CARD)
        cut = seed_session(rt, repo, title="Declined", status="brainstorming")
        said = "\n\n".join(["One two three."] * 60)
        add(
            rt,
            models.Message(session_id=talk.id, number=1, role="user", content=said),
            models.Message(session_id=talk.id, number=2, role="ai", content=REPLY),
            models.Message(session_id=cut.id, number=1, role="user", content="Go on"),
            models.Message(session_id=cut.id, number=2, role="ai", content=CUT, status="interrupted"),
            models.Message(session_id=cut.id, number=3, role="ai", content="", status="failed", error=DECLINED),
        )
        work = seed_session(
            rt,
            repo,
            title="Work",
            status="paused",
            tasks=[
                task(
                    "t1",
                    "Write `it`",
                    description="1. Set max_retry_count\n2. `__init__`",
                    acceptance=["__all__ is kept"],
                )
            ],
        )
    return {"data": str(folder / "data"), "talk": talk.id, "cut": cut.id, "work": work.id}


@pytest.fixture(scope="module")
def app(seeded: dict[str, str]) -> Iterator[AppProcess]:
    with AppProcess(Path(seeded["data"]), MAESTRO_ASSISTANT="demo") as process:
        yield process


def test_a_reply_reads_as_it_was_meant(window: OpenWindow, seeded: dict[str, str]) -> None:
    here = window()
    page = here.visit(f"/session/{seeded['talk']}/brainstorm")
    reply = page.locator(".b-msg--ai").last
    expect(reply).to_contain_text("Set max_retry_count in __init__.py, not here or there; see https://example.org/a_b.")
    expect(reply.locator("strong")).to_have_text("not")
    number = reply.locator("pre span", has_text="30").last
    assert number.evaluate("e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).maskImage, e.className]") == [
        "rgba(0, 0, 0, 0)", "none", "y-mi",
    ]  # fmt: skip
    expect(reply.locator("td").last).to_have_text("12")
    assert [box.is_checked() for box in reply.get_by_role("checkbox").all()] == [True, False]
    expect(reply.locator("s")).to_have_text("all")
    assert reply.locator("img").count() == 0
    assert page.evaluate("window.broken") is None
    card = page.get_by_role("complementary", name="Idea card")
    expect(card.get_by_role("region", name="Idea", exact=True)).to_contain_text(
        "Retry in __init__ with max_retry_count"
    )
    expect(card.get_by_role("region", name="Problem").locator("li")).to_have_text(["a_b", "__main__"])
    expect(card.get_by_role("radio")).to_have_text(["a_b_c", "d"])
    assert "`" not in page.locator("body").inner_text()
    hebrew = reply.locator("p", has_text="שלום")
    for words in (hebrew, page.get_by_role("heading", level=1)):
        assert words.evaluate("e => getComputedStyle(e).direction") == "rtl"
    here.screenshot("words-reply")
    here.scheme("dark")
    here.screenshot("words-reply-dark")

    # The way to the latest message lies above the field, however tall that grows, and moves nothing.
    page.get_by_label("Your message").fill("\n".join("abcdefghijkl"))
    page.locator("[data-stick]").evaluate("e => { e.scrollTop = 0 }")
    latest = page.get_by_role("button", name="Go to the latest message")
    expect(latest).to_be_visible()
    pill, field = latest.bounding_box(), page.locator(".b-write").bounding_box()
    assert pill
    assert field
    assert pill["y"] + pill["height"] <= field["y"]
    here.screenshot("words-latest")
    latest.click()
    expect(latest).to_be_hidden()

    # A link to a file opens it at its line, on a page of its own.
    assert reply.get_by_role("link", name="there").count() == 0
    reply.get_by_role("link", name="here").click()
    here.alive()
    expect(page.locator(".f-line--here")).to_have_text("TIMEOUT_S = 30")
    expect(page.locator("h1.m-head")).to_have_text("src/app.py")
    here.screenshot("words-file")
    here.visit(f"/session/{seeded['talk']}/file?path=../secret")
    expect(page.get_by_text("This file could not be shown")).to_be_visible()


def test_a_cut_fence_is_code_and_what_was_declined_is_not_offered_again(
    window: OpenWindow, seeded: dict[str, str]
) -> None:
    here = window("phone")
    page = here.visit(f"/session/{seeded['cut']}/brainstorm")
    cut, declined = page.locator(".b-msg--ai").first, page.locator(".b-msg--ai").last
    expect(cut.locator("pre")).to_have_text("LIMIT = 41")
    expect(declined).to_contain_text("The assistant declined.")
    expect(page.get_by_role("button", name="Ask again")).to_have_count(0)
    here.screenshot("words-declined")


def test_a_task_says_what_the_model_wrote(window: OpenWindow, seeded: dict[str, str]) -> None:
    page = window().visit(f"/session/{seeded['work']}")
    page.locator('[data-task="t1"]').first.click()
    expect(page.get_by_text("Set max_retry_count")).to_be_visible()
    expect(page.locator(".b-md ol li")).to_have_text(["Set max_retry_count", "__init__"])
    expect(page.get_by_text("__all__ is kept")).to_be_visible()
    expect(page.locator(".tl__title").first).to_have_text("Write it")
    assert "`" not in page.locator("body").inner_text()
