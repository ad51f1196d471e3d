"""The questions of a landing in a running engine, with the real CLI: answered, sent back, and come in."""

from __future__ import annotations

from pathlib import Path

from maestro.core import queries
from maestro.core.commands import approvals
from tests.engine import engine
from tests.landing import plan_of
from tests.repos import make_repo, run_git
from tests.scripted import bash, say, scenario, task_rule, write

CHECK = "python -m unittest -v"
ONE = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        pass\n"
TWO = ONE + "\n    def test_b(self):\n        pass\n"


def test_a_lost_test_goes_back_after_a_no_and_the_agent_brings_it_back(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"test_u.py": TWO, ".gitignore": "__pycache__/\n"})
    script = scenario(
        task_rule(
            "# Task t1:",
            bash("cat test_u.py"),
            bash(f"printf '%s' \"{ONE}\" > test_u.py"),
            write("new.py", "x = 1\n"),
            say("Done."),
            bash("git checkout HEAD~1 -- test_u.py"),
            say("It is back."),
        ),
        task_rule("# Task t2:", write("other.py", "x = 1\n"), say("Done.")),
    )
    whole = plan_of({"id": "t1"}, {"id": "t2"}, checks=[CHECK])
    with engine(tmp_path, script, permission_mode="bypass") as e:
        session = e.run(repo, whole, max_workers=1)
        asked = e.until("approval_requested", kind="tests_missing")
        assert e.task(session.id, "t1").status == "waiting"
        # Nobody has to be awake for the others: the question holds no worker's slot.
        e.until("task_completed", key="t2")
        assert queries.get_approval(e.rt, asked.payload["approval_id"]).detail["vanished"] == ["test_u.T.test_b"]
        approvals.decide(e.rt, asked.payload["approval_id"], "deny", "I want that test")
        e.until("state_changed", to="completed")
        assert run_git(repo, "show", f"{session.session_branch}:test_u.py") == TWO.strip()
        seen = queries.get_evidence(e.rt, session.id, "t1")
        assert (seen.proven, seen.attempts) == (True, 2)
        counts = [(c.tests_summary or {})["total"] for c in seen.checks if c.phase == "task"]
        assert counts == [1, 2]
