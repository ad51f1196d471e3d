"""Trust in a repository: what would run its code waits for an answer, which is about what was shown and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from maestro.confinement import probing
from maestro.core import queries
from maestro.core.commands import approvals, sessions, trials
from maestro.core.commands.environments import remember_environment
from maestro.core.commands.trust import decide_on_repository
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.core.planning import trust
from maestro.core.tasks import prompts
from maestro.core.views import ApprovalView
from maestro.core.workspaces.environ import place_environment
from maestro.core.workspaces.repository_environment import Environment
from maestro.demo.server import ScriptedServer
from maestro.errors import InvalidInput, NotAllowed
from maestro.settings import LoadedSettings
from maestro.worktrees import agents_git, what_runs
from tests.app_process import ROOT, clean_environment
from tests.engine import Engine, engine
from tests.repos import commit, make_repo, run_git
from tests.scripted import call, say, scenario, task_rule, write

PLAN = {
    "summary": "One file.",
    "checks": ["sh check.sh"],
    "tasks": [{"id": "t1", "title": "Make it", "files": ["made.txt", "Makefile"], "checks": ["test -s made.txt"]}],
}
MAKES = scenario(task_rule("# Task t1", write("made.txt", "x\n"), say("Done.")))


def hostile(folder: Path, **more: str | bytes) -> Path:
    """A repository whose set-up, checks and test settings leave a mark beside it."""
    ran = f"echo ran >> {folder}/ran\n"
    return make_repo(
        folder / "repo",
        {"check.sh": ran, "setup.sh": ran, "Makefile": f"all:\n\t{ran}", "README.md": "hello\n", **more},
    )


def asked(running: Engine) -> ApprovalView:
    event = running.until("approval_requested", kind="trust")
    return queries.get_approval(running.rt, event.payload["approval_id"])


def runtime(folder: Path, **settings: object) -> Runtime:
    return open_runtime(LoadedSettings({"data_dir": folder / "data", "trust": "ask", **settings}, environment={}))


def test_nothing_of_a_repository_runs_before_the_answer_and_a_yes_is_remembered(tmp_path: Path) -> None:
    repo = hostile(tmp_path)
    with engine(tmp_path, MAKES, trust="ask") as running:
        session = running.run(repo, PLAN, setup=["sh setup.sh"])
        question = asked(running)
        assert question.title.startswith("Do you trust this repository?")
        assert [r["name"] for r in question.detail["runs"]] == ["Makefile"]
        assert f"{tmp_path}/ran" in question.detail["runs"][0]["text"]
        running.rt.wake()
        assert not (tmp_path / "ran").exists()
        assert queries.list_workers(running.rt, session.id) == []

        approvals.decide(running.rt, question.id, "allow")
        running.until("state_changed", to="completed")
        assert (tmp_path / "ran").exists()

        again = running.run(repo, PLAN)
        running.until("state_changed", to="completed")
        assert running.get(again.id).status == "completed"
        assert len([e for e in running.seen if e.type == "approval_requested"]) == 1


def test_a_no_runs_nothing_and_says_the_way_on(tmp_path: Path) -> None:
    repo = hostile(tmp_path)
    with engine(tmp_path, MAKES, trust="ask") as running:
        session = running.run(repo, PLAN, setup=["sh setup.sh"])
        approvals.decide(running.rt, asked(running).id, "deny")
        running.until("state_changed", to="failed")
        assert f"maestro trust {repo}" in (running.get(session.id).error_message or "")
        assert not (tmp_path / "ran").exists()
        assert trust.view(running.rt, str(repo)).trust == "no"


def test_what_a_worker_changes_of_that_which_runs_is_asked_about_before_its_checks(tmp_path: Path) -> None:
    repo = hostile(tmp_path)
    script = scenario(
        task_rule("# Task t1", write("made.txt", "x\n"), write("Makefile", "all:\n\tcurl evil\n"), say("Done."))
    )
    with engine(tmp_path, script, trust="ask") as running:
        decide_on_repository(running.rt, str(repo), "trusted")
        session = running.run(repo, PLAN)
        question = asked(running)
        assert question.task_key == "t1"
        assert [r["name"] for r in question.detail["runs"]] == ["Makefile"]
        assert "curl evil" in question.detail["runs"][0]["text"]
        assert running.task(session.id, "t1").status == "waiting"
        approvals.decide(running.rt, question.id, "allow")
        running.until("state_changed", to="completed")


def test_a_pull_withdraws_the_answer_for_what_it_changed_only(tmp_path: Path) -> None:
    repo = hostile(
        tmp_path, **{"package.json": '{"scripts": {"test": "node t"}, "version": "1"}', "sub/conftest.py": ""}
    )
    rt = runtime(tmp_path)
    assert trust.view(rt, str(repo)).in_force is None
    assert decide_on_repository(rt, str(repo), "trusted").in_force == "trusted"

    commit(repo, {"src.py": "x = 1\n", "package.json": '{"scripts": {"test": "node t"}, "version": "2"}'})
    assert trust.view(rt, str(repo)).in_force == "trusted"

    commit(repo, {"package.json": '{"scripts": {"test": "curl evil"}}', "sub/conftest.py": "import os\n"})
    found = trust.view(rt, str(repo))
    assert (found.trust, found.in_force, found.changed) == ("trusted", None, ["package.json", "sub/conftest.py"])
    assert [r.name for r in found.runs if r.new] == found.changed

    run_git(repo, "revert", "--no-edit", "HEAD")
    assert trust.view(rt, str(repo)).in_force == "trusted"
    run_git(repo, "config", "core.fsmonitor", "evil")
    assert trust.view(rt, str(repo)).changed == ["git: core.fsmonitor"]
    rt.db.close()


def test_looking_finds_what_would_run_and_runs_none_of_it(tmp_path: Path) -> None:
    ran = f"touch {tmp_path}/ran"
    repo = hostile(
        tmp_path,
        **{
            ".claude/settings.json": json.dumps({"hooks": {"Stop": [{"hooks": [{"command": ran}]}]}}),
            ".claude/hooks/stop.sh": ran,
            ".mcp.json": "{}",
            ".envrc": ran,
            ".gitattributes": "*.txt filter=evil\n*.md text\n",
            ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = https://user:secret@example.org/x\n',
            "a/b/conftest.py": ran,
            ".husky/pre-commit": ran,
            ".github/workflows/ci.yml": "on: push\n",
            "pyproject.toml": '[project]\nname = "x"\n[tool.pytest.ini_options]\naddopts = "-p evil"\n',
        },
    )
    for name in ("core.fsmonitor", "filter.evil.clean", "diff.x.textconv", "alias.st"):
        run_git(repo, "config", name, ran)
    hook = repo / ".git/hooks/post-index-change"
    hook.write_text(f"#!/bin/sh\n{ran}\n")
    hook.chmod(0o755)
    (tmp_path / "ran").unlink(missing_ok=True)  # git itself ran some while the test made them

    head = (repo / ".git/refs/heads/main").read_text().strip()
    found = what_runs.survey(repo, head)
    shown = {r.name: r.text for r in what_runs.with_text(repo, head, found)}
    assert not (tmp_path / "ran").exists()
    assert set(found) == {
        ".claude/settings.json", ".claude/hooks/stop.sh", ".mcp.json", ".envrc", ".gitattributes", ".gitmodules",
        "a/b/conftest.py", ".husky/pre-commit", "pyproject.toml", "Makefile", "git: core.fsmonitor",
        "git: filter.evil.clean", "git: diff.x.textconv", "git: alias.st", "git hook: post-index-change",
    }  # fmt: skip
    assert shown[".gitattributes"] == "*.txt filter=evil"
    assert "-p evil" in shown["pyproject.toml"]
    assert "secret" not in shown[".gitmodules"]


#: What steers tests and builds, by a path and a line that says so; of the last ones a part only.
_STEERING = {
    "conftest.py": "x", "pkg/conftest.py": "x", "setup.cfg": "[tool:pytest]", "tox.ini": "[tox]", "noxfile.py": "x",
    "toxfile.py": "x", ".coveragerc": "[run]\nplugins = evil", "hatch_build.py": "x", "jest.config.ts": "x", "jest.setup.js": "x",
    ".pnpmfile.cjs": "x", ".yarnrc.yml": "yarnPath: evil", "yarn.config.cjs": "x", "pnpm-workspace.yaml": "x", ".babelrc": "{}",
    "web/tailwind.config.js": "x", ".mocharc.cjs": "x", "turbo.json": "{}", "deno.json": "{}",
    "build.gradle": "x", "gradle/deps.gradle": "x", "gradle/more.gradle.kts": "x", "gradle.properties": "x",
    "buildSrc/src/main/Evil.java": "x", "settings.gradle.kts": "x", "build.rs": "x", ".config/nextest.toml": "x",
    "Rakefile": "x", "lib/tasks/evil.rake": "x", ".rspec": "--require ./evil", "Guardfile": "x", "phpunit.xml": "x",
    "phpunit.dist.xml": "x", "tests/Pest.php": "x", "phpstan.neon": "x", "Makefile.PL": "x", ".proverc": "-Ievil",
    "Setup.hs": "x", ".Rprofile": "x", "config/test.exs": "x", "cmake/evil.cmake": "x", "SConstruct": "x", "nuget.config": "x",
}  # fmt: skip
_STEERING_PARTS = {
    "pyproject.toml": ("[project]\nname = 'x'\n", '[project.entry-points.pytest11]\nevil = "evil"\n'),
    "package.json": (
        '{"dependencies": {"x": "1"}}',
        '{"dependencies": {"x": "1"}, "pnpm": {"onlyBuiltDependencies": ["x"]}}',
    ),
    "Cargo.toml": ('[package]\nname = "x"\n', '[package]\nname = "x"\nbuild = "evil.rs"\n'),
    "pom.xml": ("<project><dependencies/></project>", "<project><build>evil</build></project>"),
    "go.mod": ("module x\n\nrequire y v1.0.0\n", "module x\n\ntoolchain evil\n"),
}


def test_what_steers_tests_and_builds_is_on_the_list(tmp_path: Path) -> None:
    everyday = {name: parts[0] for name, parts in _STEERING_PARTS.items()}
    repo = make_repo(
        tmp_path / "plain", {"shop.py": "x = 1\n", "tests/test_shop.py": "x\n", "README.md": "x\n"} | everyday
    )
    assert what_runs.survey(repo, "HEAD") == {}, "what changes with everyday work is asked about by nobody"
    steered = _STEERING | {name: parts[1] for name, parts in _STEERING_PARTS.items()}
    repo = make_repo(tmp_path / "steered", {name: f"{text}\n" for name, text in steered.items()})
    assert set(what_runs.survey(repo, "HEAD")) == set(steered)


def test_a_trial_waits_for_the_answer_too(tmp_path: Path) -> None:
    repo = hostile(tmp_path)
    rt = runtime(tmp_path)
    with pytest.raises(NotAllowed, match="maestro trust"):
        trials.begin_trial(rt, str(repo), Environment(setup=["sh setup.sh"]))
    assert not (tmp_path / "ran").exists()
    rt.db.close()


@pytest.mark.parametrize(("setting", "in_force"), [("ask", None), ("sandboxed", "sandboxed"), ("all", "trusted")])
def test_maestro_trust_answers_for_repositories_not_decided_on(
    tmp_path: Path, setting: str, in_force: str | None
) -> None:
    repo = hostile(tmp_path)
    rt = runtime(tmp_path, trust=setting)
    assert trust.view(rt, str(repo)).in_force == in_force
    assert decide_on_repository(rt, str(repo), "no").in_force == "no"
    rt.db.close()


def test_only_in_the_sandbox_holds_over_every_other_mode(tmp_path: Path) -> None:
    repo = hostile(tmp_path)
    with engine(tmp_path, MAKES, trust="ask") as running:
        session = running.session(repo, PLAN, permission_mode="bypass", trust_repository=True)
        decide_on_repository(running.rt, str(repo), "sandboxed")
        with running.rt.db.read() as db:
            from maestro.db import models

            row = db.get(models.Session, session.id)
        assert row is not None
        assert trust.may_run(running.rt, row)
        assert running.get(session.id).agent_config["permission_mode"] == "sandboxed"
        assert running.get(session.id).agent_config["trust_repository"] is False
        assert trust.instructions_are_material(running.rt, row)
    assert "<material>\nDo as I say.\n" in prompts.system_append("Do as I say.", material=True)


def test_yes_alone_does_not_answer_it_and_trust_does(tmp_path: Path) -> None:
    repo = hostile(tmp_path)
    plan = {"match": {"tool_schema_has": "tasks"}, "steps": [[call("submit_plan", **PLAN)]]}
    talk = {"match": {"has_tool": "update_idea_card"}, "reply": "Understood."}
    with ScriptedServer(scenario(talk, plan, task_rule("# Task t1", write("made.txt", "x\n"), say("Done.")))) as server:
        env = clean_environment(tmp_path / "home", MAESTRO_TRUST="ask", MAESTRO_DATA_DIR=str(tmp_path / "data"))
        env |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "sk-ant-x", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "maestro", "run", "--repo", str(repo), "--idea", "Make it", "--yes", "--json"]

        def run(*more: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run([*command, *more], env=env, capture_output=True, text=True, timeout=110, check=False)

        waits = run()
        assert waits.returncode == 3, waits.stderr
        assert f"maestro trust {repo}" in json.loads(waits.stdout)["reason"]
        assert not (tmp_path / "ran").exists()
        assert run("--trust").returncode == 0
        assert (tmp_path / "ran").exists()


def test_the_agent_s_own_git_runs_nothing_of_the_repository(tmp_path: Path) -> None:
    ran = f"touch {tmp_path}/ran"
    repo = make_repo(
        tmp_path / "repo", {"a.txt": "one\n", ".gitattributes": "*.txt diff=evil\n*.md diff=worse\n", "b.md": "x\n"}
    )
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\n{ran}\ncat $1\n")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "diff.evil.textconv", "diff.worse.command", "core.pager", "diff.external"):
        run_git(repo, "config", name, str(script))
    hook = repo / ".git/hooks/post-index-change"
    hook.write_text(f"#!/bin/sh\n{ran}\n")
    hook.chmod(0o755)
    (repo / "a.txt").write_text("two\n")
    (repo / "b.md").write_text("y\n")
    (tmp_path / "ran").unlink(missing_ok=True)
    told = place_environment(20000, agents_git.settings(repo))
    assert not (tmp_path / "ran").exists()
    said = [run_git(repo, *c, env=told) for c in (["status"], ["diff"], ["log", "-p"], ["show"], ["diff", "--stat"])]
    env = clean_environment(tmp_path / "h") | told
    command = ["sh", "-c", f"cd {repo} && git status && git diff"]
    nested = subprocess.run(command, env=env, check=True, capture_output=True)
    assert not (tmp_path / "ran").exists()
    assert "+two" in said[1]
    assert "+y" in said[1]
    assert b"+two" in nested.stdout
    run_git(repo, "diff")
    assert (tmp_path / "ran").exists()  # without what it is told it would


def test_the_card_shows_the_commands_of_set_up_and_checks(tmp_path: Path) -> None:
    repo = hostile(tmp_path)
    with engine(tmp_path, MAKES, trust="ask") as running:
        running.run(repo, PLAN, setup=["sh setup.sh"])
        shown = [(c["purpose"], c["command"]) for c in asked(running).detail["commands"]]
        assert shown == [("setup", "sh setup.sh"), ("check", "sh check.sh"), ("check of t1", "test -s made.txt")]
        remember_environment(running.rt, str(repo), Environment(setup=["sh setup.sh"], checks=["sh check.sh"]))
        remembered = trust.view(running.rt, str(repo)).commands
        assert [(c.purpose, c.command) for c in remembered] == [("setup", "sh setup.sh"), ("check", "sh check.sh")]


def test_only_in_the_sandbox_confines_set_up_and_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id").write_text("KEY")
    monkeypatch.setenv("HOME", str(home))
    steal = f"cat ~/.ssh/id; touch {tmp_path}/ran ~/ran; true\n"
    repo = make_repo(tmp_path / "repo", {"check.sh": steal, "setup.sh": steal})
    rt = runtime(tmp_path)
    decide_on_repository(rt, str(repo), "sandboxed")
    chosen = Environment(setup=["sh setup.sh"], checks=["sh check.sh"])
    trials.begin_trial(rt, str(repo), chosen)
    assert rt.jobs.wait_for([f"try:{repo}/.git"], 200)
    tried = trials.trial(rt, str(repo))
    assert [step.exit_code for step in tried.steps] == [0, 0]
    assert "KEY" not in "".join(step.output for step in tried.steps)
    assert not (tmp_path / "ran").exists()
    assert not (home / "ran").exists()
    rt.db.close()


def test_without_a_sandbox_only_in_the_sandbox_runs_nothing_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = hostile(tmp_path)
    with engine(tmp_path, MAKES, trust="ask") as running:
        decide_on_repository(running.rt, str(repo), "sandboxed")
        without = probing.Support(False, "bubblewrap is missing.", "sudo apt install bubblewrap")
        monkeypatch.setattr(probing, "available", lambda: without)
        session = running.run(repo, PLAN, setup=["sh setup.sh"])
        running.until("state_changed", to="failed")
        assert "sudo apt install bubblewrap" in (running.get(session.id).error_message or "")
        with pytest.raises(InvalidInput, match="sudo apt install bubblewrap"):
            decide_on_repository(running.rt, str(repo), "sandboxed")
        assert not trust.view(running.rt, str(repo)).sandbox
        with pytest.raises(NotAllowed, match="sudo apt install bubblewrap"):
            trials.begin_trial(running.rt, str(repo), Environment(setup=["sh setup.sh"]))
        assert not (tmp_path / "ran").exists()


def test_the_demos_repository_is_maestros_own_and_asks_nothing(tmp_path: Path) -> None:
    rt = runtime(tmp_path)
    session = sessions.create_demo(rt)
    assert trust.view(rt, session.repo_path).in_force == "trusted"
    trials.begin_trial(rt, session.repo_path, Environment(checks=["true"]))
    assert rt.jobs.wait_for([f"try:{session.repo_path}/.git"], 200)
    assert [step.exit_code for step in trials.trial(rt, session.repo_path).steps] == [0]
    rt.db.close()


def test_ordinary_tests_that_a_task_changed_are_told_where_they_run_as_the_user(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"check.sh": "true\n", "Makefile": "all:\n"})
    plan = PLAN | {"tasks": [PLAN["tasks"][0] | {"files": ["made.txt", "test_made.py", "Makefile"]}]}  # type: ignore[index]
    one = task_rule("# Task t1", write("made.txt", "x\n"), write("test_made.py", "x = 1\n"), say("Done."))
    with engine(tmp_path, scenario(one), trust="ask") as running:
        decide_on_repository(running.rt, str(repo), "trusted")
        session = running.run(repo, plan)
        running.until("state_changed", to="completed")
        told = [line.message for line in queries.list_logs(running.rt, session.id)]
        assert any(
            "run tests that the task changed, with your permissions: test_made.py" in message for message in told
        ), told
        assert not [e for e in running.seen if e.type == "approval_requested"]
