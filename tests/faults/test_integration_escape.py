"""What a worker writes outside its worktree, into the user's own repository, is noticed and told how to undo."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import approvals, control
from maestro.core.guards import checkout_changes, integrity
from maestro.db import models
from maestro.errors import NotAllowed
from tests.engine import engine
from tests.landing import Bench, bench, plan_of
from tests.repos import commit, make_repo, run_git, write_files
from tests.scripted import bash, say, scenario, task_rule, write


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"README.md": "Hello\n"})


def worker_of(b: Bench, key: str = "t1", **columns: Any) -> models.Worker:
    spool = str(b.rt.data_dir / "spool")
    worker = models.Worker(session_id=b.id, task_id=b.task(key).id, name="W-1", spool_path=spool, **columns)
    with b.rt.db.write() as tx:
        tx.db.add(worker)
    integrity.snapshot(b.rt, b.session, worker)
    return worker


def test_a_planted_hook_stops_the_session_and_the_undo_undoes_it(tmp_path: Path, repo: Path) -> None:
    hook, ran = repo / ".git" / "hooks" / "post-checkout", tmp_path / "ran"
    plant = (
        f"printf '#!/bin/sh\\ntouch {ran}\\n' > {hook}; chmod +x {hook}; git config filter.x.clean 'touch {ran}; cat'"
    )
    script = scenario(task_rule("# Task t1:", bash(plant), write("t1.txt", "x\n"), say("Done.")))
    with engine(tmp_path, script, permission_mode="bypass") as e:
        session = e.run(repo, plan_of({"id": "t1", "checks": ["test -s t1.txt"]}))
        asked = e.until("approval_requested", kind="escape")
        e.until("state_changed", to="paused")
        changes = queries.get_approval(e.rt, asked.payload["approval_id"]).detail["changes"]
        assert [str(c["what"]).rpartition("/")[2] for c in changes] == ["config is changed", "post-checkout is new"]
        for change in changes:
            subprocess.run(["sh", "-c", change["undo"]], check=True)
        assert not hook.exists()
        assert "filter" not in (repo / ".git" / "config").read_text()
        approvals.decide(e.rt, asked.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")
        assert not ran.exists()
        assert e.get(session.id).status == "completed"


def test_what_the_user_does_meanwhile_raises_nothing(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        b.begin()
        worker = worker_of(b)
        commit(repo, {"mine.txt": "1\n"})
        run_git(repo, "checkout", "-q", "-b", "mine")
        run_git(repo, "config", "branch.mine.remote", "origin")
        (repo / "README.md").write_text("edited\n")
        assert not integrity.verify(b.rt, worker.id)
        assert not b.asked()
        assert b.session.status == "executing"


def test_a_branch_of_the_user_moved_to_the_workers_commit_stops_the_session_once(tmp_path: Path, repo: Path) -> None:
    run_git(repo, "branch", "release")
    before = run_git(repo, "rev-parse", "release")
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        tree = b.begin()
        worker = worker_of(b)
        write_files(tree, {"own.txt": "1\n"})
        run_git(tree, "add", "-A")
        run_git(tree, "commit", "-q", "-m", "own")
        run_git(tree, "branch", "-f", "release", "HEAD")
        assert integrity.verify(b.rt, worker.id)
        assert b.session.status == "paused"
        (question,) = b.asked("escape")
        assert "release was moved" in question.title
        b.answer("allow")
        assert b.session.status == "executing"
        assert not integrity.verify(b.rt, worker.id)
        subprocess.run(["sh", "-c", question.detail["changes"][0]["undo"]], check=True)
        assert run_git(repo, "rev-parse", "release") == before


def test_configuration_that_is_kept_elsewhere_is_watched_too(tmp_path: Path, repo: Path) -> None:
    run_git(repo, "config", "include.path", "../.gitconfig")
    write_files(repo, {".gitconfig": "[include]\n\tpath = not-there-yet\n"})
    run_git(repo, "sparse-checkout", "set", "src")
    planted = '[filter "x"]\n\tclean = x\n'
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        tree = b.begin()
        worker = worker_of(b)
        own = Path(run_git(tree, "rev-parse", "--absolute-git-dir"))
        known = (own / "config.worktree").read_bytes()
        run_git(tree, "sparse-checkout", "set", "--no-cone", "--sparse-index", "/*")
        run_git(repo, "worktree", "add", "-q", "--detach", str(tmp_path / "of another task"))
        assert (own / "config.worktree").read_bytes() != known
        assert not integrity.verify(b.rt, worker.id)

        run_git(tree, "config", "--worktree", "filter.x.clean", "x")
        (own / "commondir").write_text("../../../elsewhere\n")
        write_files(repo, {".gitconfig": planted, "not-there-yet": planted})
        with (repo / ".git/config").open("a") as config:
            config.write('[branch "main"] [filter "x"] clean = x\n')
        assert integrity.verify_running(b.rt, b.id)
        changes = {str(c["what"]): c["undo"] for c in b.asked("escape")[0].detail["changes"]}
        assert [str(Path(what).name) for what in changes] == [
            ".gitconfig is changed", "not-there-yet is new", "config is changed", "commondir is changed",
            "config.worktree is changed",
        ]  # fmt: skip
        for undo in changes.values():
            subprocess.run(["sh", "-c", undo], check=True)
        assert (own / "config.worktree").read_bytes() == known
        assert (own / "commondir").read_text() == "../..\n"
        assert not (repo / "not-there-yet").exists()
        assert not integrity.verify_running(b.rt, b.id)


def test_a_no_leaves_the_session_paused(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        b.begin()
        worker = worker_of(b)
        (repo / ".git" / "info" / "attributes").write_text("* filter=x\n")
        assert integrity.verify_running(b.rt, b.id)
        b.answer("deny")
        assert b.session.status == "paused"
        assert integrity.verify(b.rt, worker.id)
        assert not b.asked()


def test_what_was_planted_is_told_also_where_maestro_ends_the_worker(tmp_path: Path, repo: Path) -> None:
    def titles() -> list[str]:
        return [a.title.partition(": ")[2] for a in b.asked("escape")]

    git_dir = repo / ".git"
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"})) as b:
        b.work({"t1.txt": "x"})
        b.begin("t2")
        worker_of(b, "t2")
        write_files(git_dir, {"hooks/post-checkout": "#!/bin/sh\n"})
        control.rollback(b.rt, b.id, "1")
        assert b.session.status == "paused"
        assert titles() == [f"{git_dir}/hooks/post-checkout is new"]
        # One that was just being parked: asked first, and then the user may go on all the same.
        worker_of(b, "t2", status="parked")
        run_git(repo, "config", "core.fsmonitor", "touch /nowhere")
        with pytest.raises(NotAllowed, match="Answer the alarm first"):
            control.resume(b.rt, b.id)
        assert b.session.status == "paused"
        assert titles()[1:] == [f"{git_dir}/config is changed"]
        control.resume(b.rt, b.id)
        worker_of(b, "t2")
        (git_dir / "hooks" / "post-checkout").unlink()
        control.cancel(b.rt, b.id)
        assert titles()[2:] == [f"{git_dir}/hooks/post-checkout is gone"]


def test_a_file_of_the_users_checkout_that_a_worker_wrote_is_told(tmp_path: Path, repo: Path) -> None:
    outside = write(f"{repo}/escaped.txt", "1\n")
    refused = write(f"{repo}/README.md", "never read, so the CLI refuses\n")
    script = scenario(task_rule("# Task t1:", outside, refused, write("t1.txt", "x\n"), say("Done.")))
    with engine(tmp_path, script, permission_mode="bypass") as e:
        session = e.run(repo, plan_of({"id": "t1", "checks": ["test -s t1.txt"]}))
        e.until("state_changed", to="completed")
        told = [r.message for r in queries.list_logs(e.rt, session.id, limit=500) if r.source == "escape"]
        assert told == ["escaped.txt in your own checkout changed while W-1 ran; W-1 wrote to it."]
        assert (repo / "README.md").read_text() == "Hello\n"


def test_what_a_workers_commands_did_in_the_users_checkout_stops_the_session_and_can_be_undone(
    tmp_path: Path, repo: Path
) -> None:
    commit(repo, {"kept.txt": "kept\n", "mine.txt": "1\n"})
    (repo / "mine.txt").write_text("my own change\n")
    write_files(repo, {"notes.txt": "mine, too\n"})
    there = f"cd {repo} && echo bad > kept.txt && git add kept.txt && echo x > new.txt && echo bad >> mine.txt"
    script = scenario(task_rule("# Task t1:", bash(there), write("t1.txt", "x\n"), say("Done.")))
    with engine(tmp_path, script, permission_mode="bypass") as e:
        session = e.run(repo, plan_of({"id": "t1", "checks": ["test -s t1.txt"]}))
        asked = e.until("approval_requested", kind="escape")
        e.until("state_changed", to="paused")
        changes = queries.get_approval(e.rt, asked.payload["approval_id"]).detail["changes"]
        assert [str(c["what"]) for c in changes] == [
            "kept.txt changed in your checkout",
            "new.txt is new in your checkout",
            "mine.txt, where you had changes of your own, changed in your checkout",
        ]
        for change in changes:
            subprocess.run(["sh", "-c", change["undo"]], check=True)
        assert run_git(repo, "status", "--porcelain").split() == ["M", "mine.txt", "??", "notes.txt"]
        approvals.decide(e.rt, asked.payload["approval_id"], "allow")
        e.until("state_changed", to="completed")
        assert e.get(session.id).status == "completed"


@pytest.mark.parametrize(
    ("did", "what"),
    [
        (("checkout", "-q", "-b", "other"), "Your checkout was switched from main to other"),
        (("commit", "-q", "--allow-empty", "-m", "x"), "HEAD of your checkout moved from"),
    ],
    ids=["switched", "moved"],
)
def test_a_checkout_that_a_worker_was_in_and_that_stands_elsewhere_now(
    tmp_path: Path, repo: Path, did: tuple[str, ...], what: str
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["true"]})) as b:
        b.begin()
        worker = worker_of(b)
        before = run_git(repo, "rev-parse", "--symbolic-full-name", "HEAD"), run_git(repo, "rev-parse", "HEAD")
        run_git(repo, *did)
        assert not integrity.verify(b.rt, worker.id), "it was the user"
        with b.rt.db.write() as tx:
            details = {"tool": "Bash", "input": {"command": f"git -C '{repo}' {' '.join(did)}"}}
            tx.log(b.id, "Run it", task_id=b.task().id, worker_id=worker.id, details=details)
        assert integrity.verify(b.rt, worker.id)
        (question,) = b.asked("escape")
        (change,) = question.detail["changes"]
        assert what in change["what"]
        subprocess.run(["sh", "-c", change["undo"]], check=True, capture_output=True)
        assert before == (
            run_git(repo, "rev-parse", "--symbolic-full-name", "HEAD"),
            run_git(repo, "rev-parse", "HEAD"),
        )


@pytest.mark.parametrize(
    ("command", "leads"),
    [
        ("cat /r/a.txt", True),
        ("git -C /r status", True),
        ("git --git-dir=/r/.git log", True),
        ("cd ../../../.. && touch x", True),
        ("cd ../../../../.. && ls", False),
        ("(cd /r; rm -r x)", True),
        ("cat /r/data/worktrees/s/t1/a.txt", False),
        ("cat ../t2/a.txt /repo/r ~nobody/x", False),
        ("pytest -q", False),
    ],
)
def test_a_command_leads_to_the_checkout_when_it_names_a_path_there(command: str, leads: bool) -> None:
    root = Path("/r")
    assert checkout_changes.leads_to(command, root, root / "data" / "worktrees" / "s" / "t1", root / "data") == leads
