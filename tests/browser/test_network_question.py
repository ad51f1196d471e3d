"""A check that is kept from the network is asked about with the hosts; one click allows it, and the settings show it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from maestro.confinement.refusals import Missed
from maestro.core.approvals import questions
from maestro.core.approvals.question import NETWORK
from maestro.core.workspaces import sheltered
from maestro.db import models
from tests.app_process import AppProcess
from tests.browser.conftest import OpenWindow
from tests.browser.seeds import add, gate_on, seed_session, seeding, stored_row, task
from tests.repos import make_repo

_WORDS = "Network is off for checks: files.example:443 was refused."
_OUTPUT = f"curl: (6) Could not resolve host: files.example\n\nMaestro: {_WORDS}\n"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("network")
    repo = make_repo(folder / "repo", {"a.txt": "a\n"})
    with seeding(folder / "data") as rt:
        tasks = [task("t1", "Add it", status="pending", checks=["make test"])]
        session = seed_session(rt, repo, title="Offline", status="paused", tasks=tasks)
        asked = questions.infrastructure_question(f"`make test` failed without the network. {_WORDS}", "key", _OUTPUT)
        missed = Missed(_WORDS, ("files.example:443",), told=True, way=True)
        more = {"items": asked.items, "what": NETWORK, "command": "make test"}
        asked = replace(asked, detail=asked.detail | more | sheltered.network_offer(missed, "checks"))
        add(
            rt,
            models.Approval(id="ask", session_id=session.id, kind=asked.kind, title=asked.title, detail=asked.detail),
        )
    return {"data": str(folder / "data"), "session": session.id, "repo": str(repo)}


@pytest.fixture(scope="module")
def app(seeded: dict[str, str]) -> Iterator[AppProcess]:
    with AppProcess(Path(seeded["data"]), MAESTRO_ASSISTANT="demo") as process:
        yield process


def test_the_network_of_checks_is_allowed_where_it_is_asked_and_seen_in_the_settings(
    window: OpenWindow, seeded: dict[str, str]
) -> None:
    opened = window()
    page = opened.visit("/approvals")
    asked = gate_on(page, "ask")
    expect(asked).to_contain_text("files.example:443")
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        opened.screenshot(f"network-question-{width}")
    asked.get_by_role("button", name="Allow network for checks of this repository").click()
    expect(gate_on(page, "ask")).to_have_count(0)
    (config,) = stored_row(seeded, "SELECT agent_config FROM sessions WHERE id = ?", seeded["session"])
    assert json.loads(config) == {"check_network": True, "network_hosts": ["files.example:443"]}
    page = opened.visit("/settings")
    expect(page.get_by_text("Checks may use the network.")).to_be_visible()
    expect(page.get_by_text("files.example:443")).to_be_visible()
    opened.screenshot("network-settings", full_page=True)
