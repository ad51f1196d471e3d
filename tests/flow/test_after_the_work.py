"""Finished work that goes on: comments become one task on the session branch, and the proof is made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.brainstorm.card_keeping import store_card
from maestro.core.brainstorm.earlier import against, earlier_decisions
from maestro.core.brainstorm.idea_card import IdeaCard
from maestro.core.commands import control, decisions, delivery, follow_up_sessions, plans, reviews
from maestro.core.commands.decisions import OutcomeChange
from maestro.core.commands.follow_up_sessions import FollowUpSession
from maestro.core.commands.reviews import NewComment
from maestro.core.integration import checkpoints
from maestro.core.kernel import lookup
from maestro.core.kernel.session_states import move
from maestro.core.planning.generation import add_version
from maestro.core.planning.plan import parse_plan
from maestro.core.queries import reviews as found
from maestro.db import models
from maestro.errors import InvalidInput, NotAllowed, NotFound
from tests.engine import engine
from tests.landing import Bench, bench
from tests.repos import make_repo, run_git
from tests.scripted import bash, say, scenario, task_rule, write

ADD = "def add(a, b):\n    return a + b\n"
NAMED = "def add(first, second):\n    return first + second\n"
CHECK = 'python3 -c "import calc; assert calc.add(2, 3) == 5"'
FILES: dict[str, str | bytes] = {"README.md": "Hello\n", "pic.bin": b"\0\1", ".gitignore": "__pycache__/\n"}
PLAN = {"checks": [CHECK], "tasks": [{"id": "t1", "title": "Adding", "files": ["calc.py"]}]}


def finished(b: Bench) -> None:
    """A session whose only task is in and proven."""
    b.work({"calc.py": ADD})
    assert b.complete() == "completed"


def test_line_comments_become_a_task_whose_diff_touches_that_line_and_the_session_completes_again(
    tmp_path: Path,
) -> None:
    repo = make_repo(tmp_path / "repo", FILES)
    script = scenario(
        task_rule("# Task t1", write("calc.py", ADD), say("Done.")),
        task_rule("# Task follow-up-1", bash("cat calc.py"), write("calc.py", NAMED), say("Renamed.")),
    )
    with engine(tmp_path, script, standbys=1) as e:
        session = e.run(repo, {"summary": "Test", **PLAN})
        e.until("state_changed", to="completed")
        before = e.get(session.id).session_commit
        reviews.add_comment(e.rt, session.id, NewComment(path="calc.py", line=1, body="Name them first and second."))
        reviews.add_comment(e.rt, session.id, NewComment(body="Keep it short."))
        assert reviews.follow_up(e.rt, session.id).status == "executing"
        told = e.until("follow_up_started").payload
        e.until("state_changed", to="completed")
        task = e.task(session.id, "follow-up-1")
        assert told["task_id"] == task.id
        for part in ("calc.py, line 1", "> 1 | def add(a, b):", "Name them first and second.", "Keep it short."):
            assert part in task.description
        assert "-def add(a, b):" in queries.get_diff(e.rt, session.id, task="follow-up-1").text
        done = e.get(session.id)
        assert done.session_commit != before
        assert done.result is not None
        assert (done.result["proven"], done.result["commit"]) == (True, done.session_commit)
        proof = [r for r in queries.list_evidence(e.rt, session.id) if r.phase == "validation"]
        assert [r.passed for r in proof] == [True, True]
        assert {c.task_id for c in found.list_comments(e.rt, session.id)} == {task.id}
        assert delivery.merge(e.rt, session.id).merged
        assert (repo / "calc.py").read_text() == NAMED


def test_a_review_waits_survives_a_restart_and_is_sent_once(tmp_path: Path) -> None:
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), PLAN) as b:
        finished(b)
        one = reviews.add_comment(b.rt, b.id, NewComment(path="calc.py", line=2, body="Why?"))
        run = next(r for r in queries.list_evidence(b.rt, b.id) if r.phase == "validation")
        reviews.add_comment(b.rt, b.id, NewComment(check_run=run.id, body="Also try 0."))
        two = reviews.add_comment(b.rt, b.id, NewComment(path="README.md", body="Say it here."))
        b.reopen()
        reviews.edit_comment(b.rt, b.id, one.id, "Check for numbers.")
        reviews.delete_comment(b.rt, b.id, two.id)
        assert [c.body for c in found.list_comments(b.rt, b.id, waiting=True)] == ["Check for numbers.", "Also try 0."]
        reviews.follow_up(b.rt, b.id, "Be strict.\nAnd quick.")
        b.reopen()
        task = b.task("follow-up-1")
        assert task.title == "Be strict."
        assert f"the check `{CHECK}`" in task.description
        assert found.list_comments(b.rt, b.id, waiting=True) == []
        with pytest.raises(NotAllowed, match="already sent"):
            reviews.edit_comment(b.rt, b.id, one.id, "Other words.")
        reviews.add_comment(b.rt, b.id, NewComment(body="For later."))
        with pytest.raises(NotAllowed, match="is executing"):
            reviews.follow_up(b.rt, b.id)
        b.work({"calc.py": NAMED}, "follow-up-1")
        assert b.complete() == "completed"
        assert [c.body for c in found.list_comments(b.rt, b.id, waiting=True)] == ["For later."]


def test_a_follow_up_that_is_skipped_or_rolled_back_leaves_what_was_proven(tmp_path: Path) -> None:
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), PLAN) as b:
        finished(b)
        good = b.session.session_commit
        reviews.follow_up(b.rt, b.id, "More.")
        control.skip_task(b.rt, b.id, "follow-up-1")
        assert b.complete() == "completed"
        assert b.session.session_commit == good
        reviews.follow_up(b.rt, b.id, "More again.")
        b.work({"calc.py": NAMED}, "follow-up-2")
        assert b.complete() == "completed"
        control.rollback(b.rt, b.id, "1")
        assert (b.session.status, b.session.session_commit) == ("paused", good)
        assert (b.task("t1").status, b.task("follow-up-2").status) == ("completed", "pending")


def test_no_later_failure_takes_back_a_repair_that_is_proven(tmp_path: Path) -> None:
    plan = {"checks": [CHECK], "tasks": [{"id": "t1", "title": "Adding", "checks": ["true"]}]}
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), plan, max_attempts=2) as b:
        b.work({"calc.py": ADD.replace("+", "-")})
        assert b.complete() == "executing"
        b.work({"calc.py": ADD}, "repair-1")
        assert b.complete() == "completed"
        with b.rt.db.read() as db:
            assert [t.key for t in lookup.repairs_of(db, b.session)] == ["repair-1"]
        reviews.follow_up(b.rt, b.id, "More.")
        with b.rt.db.read() as db:
            assert checkpoints.before_repairs(db, b.session) is None


def test_merged_work_says_what_to_do_and_keeps_the_comments(tmp_path: Path) -> None:
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), PLAN) as b:
        finished(b)
        reviews.add_comment(b.rt, b.id, NewComment(path="calc.py", body="Document it."))
        delivery.merge(b.rt, b.id)
        with pytest.raises(NotAllowed, match="follow-up session") as refusal:
            reviews.follow_up(b.rt, b.id)
        assert "follow_up" not in refusal.value.allowed
        assert len(found.list_comments(b.rt, b.id, waiting=True)) == 1
        branches = ["for-each-ref", "refs/heads/maestro/", "--format=%(refname:short) %(objectname)"]
        assert run_git(b.repo, *branches) == ""  # cleaned up after the merge
        assert b.session.session_commit in {r.commit for r in queries.list_recovered(b.rt, b.id)}
        delivery.unmerge(b.rt, b.id)
        assert run_git(b.repo, *branches) == f"{b.session.session_branch} {b.session.session_commit}"
        assert reviews.follow_up(b.rt, b.id).status == "executing"
        b.work({"calc.py": NAMED}, "follow-up-1")
        assert b.complete() == "completed"
        with b.rt.db.write() as tx:
            tx.db.add(models.StoredSetting(name="delete_merged_branches", value=False))
        b.reopen()
        delivery.merge(b.rt, b.id, method="squash")
        assert b.session.session_branch in run_git(b.repo, *branches)


def test_a_session_that_follows_carries_card_decisions_environment_and_comments(tmp_path: Path) -> None:
    config = {"setup": ["true"], "max_workers": 1}
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), PLAN, **config) as b:
        with pytest.raises(NotAllowed, match="still at work"):
            follow_up_sessions.create_follow_up(b.rt, b.id, FollowUpSession())
        card = {
            "title": "Adding", "problem": "No sums.", "goals": ["It adds."],
            "decisions": [{"question": "Which?", "options": ["plus", "sum"], "chosen": 0, "reason": "Short."}],
        }  # fmt: skip
        with b.rt.db.write() as tx:
            store_card(tx, tx.db.get_one(models.Session, b.id), IdeaCard.model_validate(card), by_user=True)
        finished(b)
        (decision,) = queries.list_decisions(b.rt, b.id)
        assert (decision.outcome, decision.outcome_by) == ("success", "evidence")
        assert decision.outcome_reason == "Completed: 1 final check passed."
        decisions.set_outcome(b.rt, decision.id, OutcomeChange(outcome="partial", reason="Too short."))
        reviews.add_comment(b.rt, b.id, NewComment(path="calc.py", line=2, body="Document it."))
        new = follow_up_sessions.create_follow_up(b.rt, b.id, FollowUpSession(description="Subtract, too."))
        assert (new.follows_id, new.base_commit, new.base_branch) == (b.id, b.session.session_commit, "main")
        assert new.agent_config["setup"] == ["true"]
        assert (new.idea_card["problem"], new.idea_card["goals"]) == ("No sums.", [])
        for part in ("Subtract, too.", "calc.py, line 2: Document it.", "It adds."):
            assert part in new.description
        assert [d.chosen for d in queries.list_decisions(b.rt, new.id)] == [0]
        assert found.list_comments(b.rt, b.id, waiting=True) == []
        with b.rt.db.read() as db:
            told = earlier_decisions(db, db.get_one(models.Session, new.id))
            assert "Which?: plus (instead of sum) because Short. — partial: Too short. [Test]" in told
            assert earlier_decisions(db, b.session) == ""
            row = db.get_one(models.Session, new.id)
            other = [("which?", ["sum", "Plus"], 0), ("which?", ["plus", "sum"], 0), ("What?", ["plus", "sum"], 1)]
            assert against(db, row, other) == [
                "Goes against an earlier decision: “sum” instead of “Plus” for “which?”, which was decided in “Test” "
                "(outcome: partial)."
            ]

        b.id = new.id  # it begins from the result, which main does not have yet
        with b.rt.db.write() as tx:
            row = tx.db.get_one(models.Session, new.id)
            for event in ("start", "idea_ready"):
                move(tx, row, event)
            add_version(tx, row, parse_plan({"summary": "Test", **PLAN}), "generated")
            move(tx, row, "plan_ready")
        plans.approve_plan(b.rt, new.id)
        assert b.session.base_commit == new.base_commit
        assert b.work({"calc.py": NAMED}).status == "completed"


WRONG: list[tuple[dict[str, object], str]] = [
    ({"path": "none.py"}, "path"),
    ({"path": "../calc.py"}, "path"),
    ({"path": "/etc/passwd"}, "path"),
    ({"path": ".git/config"}, "path"),
    ({"path": "calc.py", "line": 3}, "line"),
    ({"path": "calc.py", "line": 1, "side": "old"}, "path"),
    ({"path": "pic.bin", "line": 1}, "line"),
    ({"path": "odd.txt", "line": 3}, "line"),
    ({"line": 1}, "path"),
    ({"check_run": "none"}, "check_run"),
]


def test_a_comment_on_what_is_not_there_names_the_field(tmp_path: Path) -> None:
    with bench(tmp_path, make_repo(tmp_path / "repo", FILES), PLAN) as b:
        b.work({"calc.py": ADD, "odd.txt": "a\x0cb\u2028c\r\nd\n"})
        for wrong, field in WRONG:
            with pytest.raises(InvalidInput) as refusal:
                reviews.add_comment(b.rt, b.id, NewComment.model_validate({"body": "Why?", **wrong}))
            assert list(refusal.value.fields) == [field]
        with pytest.raises(NotFound):
            reviews.delete_comment(b.rt, b.id, "none")
        said = reviews.add_comment(b.rt, b.id, NewComment(path="./odd.txt", line=2, body="Why?"))
        assert (said.path, said.code) == ("odd.txt", "  1 | a\x0cb\u2028c\n> 2 | d")
