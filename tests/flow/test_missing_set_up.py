"""A check that could not run is asked about with the set-up that the repository offers: one click applies and remembers it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.approvals import missing_set_up
from maestro.core.approvals.question import AS_BEFORE, UNPROVEN, Question
from maestro.core.commands import approvals
from maestro.core.workspaces import repository_environment
from maestro.db import models
from maestro.errors import InvalidInput
from tests.engine import engine
from tests.repos import make_repo, run_git
from tests.scripted import say, scenario, task_rule, write

NPM = "npm install --no-package-lock --no-audit --no-fund"
FILES: dict[str, str | bytes] = {
    "package.json": json.dumps({"scripts": {"test": "node --test"}, "dependencies": {"left": "file:./left"}}),
    "left/package.json": json.dumps({"name": "left", "version": "1.0.0", "main": "index.js"}),
    "left/index.js": "exports.one = 1;\n",
    "add.js": "const {one} = require('left');\nexports.add = (a, b) => a + b + one - 1;\n",
    "add.test.js": "const {test} = require('node:test');\nconst {add} = require('./add.js');\n"
    "test('adds', () => { if (add(1, 2) !== 3) throw new Error('wrong'); });\n",
    ".gitignore": "node_modules\n",
}
PLAN: dict[str, Any] = {"summary": "Test", "checks": ["npm test"], "tasks": [{"id": "t1", "title": "Task t1"}]}


def test_the_missing_set_up_is_offered_applied_by_one_click_and_remembered(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", FILES)
    does = task_rule("# Task t1:", write("notes.txt", "done\n"), say("Done."))
    with engine(tmp_path, scenario(does)) as e:
        session = e.run(repo, PLAN)
        asked = e.until("approval_requested", kind="infrastructure").payload
        assert asked["detail"]["missing_setup"] == [NPM]
        approvals.decide(e.rt, asked["approval_id"], "allow_setup")
        e.until("state_changed", to="completed", timeout_s=120)
        assert queries.get_session(e.rt, session.id).agent_config["setup"] == [NPM]
        kept = repository_environment.environment(e.rt, str(repo)).remembered
        assert kept is not None
        assert kept.setup == [NPM]


def test_a_question_that_offers_no_set_up_refuses_that_answer(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    with engine(tmp_path, scenario(task_rule("# Task t1:", say("All there.")))) as e:
        e.run(repo, PLAN | {"tasks": [{"id": "t1", "title": "T", "checks": ["test -s README.md"]}]})
        asked = e.until("approval_requested", kind="nothing_changed").payload
        with pytest.raises(InvalidInput, match="does not offer setup commands"):
            approvals.decide(e.rt, asked["approval_id"], "allow_setup")
        assert queries.get_approval(e.rt, asked["approval_id"]).status == "pending"


@pytest.mark.parametrize(
    ("check", "what", "setup", "expected"),
    [
        ("python -m pytest -q", UNPROVEN, [], {"setup_check": ".venv/bin/python -m pytest -q"}),
        ("pytest -q", None, [], {"setup_check": ".venv/bin/python -m pytest -q"}),
        (".venv/bin/python -m pytest -q", UNPROVEN, [], {}),
        ("make test", UNPROVEN, [], {}),
        ("python -m pytest -q", AS_BEFORE, [], None),
        ("python -m pytest -q", "set-up", [], None),
        ("python -m pytest -q", UNPROVEN, ["all"], None),
    ],
)
def test_what_is_offered_in_which_question(
    tmp_path: Path, check: str, what: str | None, setup: list[str], expected: dict[str, str] | None
) -> None:
    repo = make_repo(
        tmp_path / "r", {"requirements.txt": "requests\n", "tests/test_a.py": "", "web/go.mod": "module x"}
    )
    commit = run_git(repo, "rev-parse", "HEAD")
    venv = (
        "python3 -m venv .venv && echo '*' > .venv/.gitignore && .venv/bin/python -m pip install"
        " -r requirements.txt pytest"
    )
    config = {"setup": [venv] if setup else []}
    session = models.Session(title="T", repo_path=str(repo), base_commit=commit, agent_config=config)
    detail = {"command": check} | ({"what": what} if what else {})
    told = missing_set_up.offer(session, Question("infrastructure", "Nothing lands", [], "", detail))
    assert told == ({} if expected is None else {"missing_setup": [venv], **expected})
