"""The main job on somebody else's code, over REST alone: idea, plan, parallel work, a repair, merge, unmerge."""

from __future__ import annotations

import hashlib
from pathlib import Path

from maestro.demo.server import ScriptedServer
from tests import public_package
from tests.app_process import AppProcess
from tests.repos import run_git
from tests.scripted import DUMMY_KEY, bash, call, say, scenario, task_rule, write

TEST_COUNT = """\
import unittest

from pathspec import PathSpec
from pathspec.count import count_matches


class CountTest(unittest.TestCase):
    def test_counts_only_what_matches(self) -> None:
        spec = PathSpec.from_lines("gitignore", ["*.py"])
        self.assertEqual(count_matches(spec, ["a.py", "b.txt", "c.py"]), 2)
"""
WRONG = "def count_matches(spec, files):\n    return len(list(files))\n"
RIGHT = "def count_matches(spec, files):\n    return sum(1 for _ in spec.match_files(files))\n"
CHECK = "python3 -m unittest tests.test_count"
WHOLE = "python3 -m unittest tests.test_05_pathspec tests.test_count"

PLAN = {
    "summary": "Count how many paths a spec matches.",
    "assumptions": ["The public interface only grows."],
    "risks": [],
    "decisions": [{"decision_type": "interface", "options": ["function", "method"], "chosen": 0, "rationale": "Small"}],
    "checks": [WHOLE],
    "tasks": [
        {
            "id": "count",
            "title": "Count matches",
            "description": "A function that counts.",
            "files": ["pathspec/count.py", "tests/test_count.py"],
            "acceptance": ["`count_matches` counts only what matches"],
            "checks": [CHECK],
        },
        {
            "id": "docs",
            "title": "Tell about it",
            "description": "A section in the change log.",
            "files": ["CHANGES.rst"],
            "acceptance": ["The change log names it"],
            "checks": ["grep -q count_matches CHANGES.rst"],
        },
        {
            "id": "export",
            "title": "Export it",
            "description": "From the package itself.",
            "depends_on": ["count", "docs"],
            "files": ["pathspec/__init__.py"],
            "acceptance": ["`from pathspec import count_matches` works"],
            "checks": ["python3 -c 'from pathspec import count_matches'"],
        },
    ],
}

SCRIPT = scenario(
    {"match": {"tool_schema_has": "tasks"}, "reply": [{"answer": PLAN}]},
    {
        "match": {"has_tool": "update_idea_card"},
        "steps": [
            [say("I keep the card."), call("update_idea_card", title="Count matches", goals=["Count what matches"])],
            "Clear enough. Plan it.",
        ],
    },
    task_rule(
        "# Task count:",
        [write("pathspec/count.py", WRONG), write("tests/test_count.py", TEST_COUNT)],
        # Long enough that the other task of its level lands first: this one has to be rebased.
        {"content": [bash(CHECK)], "delay_s": 1.0},
        say("Done."),
        write("pathspec/count.py", RIGHT),
        say("Mended."),
    ),
    task_rule("# Task docs:", bash("echo 'count_matches is new.' >> CHANGES.rst"), say("Done.")),
    task_rule("# Task export:", bash("echo 'from .count import count_matches' >> pathspec/__init__.py"), say("Done.")),
)


def snapshot(repo: Path) -> dict[str, str]:
    """Every byte of the checkout that is the user's: files, HEAD, index, configuration, branch."""
    own = [repo / ".git" / name for name in ("HEAD", "index", "config", "packed-refs")]
    files = [p for p in repo.rglob("*") if p.is_file() and ".git" not in p.relative_to(repo).parts]
    state = {str(p.relative_to(repo)): hashlib.sha256(p.read_bytes()).hexdigest() for p in (*files, *own) if p.exists()}
    return state | {"main": run_git(repo, "rev-parse", "main"), "stash": run_git(repo, "stash", "list")}


def test_idea_to_merged_code_and_back_on_a_real_package_over_rest(tmp_path: Path) -> None:
    repo = public_package.clone(tmp_path / "somebody else's päckage")
    (repo / "scratch.txt").write_text("mine, not committed\n")
    (repo / "README.rst").write_text((repo / "README.rst").read_text() + "\nMy own unfinished line.\n")
    before = snapshot(repo)
    with (
        ScriptedServer(SCRIPT) as model,
        AppProcess(tmp_path / "data", ANTHROPIC_BASE_URL=model.url, ANTHROPIC_API_KEY=DUMMY_KEY) as app,
        app.client() as api,
        app.events() as events,
    ):
        created = api.post("/api/sessions", json={
            "title": "Count", "description": "Count how many paths match.", "repo_path": str(repo),
            "agent_config": {"permission_mode": "auto"},
        })  # fmt: skip
        assert created.status_code == 201
        base = f"/api/sessions/{created.json()['id']}"
        api.post(f"{base}/start").raise_for_status()
        events.until("message", role="ai", status="complete")
        assert api.get(base).json()["idea_card"]["goals"] == ["Count what matches"]
        assert api.post(f"{base}/plan").status_code == 202
        events.until("state_changed", to="plan_review")
        assert len(api.get(f"{base}/plan").json()["plan"]["tasks"]) == 3
        api.post(f"{base}/plan/approve").raise_for_status()
        events.until("state_changed", to="completed")

        tasks = {t["key"]: t for t in api.get(f"{base}/tasks").json()["items"]}
        assert {k: t["status"] for k, t in tasks.items()} == dict.fromkeys(("count", "docs", "export"), "completed")
        assert tasks["count"]["attempt"] == 2
        workers = api.get(f"{base}/workers").json()["items"]
        first, second = (next(w for w in workers if w["task_id"] == tasks[k]["id"]) for k in ("count", "docs"))
        assert first["started_at"] < second["ended_at"]
        assert second["started_at"] < first["ended_at"]
        runs = api.get(f"{base}/evidence").json()["items"]
        of_count = [r["passed"] for r in runs if r["task_id"] == tasks["count"]["id"] and r["phase"] == "task"]
        assert of_count == [False, True]
        assert [r["passed"] for r in runs if r["phase"] == "validation"] == [True]
        assert snapshot(repo) == before
        assert api.get("/api/approvals", params={"session_id": created.json()["id"]}).json()["items"] == []
        assert api.get(base).json()["agent_config"]["permission_mode"] == "sandboxed"

        merged = api.post(f"{base}/merge", json={}).raise_for_status().json()
        assert merged["merged"]
        assert "count_matches" in (repo / "pathspec" / "__init__.py").read_text()
        assert (repo / "scratch.txt").read_text() == "mine, not committed\n"
        assert (repo / "README.rst").read_text().endswith("My own unfinished line.\n")
        files = run_git(repo, "diff", "--name-only", before["main"], "main").split()
        assert files == ["CHANGES.rst", "pathspec/__init__.py", "pathspec/count.py", "tests/test_count.py"]

        api.post(f"{base}/unmerge").raise_for_status()
        after = snapshot(repo)
        # The index knows the files by their times too, and those were written anew.
        assert {**after, ".git/index": ""} == {**before, ".git/index": ""}
        assert run_git(repo, "status", "--porcelain").split("\n") == [" M README.rst", "?? scratch.txt"]
