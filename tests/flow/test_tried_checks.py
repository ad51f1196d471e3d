"""A plan's checks are tried on the base before approval: what each can say here, kept, asked for anew only where it is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from maestro.api.site import build_site
from maestro.core.commands import check_trials, sessions
from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.kernel.session_states import move
from maestro.core.planning import generation, trust
from maestro.core.planning.plan import parse_plan
from maestro.db.types import utcnow
from maestro.settings import LoadedSettings
from tests.repos import make_repo, run_git

PYTEST = "python -m pytest -q"
FILES = {
    "tests/test_shop.py": "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n",
    "tests/test_old.py": "def test_old():\n    assert 0\n",
    "lint.sh": "exit 0\n",
}
PLAN: dict[str, Any] = {
    "summary": "Two steps.",
    "checks": [f"{PYTEST} tests/test_shop.py", f"{PYTEST} tests/test_old.py", "frobnicate --all"],
    "tasks": [
        {"id": "a", "title": "Sums", "files": ["sums.py", "tests/test_sums.py"], "checks": [f"{PYTEST} tests/test_sums.py"]},
        {"id": "b", "title": "Lint", "files": ["shop.py"], "checks": ["sh lint.sh", "python -m nothing_like_it"]},
        {"id": "c", "title": "More", "files": ["tests/**"], "checks": [f"{PYTEST} -k test_b tests"]},
    ],
}  # fmt: skip
WORDS = {
    f"{PYTEST} tests/test_shop.py": ("runs", "runs here: 2 passed"),
    f"{PYTEST} tests/test_old.py": ("fails", "runs here: 0 passed, 1 not"),
    "frobnicate --all": ("cannot_run", "cannot run: frobnicate is not installed (setup missing)"),
    f"{PYTEST} tests/test_sums.py": ("not_there", "tests do not exist yet"),
    "sh lint.sh": ("nothing_new", "passes already, proves nothing new"),
    "python -m nothing_like_it": ("cannot_run", "cannot run: nothing_like_it is not installed (setup missing)"),
    f"{PYTEST} -k test_b tests": ("runs", "runs here: 1 passed"),
}


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    flags = {"data_dir": tmp_path / "data", "assistant": "demo", "permission_mode": "edits", "trust": "ask"}
    opened = open_runtime(LoadedSettings(flags, environment={}, dotenv=None))
    yield opened
    opened.jobs.stop()
    opened.db.close()


@pytest.fixture
def api(rt: Runtime) -> Iterator[TestClient]:
    with TestClient(build_site(rt), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def planned(rt: Runtime, tmp_path: Path) -> Callable[..., str]:
    """A session with a plan to review, in a repository that was decided on; its id."""
    repo = make_repo(tmp_path / "shop", FILES)

    def make(plan: dict[str, Any], answer: Any = "trusted", **config: Any) -> str:
        if answer:
            trust.put(rt, str(repo), answer)
        session = sessions.create_session(
            rt,
            sessions.NewSession(title="Shop", repo_path=str(repo), agent_config={"permission_mode": "edits"} | config),
        )
        sessions.start_session(rt, session.id)
        with rt.db.write() as tx:
            row = lookup.session_row(tx.db, session.id)
            row.description, row.updated_at = "Sums.", utcnow()
            move(tx, row, "idea_ready")
            generation.add_version(tx, row, parse_plan(plan), "generated")
            move(tx, row, "plan_ready")
        return session.id

    return make


def tried(rt: Runtime, api: TestClient, session_id: str, *, begun: bool = False) -> dict[str, Any]:
    if not begun:
        assert api.post(f"/api/sessions/{session_id}/plan/checks/try").status_code == 202
    assert rt.jobs.wait_for([f"try-checks:{session_id}"], 200)
    found: dict[str, Any] = api.get(f"/api/sessions/{session_id}/plan").json()
    return found


def test_each_check_says_what_it_can_show_here(
    rt: Runtime, api: TestClient, planned: Callable[..., str], tmp_path: Path
) -> None:
    heard: list[dict[str, Any]] = []
    rt.bus.subscribe(lambda events: heard.extend(e.payload for e in events if e.type == "plan_checks_tried"))
    session_id = planned(PLAN)
    view = tried(rt, api, session_id)
    assert {c["command"]: (c["tried"]["verdict"], c["tried"]["words"]) for c in view["checks"]} == WORDS
    assert (view["trial"]["state"], view["trial"]["tried"], view["trial"]["total"]) == ("done", 7, 7)
    assert (heard[0]["tried"], heard[-1]["tried"], heard[-1]["state"]) == (0, 7, "done")
    assert run_git(tmp_path / "shop", "worktree", "list", "--porcelain").count("worktree ") == 1
    assert run_git(tmp_path / "shop", "status", "--porcelain") == ""
    # Another plan on the same base asks only for what is new in it, and without being asked where that is cheap.
    plan = {"tasks": [PLAN["tasks"][2] | {"checks": [f"{PYTEST} -k test_b tests", "true"]}]}
    assert not check_trials.try_when_cheap(rt, planned(plan))  # nobody has agreed to what the model wrote
    other = planned(plan, checks=["true"])
    assert check_trials.try_when_cheap(rt, other)
    view = tried(rt, api, other, begun=True)
    assert [c["tried"]["kind"] for c in view["checks"]] == ["passed", "passed"]
    assert view["trial"]["total"] == 1
    assert not check_trials.try_when_cheap(rt, other)


def test_a_setup_that_fails_is_why_no_check_can_run(rt: Runtime, api: TestClient, planned: Callable[..., str]) -> None:
    view = tried(rt, api, planned({"tasks": [PLAN["tasks"][1]]}, setup=["echo no such index; exit 3"]))
    found = [c["tried"] for c in view["checks"]]
    assert {f["words"] for f in found} == {"cannot run: the setup command `echo no such index; exit 3` failed"}
    assert "no such index" in found[0]["output"]


def test_nothing_runs_before_anybody_decided_and_a_trial_can_be_stopped(
    rt: Runtime, api: TestClient, planned: Callable[..., str], tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    plan = {"tasks": [{"id": "a", "title": "Sums", "checks": [f"touch {marker}; sleep 300"]}]}
    session_id = planned(plan, answer=None)
    url = f"/api/sessions/{session_id}/plan/checks/try"
    refused = api.post(url)
    assert (refused.status_code, refused.json()["state"]) == (409, "undecided")
    assert not check_trials.try_when_cheap(rt, session_id)
    assert api.delete(url).status_code == 404
    trust.put(rt, str(tmp_path / "shop"), "trusted")
    began = api.post(url)
    assert (began.status_code, began.json()["state"], began.json()["total"]) == (202, "running", 1)
    assert api.post(url).status_code == 409
    while not marker.exists():
        assert rt.jobs.running(f"try-checks:{session_id}")
    assert api.delete(url).status_code == 200
    view = tried(rt, api, session_id, begun=True)
    assert (view["trial"]["state"], view["checks"][0]["tried"]) == ("stopped", None)
    assert not check_trials.try_when_cheap(rt, session_id)  # the user has stopped it


def test_a_plan_without_checks_has_nothing_to_try(api: TestClient, planned: Callable[..., str]) -> None:
    session_id = planned({"tasks": [{"id": "a", "title": "Sums"}]})
    assert api.post(f"/api/sessions/{session_id}/plan/checks/try").json()["detail"] == "The plan has no checks to try."
