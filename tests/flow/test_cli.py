"""The ``maestro`` command: its words, its exit codes, and the apps it finds or starts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from maestro import instance
from maestro.cli import app as maestro
from maestro.cli import words
from maestro.cli.connection import Api
from maestro.cli.drive import WAITS, Driver
from maestro.core.commands import preferences
from maestro.core.kernel.runtime import open_runtime
from maestro.db import models
from maestro.demo.server import ScriptedServer
from maestro.settings import LoadedSettings
from tests.app_process import ROOT, AppProcess
from tests.browser.seeds import add, finished_repo, seed_session, seeding, task, tasks_of
from tests.repos import commit, make_repo, run_git
from tests.scripted import DUMMY_KEY, call, error, say, scenario, task_rule, write

PLAN = {
    "summary": "One file.",
    "checks": ["test -s made.txt"],
    "tasks": [{"id": "t1", "title": "Make the file", "files": ["made.txt"], "checks": ["grep -q right made.txt"]}],
}
TALK = {"match": {"has_tool": "update_idea_card"}, "reply": "Understood."}
PLANNING = {"match": {"tool_schema_has": "tasks"}, "steps": [[call("submit_plan", **PLAN)]]}


class Cli:
    """``maestro`` on one data folder with a scripted model."""

    def __init__(self, folder: Path, base_url: str | None = None) -> None:
        self.data = folder / "data"
        self.repo = make_repo(folder / "repo", {"README.md": "hello\n", ".gitignore": ".env\n"})
        self.environment = {"MAESTRO_DATA_DIR": str(self.data)}
        if base_url:
            self.environment |= {"ANTHROPIC_BASE_URL": base_url, "ANTHROPIC_API_KEY": DUMMY_KEY}

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(maestro, arguments, env=self.environment)

    def run(self, *more: str) -> Result:
        return self("run", "--repo", str(self.repo), "--idea", "Make the file", *more)

    def sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self("list", "--json").stdout)["items"]
        return found


@pytest.fixture
def scripted(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Cli]:
    """A command line whose model follows the rules given as the fixture's parameter."""
    with ScriptedServer(scenario(*request.param)) as server:
        yield Cli(tmp_path, server.url)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cli, AppProcess]]:
    """A command line beside a running app."""
    folder = tmp_path_factory.mktemp("cli")
    cli = Cli(folder)
    with AppProcess(cli.data, home=folder / "home", MAESTRO_ASSISTANT="demo") as app:
        yield cli, app


RIGHT = (TALK, PLANNING, task_rule("# Task t1", write("made.txt", "right\n"), say("Done.")))
UNPROVABLE = {
    "match": {"tool_schema_has": "tasks"},
    "steps": [[call("submit_plan", **PLAN | {"checks": ["frobnicate"]})]],
}
STUCK = (TALK, UNPROVABLE, RIGHT[-1])
WRONG = (TALK, PLANNING, task_rule("# Task t1", *[write("made.txt", "wrong\n"), say("Done.")] * 5))

TESTS = "def test_one():\n    assert 1\n\n\ndef test_two():\n    assert 2\n"
SKIPPED = "import pytest\n\n\n" + TESTS.replace("def test_two", "@pytest.mark.skip\ndef test_two")
TESTED = PLAN | {
    "checks": ["python -m pytest -q"],
    "tasks": [
        {"id": "t1", "title": "Make it", "files": ["made.txt", "test_calc.py"], "checks": ["python -m pytest -q"]}
    ],
}
LINKS = (TALK, PLANNING, task_rule("# Task t1", call("Bash", command="ln -s /etc/hostname made.txt"), say("Done.")))
LINES = "One.\nTwo.\nThree."
SKIPS = (
    TALK,
    {"match": {"tool_schema_has": "tasks"}, "steps": [[call("submit_plan", **TESTED)]]},
    task_rule("# Task t1", write("made.txt", "x\n"), write("test_calc.py", SKIPPED), say(LINES)),
)


@pytest.mark.parametrize("scripted", [RIGHT], indirect=True)
def test_from_an_idea_to_a_merge_without_a_browser_and_without_a_running_app(scripted: Cli) -> None:
    (scripted.repo / ".env").write_text("KEY=1")
    before = run_git(scripted.repo, "rev-parse", "main")

    ran = scripted.run("--yes", "--json")
    assert ran.exit_code == 0, ran.stderr
    assert "Found, but not used in worktrees: /.env." in ran.stderr
    report = json.loads(ran.stdout)  # one object and nothing else
    assert (report["status"], report["exit_code"], report["reason"]) == ("completed", 0, None)
    assert "✓ t1" in ran.stderr
    assert instance.holder(scripted.data) is None  # the app it started is gone
    assert run_git(scripted.repo, "rev-parse", "main") == before

    merged = scripted("merge", report["id"][:8])
    assert merged.exit_code == 0, merged.stderr
    assert (scripted.repo / "made.txt").read_text() == "right\n"


@pytest.mark.parametrize("scripted", [WRONG], indirect=True)
def test_a_task_that_never_passes_its_check_ends_in_1(scripted: Cli) -> None:
    scripted.environment["MAESTRO_MAX_ATTEMPTS"] = "1"
    ran = scripted.run("--yes", "--json")

    assert ran.exit_code == 1
    report = json.loads(ran.stdout)
    assert report["status"] == "failed"
    assert "t1" in report["reason"]


def test_templates_are_imported_exported_and_deleted(running: tuple[Cli, AppProcess], tmp_path: Path) -> None:
    cli, _app = running
    file = tmp_path / "mine.toml"
    file.write_text('title = "Mine"\nworkers = 1\n')
    refused = cli("templates", "--import", str(file))
    assert (refused.exit_code, "Line 2, workers" in refused.stderr) == (2, True)
    file.write_text('title = "Mine"\n')
    added = cli("templates", "--import", str(file))
    assert added.exit_code == 0, added.stderr
    assert re.search(r"mine +own +Mine", added.stdout)
    assert cli("templates", "--export", "mine").stdout == 'title = "Mine"\n'
    assert "mine" not in cli("templates", "--delete", "mine").stdout
    assert cli("templates", "--delete", "bugfix").exit_code == 1
    assert cli("templates", "--import", str(tmp_path / "none.toml")).exit_code == 2


def test_comments_wait_and_what_cannot_go_on_says_why(running: tuple[Cli, AppProcess], tmp_path: Path) -> None:
    cli, app = running
    branch = "maestro/cli/main"
    repo, head = finished_repo(tmp_path / "work", branch, {"src/app.py": "def main():\n    return 2\n"})
    with seeding(cli.data) as rt:
        done = {"status": "completed", "session_branch": branch, "session_commit": head}
        session = seed_session(rt, repo, tasks=[task("t1", "Two", status="completed")], **done)
    short = session.id[:8]
    refused = cli("comment", short, "Why?", "--file", "src/app.py", "--line", "9")
    assert (refused.exit_code, refused.stderr.strip()) == (2, "“src/app.py” has 2 lines.")
    added = cli("comment", short, "Why two?", "--file", "src/app.py", "--line", "2")
    assert added.stdout == f"src/app.py:2: Why two?\nSend them: maestro continue {short}\n"
    newer = cli("update", short)
    assert (newer.exit_code, newer.stderr.strip()) == (1, "The session already holds everything on main.")
    assert cli("update", short, "--target", "none").exit_code == 2
    assert cli("merge", short).exit_code == 0
    merged = cli("continue", short, "-m", "More.")
    assert (merged.exit_code, "follow-up session" in merged.stderr) == (1, True)
    with app.client() as api:
        (waiting,) = api.get(f"/api/sessions/{session.id}/comments", params={"waiting": True}).json()["items"]
        one = f"/api/sessions/{session.id}/comments/{waiting['id']}"
        assert api.patch(one, json={"body": "  "}).status_code == 422
        assert api.patch(one, json={"body": "Three."}).json()["body"] == "Three."
        made = api.post(f"/api/sessions/{session.id}/follow-up-session", json={"description": "On."}).json()
        assert (made["follows_id"], made["status"], "Three." in made["description"]) == (session.id, "idle", True)
        assert api.delete(one).status_code == 409  # it went along
        for each in (made["id"], session.id):
            api.delete(f"/api/sessions/{each}").raise_for_status()


def test_yes_does_not_raise_a_budget(running: tuple[Cli, AppProcess]) -> None:
    cli, app = running
    with seeding(cli.data) as rt:  # as a run leaves it whose calls are used up
        session = seed_session(rt, cli.repo, status="paused", tasks=[task("t1", "Make the file", status="running")])
        add(rt, models.Approval(session_id=session.id, kind="budget", title="The budget for this session is used up"))
    with app.client() as api:
        ended = Driver(Api(app.origin, app.token), session.id, yes=True, say=print).run()
        assert ended.code == WAITS
        assert "budget" in str(ended.reason)
        assert re.search(r"maestro approve [0-9a-f]{8}$", str(ended.reason))  # one question, by its own id
        asked = api.get("/api/approvals", params={"session_id": session.id}).json()["items"]
        assert [a["status"] for a in asked] == ["pending"]
        cancelled = cli("cancel", session.id[:8])
        assert cancelled.exit_code == 0, cancelled.output
        api.delete(f"/api/sessions/{session.id}").raise_for_status()


@pytest.mark.parametrize("scripted", [STUCK], indirect=True)
def test_yes_mends_no_surroundings_and_waits_for_who_does(scripted: Cli) -> None:
    ran = scripted.run("--yes", "--json")
    assert ran.exit_code == 3, ran.stderr
    report = json.loads(ran.stdout)
    assert (report["status"], "frobnicate was not found" in report["reason"]) == ("validating", True)


@pytest.mark.parametrize("scripted", [SKIPS], indirect=True)
def test_yes_never_accepts_a_test_that_no_longer_runs_and_what_you_accept_is_told(scripted: Cli) -> None:
    commit(scripted.repo, {"test_calc.py": TESTS})
    ran = scripted.run("--yes", "--json")
    assert ran.exit_code == 3, ran.stderr
    report = json.loads(ran.stdout)
    assert "Tests are missing" in report["reason"]
    assert report["session"]["result"] is None
    short = report["id"][:8]

    environment = {k: v for k, v in scripted.environment.items() if k.startswith("ANTHROPIC")}
    with AppProcess(scripted.data, **environment) as app, app.events(None) as events:
        assert scripted("approve", short).exit_code == 0
        events.until("state_changed", session_id=report["id"], to="completed")
        with app.client() as api:
            result = api.get(f"/api/sessions/{report['id']}").json()["result"]
            whole = api.get(f"/api/sessions/{report['id']}/evidence").json()
        assert (result["proven"], result["skipped_tests"], result["lost_tests"]) == (False, 1, 0)
        assert "test_calc::test_two" in result["proven_but"][0]
        assert whole["total"]
        shown = scripted("show", short).stdout
        assert "proof       Not proven: `python -m pytest -q`: 1 test is skipped" in shown
        assert "      0  " in shown
        assert "Start of the session" in shown
        assert "      1  " in shown
        assert json.loads(scripted("show", short, "--json").stdout)["checkpoints"][1]["number"] == 1
        lines, whole_log = scripted("logs", short), scripted("logs", short, "--full")
        with app.client() as api:
            rows = len(api.get(f"/api/sessions/{report['id']}/logs", params={"limit": 100}).json()["items"])
        assert len(lines.stdout.splitlines()) == rows < len(whole_log.stdout.splitlines())


@pytest.mark.parametrize("scripted", [LINKS], indirect=True)
def test_yes_lets_no_link_to_this_machine_into_commits(scripted: Cli) -> None:
    ran = scripted.run("--yes", "--json")
    assert ran.exit_code == 3, ran.stderr
    report = json.loads(ran.stdout)
    assert "committed links that lead out of the repository: made.txt -> " in report["reason"]
    assert "Answer with: maestro approve" in report["reason"]


def test_what_an_agent_asks_is_shown_and_answered_with_words(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    with seeding(cli.data) as rt:
        rows = [task(f"t{n}", "Do it", status="waiting") for n in range(3)]
        session = seed_session(rt, cli.repo, status="paused", tasks=rows)
        of = {"session_id": session.id, "title": "Which one?"}
        ids = {key: row.id for key, row in tasks_of(rt, session).items()}
        asked = {"words": "Either a or b.\nWhich one?"}
        add(rt, models.Approval(id="q", kind="agent_question", task_id=ids["t0"], detail=asked, **of))
        offered = {"missing_setup": ["npm ci"], "what": "nothing proven", "items": ["x"]}
        add(rt, models.Approval(id="s", kind="infrastructure", task_id=ids["t1"], detail=offered, **of))
        add(rt, models.Approval(id="d", kind="outside_files", task_id=ids["t2"], detail={"items": ["x"]}, **of))
        other = seed_session(rt, cli.repo, status="paused", tasks=[task("t1", "Do it", status="waiting")])
        denied = {"session_id": other.id, "task_id": tasks_of(rt, other)["t1"].id, "title": "Outside?"}
        add(rt, models.Approval(id="n", kind="outside_files", detail={"items": ["x"]}, **denied))
    short = session.id[:8]
    with AppProcess(cli.data, home=tmp_path / "home", MAESTRO_ASSISTANT="demo") as app, app.client() as api:
        shown = cli("show", short).stdout
        assert "Either a or b.\n" in shown
        assert 'maestro answer q "…"' in shown
        assert "npm ci\n" in shown
        assert "maestro approve s --setup" in shown
        several = cli("approve", short, "-m", "Take b")
        assert several.exit_code == 1
        assert {"q  Which one?", "s  Which one?", "d  Which one?"} <= set(several.stdout.splitlines())
        assert cli("approve", "q").exit_code == 2  # an answer needs words
        for question, more in (("q", ()), ("s", ("--setup",)), ("d", ())):
            done = cli("approve", question, "-m", "Take b", *more)
            assert (done.exit_code, done.stdout.count("Allowed: ")) == (0, 1), done.output
        answered = cli("deny", other.id[:8], "-m", "No").stdout
        assert answered.startswith("Question n: Outside?")
        assert answered.endswith("Denied: Outside?\n")
        assert cli("deny", other.id[:8]).exit_code == 1
        assert api.get(f"/api/sessions/{session.id}").json()["agent_config"]["setup"] == ["npm ci"]
        words = {a["id"]: a["message"] for a in api.get("/api/approvals", params={"limit": 50}).json()["items"]}
        assert words == {"q": "Take b", "s": "Take b", "d": "Take b", "n": "No"}


@pytest.mark.parametrize("scripted", [RIGHT], indirect=True)
def test_without_yes_it_stops_at_the_plan_with_3_and_says_how_to_go_on(scripted: Cli) -> None:
    ran = scripted.run("--json")

    assert ran.exit_code == 3
    assert "Plan: 1 task." in ran.stderr
    report = json.loads(ran.stdout)
    short = report["id"][:8]
    assert (report["status"], report["exit_code"]) == ("plan_review", 3)
    assert f"maestro approve {short}" in report["reason"]
    assert "reports pass or fail only" in report["reason"]
    assert "reports pass or fail only" in scripted("show", short).stdout
    assert "approved" in scripted("approve", short, "--no-start").stdout


@pytest.mark.parametrize(
    "scripted", [({"match": {}, "steps": [error(401, "authentication_error", "bad key")]},)], indirect=True
)
def test_a_refused_key_ends_in_1_with_the_reason(scripted: Cli) -> None:
    ran = scripted.run("--yes", "--json")

    assert ran.exit_code == 1
    report = json.loads(ran.stdout)
    assert report["exit_code"] == 1
    assert "key" in report["reason"].lower()


def test_usage_errors_end_in_2(running: tuple[Cli, AppProcess]) -> None:
    cli, _ = running
    repo = str(cli.repo)
    for arguments in (
        ["run", "--repo", repo],
        ["run", "--repo", repo, "--idea", "  "],
        ["run", "--repo", "/no/such/repository", "--idea", "x"],
        ["run", "--repo", repo, "--idea", "x", "--template", "no-such-template"],
        ["run", "--repo", repo, "--idea", "x", "--surprise"],
        ["show"],
        ["show", "0000"],
        ["cancel", ""],
        ["cancel", "0"],
        ["rollback", "0000"],
        ["nonsense"],
    ):
        ended = cli(*arguments)
        assert ended.exit_code == 2, arguments
        assert ended.stderr
        assert "Traceback" not in ended.stderr
    assert cli.sessions() == []


def test_it_drives_the_running_app(running: tuple[Cli, AppProcess]) -> None:
    cli, app = running
    with app.client() as api:
        created = api.post("/api/sessions", json={"repo_path": str(cli.repo), "title": "Beside the app"}).json()
    short = created["id"][:8]

    assert "Beside the app" in cli("list").stdout
    assert "Starting Maestro" not in cli("list").stderr
    shown = cli("show", short)
    assert created["id"] in shown.stdout
    assert json.loads(cli("show", created["id"].upper(), "--json").stdout)["id"] == created["id"]
    for nothing in ("", short[:3]):  # an unset variable in a script names nobody
        assert cli("cancel", nothing).exit_code == 2
    assert cli("logs", short).exit_code == 0

    refused = cli("pause", short)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "idle" in refused.stderr
    assert cli("approve", short).exit_code == 1
    assert cli("cancel", short, "--reason", "not needed").exit_code == 0
    assert "not needed" in cli("show", short).stdout
    assert cli("logs", short, "-f").exit_code == 0  # it is over, so following ends
    with app.client() as api:
        api.delete(f"/api/sessions/{created['id']}").raise_for_status()


def test_what_worktrees_need_is_shown_and_used_from_then_on(running: tuple[Cli, AppProcess], tmp_path: Path) -> None:
    cli, app = running
    repo = make_repo(tmp_path / "r", {".gitignore": ".env\n", "Makefile": "test:\n\ttrue\n", "mix.lock": ""})
    (repo / ".env").write_text("A=1")
    shown = cli("environment", str(repo))
    assert shown.exit_code == 0, shown.stderr
    assert "  · copy   /.env  (.env is in your checkout and ignored by git)" in shown.stdout
    assert "  · run    mix deps.get  (mix.lock is in the repository; mix is not on PATH)" in shown.stdout

    used = cli("environment", str(repo), "--use")
    assert "  ✓ copy   /.env" in used.stdout
    assert "  · run    mix deps.get" in used.stdout
    with app.client() as api:
        created = api.post("/api/sessions", json={"repo_path": str(repo)}).json()
        assert created["agent_config"]["copy_files"] == ["/.env"]
        assert "setup" not in created["agent_config"]
        follow = [sys.executable, "-m", "maestro", "logs", created["id"], "-f", "--data-dir", str(cli.data)]
        with subprocess.Popen(follow, cwd=ROOT, env=app.environment, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout
            assert "Setup remembered" in following.stdout.readline()  # it listens now
            api.delete(f"/api/sessions/{created['id']}").raise_for_status()
            assert following.wait(30) == 0  # nothing more can come
    assert cli("environment", "/no/such/repository").exit_code == 2


def test_a_folder_gets_its_first_commit_once_it_is_asked_for(running: tuple[Cli, AppProcess], tmp_path: Path) -> None:
    cli, _ = running
    (tmp_path / "new").mkdir()
    (tmp_path / "new/.env").write_text("KEY=1\n")
    asked = cli("first-commit", str(tmp_path / "new"))  # nobody answers
    assert asked.exit_code == 1, asked.stderr
    assert "git init makes it one" in asked.stdout
    assert "may hold secrets" in asked.stdout
    assert not (tmp_path / "new/.git").exists()
    assert cli("first-commit", str(tmp_path / "new"), "--yes").exit_code == 0
    assert run_git(tmp_path / "new", "ls-tree", "--name-only", "main") == ".env"
    assert "already has a commit" in cli("first-commit", str(tmp_path / "new"), "--yes").stderr


def test_python_dash_m_maestro_is_the_command() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "maestro", "nonsense"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "nonsense" in ended.stderr


def test_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    seen = cli("doctor")

    assert seen.exit_code == 1  # no key, no login
    assert "✓ git 2." in seen.stdout
    assert "✓ Claude Code" in seen.stdout
    assert "✗ no model is configured" in seen.stdout
    assert "ANTHROPIC_API_KEY" in seen.stdout
    assert re.search(r"✓ Python: python3 3\.\d+", seen.stdout)
    rt = open_runtime(LoadedSettings({"data_dir": cli.data}, environment={}, dotenv=None))
    preferences.change_settings(rt, {"anthropic_base_url": "http://127.0.0.1:9"})
    assert "✗" not in cli("doctor").stdout
    preferences.change_settings(rt, {"anthropic_base_url": None})
    rt.db.close()
    cli.environment["ANTHROPIC_API_KEY"] = DUMMY_KEY
    well = cli("doctor")
    assert (well.exit_code, "✗" in well.stdout) == (0, False)


def test_doctor_knows_tool_chains_and_what_a_repository_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    scripts = {
        "node": "echo v20.11.1",
        "go": '[ "$1" = version ] && echo go version go1.22.3 linux/amd64',
        "java": "echo 'openjdk version \"21.0.2\"' >&2",
        "cargo": "echo 'asdf: no version is set' >&2; exit 126",  # a shim
    }
    tools.mkdir()
    for name, script in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    (tools / "git").symlink_to(str(shutil.which("git")))
    (tools / "sh").symlink_to("/bin/sh")
    cli = Cli(tmp_path)
    commit(cli.repo, {"mix.exs": "", "mix.lock": "", "Cargo.toml": '[package]\nname = "a"\n', "go.mod": "module x\n"})
    monkeypatch.setenv("PATH", str(tools))
    seen = cli("doctor", "--repo", str(cli.repo))
    assert "✓ JavaScript: node 20.11.1\n" in seen.stdout
    assert "✓ Go: go 1.22.3\n" in seen.stdout
    assert "✓ Java: java 21.0.2\n" in seen.stdout
    assert "· Rust: cargo (does not run)\n" in seen.stdout
    assert re.search(r"· not on PATH, for repositories that need it: .*Elixir", seen.stdout)
    assert re.search(r"✗ mix deps\.get  \(mix\.lock .*; mix is not on PATH\)\n    Install it", seen.stdout)
    assert re.search(r"✗ cargo test .*cargo does not run\)", seen.stdout)
    assert re.search(r"✓ go (test|vet|build|mod)", seen.stdout)
    assert seen.exit_code == 1
    assert "✗" in cli("doctor", "--repo", str(tmp_path)).stdout


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("one", "one"),
        ("one\n", "one"),
        ("one\ntwo", "one (+1 line)"),
        ("\none\r\ntwo\nthree\n", "one (+2 lines)"),
        ("x" * 5_000, "x" * 300 + "…"),
        ("", ""),
    ],
)
def test_a_log_row_is_one_line(message: str, line: str) -> None:
    row = {"timestamp": "2026-01-01T00:00:00+00:00", "source": "W-1", "level": "info", "message": message}
    assert words.log_line(row).partition("W-1")[2].strip() == line
    assert words.log_line(row, full=True).count("\n") == message.rstrip().count("\n")


def test_settings_are_shown_and_changed_and_the_policy_takes_one_more_answer(running: tuple[Cli, AppProcess]) -> None:
    cli, _app = running
    assert "as the permission mode says" in cli("settings", "policy").stdout
    assert cli("settings", "max_workers", "2").stdout.startswith("2\n")
    assert cli("settings", "max_workers", "--default").stdout.startswith("3\n")
    assert "ask install" in cli("settings", "policy", "balanced; deny push").stdout
    added = cli("settings", "policy", "--add", "allow network example.org").stdout.splitlines()
    assert {"deny push", "allow network example.org"} <= {*added}
    wrong = cli("settings", "policy", "--add", "allow command python *")
    assert (wrong.exit_code, "without a wildcard" in wrong.stderr) == (2, True), wrong.stderr
    assert cli("settings", "frob").exit_code != 0
    assert cli("settings", "--default").exit_code == 2
    assert json.loads(cli("settings", "policy", "--json").stdout)["value"]["push"] == "deny"
    assert "max_workers" in cli("settings").stdout
    assert cli("settings", "policy", "--default").exit_code == 0
