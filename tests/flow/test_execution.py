"""From an approved plan to proven code on the session branch, with the real CLI."""

from __future__ import annotations

from pathlib import Path

from maestro.core import queries
from maestro.core.commands import delivery
from tests.app_process import wait_for
from tests.engine import engine
from tests.repos import make_repo, run_git
from tests.scripted import bash, say, scenario, task_rule, write

CHECK = 'python3 -c "import calc; assert calc.add(2, 3) == 5"'


def plan(*tasks: dict[str, object], checks: list[str] | None = None) -> dict[str, object]:
    return {"summary": "Test", "checks": checks or [], "tasks": list(tasks)}


def test_tasks_run_in_parallel_a_failed_check_goes_back_and_the_proven_whole_merges_and_unmerges(
    tmp_path: Path,
) -> None:
    repo = make_repo(tmp_path / "a repo ✨", {"README.md": "Hello\n", ".gitignore": "__pycache__/\n"})
    (repo / "notes.txt").write_text("not committed")
    before = run_git(repo, "rev-parse", "main")
    script = scenario(
        task_rule(
            "# Task t1",
            write("calc.py", "def add(a, b):\n    return a - b\n"),
            say("Done."),
            write("calc.py", "def add(a, b):\n    return a + b\n"),
            say("Fixed."),
        ),
        task_rule("# Task t2", write("docs.md", "# Docs\n"), say("Done.")),
        task_rule("# Task t3", bash("cat calc.py docs.md"), write("both.txt", "both\n"), say("Done.")),
    )
    whole = plan(
        {"id": "t1", "title": "Adding", "files": ["calc.py"], "checks": [CHECK]},
        {"id": "t2", "title": "Docs", "files": ["docs.md"], "checks": ["test -s docs.md"]},
        {"id": "t3", "title": "Both", "depends_on": ["t1", "t2"], "checks": ["test -s both.txt"]},
        checks=[CHECK],
    )
    with engine(tmp_path, script, standbys=3) as e:
        session = e.run(repo, whole)
        e.until("state_changed", to="completed")
        assert e.task(session.id, "t1").attempt == 2
        runs = queries.list_evidence(e.rt, session.id, "t1")
        assert [r.passed for r in runs if r.phase == "task"] == [False, True]
        assert run_git(repo, "rev-parse", "main") == before
        assert run_git(repo, "status", "--porcelain") == "?? notes.txt"
        merged = delivery.merge(e.rt, session.id)
        assert merged.merged
        assert (repo / "both.txt").read_text() == "both\n"
        assert (repo / "notes.txt").read_text() == "not committed"
        trailers = run_git(repo, "log", "--format=%(trailers:key=Maestro-Task,valueonly)", f"{before}..main^2")
        assert set(trailers.split()) == {"t1", "t2", "t3"}
        delivery.unmerge(e.rt, session.id)
        assert run_git(repo, "rev-parse", "main") == before
        assert not (repo / "both.txt").exists()


def test_the_next_task_gets_a_process_that_stood_by_for_it(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    go = tmp_path / "go"
    script = scenario(
        task_rule("# Task t1", write("t1.txt", "1\n"), bash(f"until test -e {go}; do sleep 0.05; done"), say("Done.")),
        task_rule("# Task t2", write("t2.txt", "2\n"), say("Done.")),
    )
    chain = plan({"id": "t1", "title": "One"}, {"id": "t2", "title": "Two", "depends_on": ["t1"]}, checks=["true"])
    with engine(tmp_path, script, standbys=3) as e:
        spools = e.rt.data_dir / "workers"
        e.run(repo, chain, permission_mode="bypass")
        first = e.until("worker_spawned").payload["worker_id"]
        wait_for(lambda: len(list(spools.iterdir())) == 2, 120, "a standby")
        standby = next(p.name for p in spools.iterdir() if p.name != first)
        go.touch()
        e.until("task_completed", key="t1")
        assert e.until("worker_spawned").payload["worker_id"] == standby
        e.until("state_changed", to="completed")
        wait_for(lambda: {p.name for p in spools.iterdir()} == {first, standby}, 120, "only the workers' own spools")
