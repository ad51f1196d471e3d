"""Where checks run: outside of every project, and the base and the whole in the same kind of place as tasks."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.commands import control, environments
from maestro.core.integration import validation
from maestro.core.kernel import places
from maestro.core.kernel.runtime import open_runtime
from maestro.core.proving import checking
from maestro.core.supervisor import lifecycle
from maestro.core.workspaces.repository_environment import Environment
from maestro.errors import InvalidInput
from maestro.settings import LoadedSettings
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git, write_files

FILES: dict[str, str | bytes] = {
    "calc.py": "def add(a, b):\n    return a + b\n",
    "test_calc.py": "import calc\n\n\ndef test_add():\n    assert calc.add(2, 2) == 4\n",
    ".gitignore": "__pycache__/\n.pytest_cache/\n*.local\n",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", FILES)


def _projects_settings(folder: Path) -> None:
    """Options that the user's pytest does not know: it ends with an internal error wherever it reads them."""
    write_files(folder, {"pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--no-such-option"\n'})


def test_a_lie_is_caught_with_the_data_folder_inside_a_project(tmp_path: Path, repo: Path) -> None:
    project = tmp_path / "maestro"
    _projects_settings(project)
    check = "python -m pytest -q"
    with bench(project, repo, plan_of({"id": "t1", "checks": [check]}, checks=[check])) as b:
        b.measure_baseline()
        assert [r.exit_code for r in b.evidence("baseline")] == [0]
        task = b.work({"calc.py": "def add(a, b):\n    return a - b\n"})
        assert (task.status, task.attempt) == ("running", 2)
        assert not b.rt.worktrees.folder.is_relative_to(project)
        assert not (b.rt.data_dir / "worktrees").exists()
        assert Path(b.begin()).is_relative_to(b.rt.worktrees.folder / b.id)


def test_base_tasks_and_the_whole_are_measured_in_the_same_kind_of_place(tmp_path: Path, repo: Path) -> None:
    (repo / "key.local").write_text("secret\n")
    check = f'{{ pwd -P; cat key.local set-up.local; }} >> "{tmp_path}/seen"'
    plan = plan_of(
        {"id": "t1", "checks": [check]}, {"id": "a-test-of-the-build_of-everything", "checks": [check]}, checks=[check]
    )
    with bench(tmp_path, repo, plan, setup=["echo ready > set-up.local"], copy_files=["key.local"]) as b:
        b.measure_baseline()
        assert b.work({"a.txt": "a\n"}).status == "completed"
        made = b.begin("a-test-of-the-build_of-everything")
        write_files(made, {"helper.py": "1\n", "ignored.local": "x\n"})
        b.end("a-test-of-the-build_of-everything")
        assert b.land("a-test-of-the-build_of-everything").status == "completed"
        assert b.complete() == "completed"
    lines = (tmp_path / "seen").read_text().splitlines()
    folders = [Path(line) for line in lines[::3]]
    assert lines[1::3] == ["secret"] * len(folders)
    assert lines[2::3] == ["ready"] * len(folders)
    assert len(set(folders)) == 4  # the base, two tasks, the whole
    assert len({(folder.parent, len(str(folder))) for folder in folders}) == 1
    assert not any(folder.name.startswith(".") for folder in folders)


def test_a_worktree_that_an_earlier_version_made_is_worked_on_where_it_is(tmp_path: Path, repo: Path) -> None:
    project = tmp_path / "maestro"
    with bench(project, repo, plan_of({"id": "t1", "checks": ["grep -q more a.txt"]})) as b:
        new = b.begin()
        old = b.rt.data_dir / "worktrees" / b.id / "t1"
        old.parent.mkdir(parents=True, exist_ok=True)
        run_git(repo, "worktree", "move", str(new), str(old))
        write_files(old, {"a.txt": "more\n"})
        _projects_settings(project)  # from now on new ones go elsewhere
        b.reopen()
        assert not b.rt.worktrees.folder.is_relative_to(project)
        assert b.begin() == old
        b.end()
        assert b.land().status == "completed"
        assert not old.exists()
        assert "a.txt" in run_git(repo, "ls-tree", "--name-only", b.session.session_branch)


def test_sessions_go_on_where_their_worktrees_are_when_another_place_is_named(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": ["grep -q more a.txt"]}, {"id": "t2"})) as b:
        for name in ("one", "two"):
            b.rt.db.close()
            flags = {"data_dir": tmp_path / "data", "assistant": "demo", "worktrees_dir": tmp_path / name}
            b.rt = open_runtime(LoadedSettings(flags=flags, environment={}, dotenv=None))
            worktree = b.begin()
            assert worktree.is_relative_to(tmp_path / "one" / b.id)
        write_files(worktree, {"a.txt": "more\n"})
        b.end()
        assert b.land().status == "completed"
        assert b.begin("t2").is_relative_to(tmp_path / "two" / b.id)


def test_a_moved_data_folder_finds_its_worktrees_outside_again(tmp_path: Path, repo: Path) -> None:
    project = tmp_path / "maestro"
    _projects_settings(project)
    with bench(project, repo, plan_of({"id": "t1", "checks": ["grep -q more a.txt"]})) as b:
        worktree = b.begin()
        write_files(worktree, {"a.txt": "more\n"})
        b.reopen(at=tmp_path / "data")
        assert b.rt.worktrees.folder == tmp_path / "data" / "worktrees"
        assert b.begin() == worktree
        b.end()
        assert b.land().status == "completed"


def test_leftovers_of_one_installation_are_safe_from_another_that_names_the_same_place(
    tmp_path: Path, repo: Path
) -> None:
    shared = tmp_path / "shared"

    def of(name: str) -> LoadedSettings:
        flags = {"data_dir": tmp_path / name, "assistant": "demo", "worktrees_dir": shared}
        return LoadedSettings(flags=flags, environment={}, dotenv=None)

    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        b.rt.db.close()
        b.rt = open_runtime(of("data"))
        worktree = b.begin()
        write_files(worktree, {"unsaved.txt": "precious\n"})
        other = open_runtime(of("other"))
        lifecycle.start(other)
        lifecycle.stop(other)
        assert (worktree / "unsaved.txt").read_text() == "precious\n"


def test_nobody_else_may_look_into_a_place_outside_of_the_data_folder(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    project = tmp_path / "maestro"
    _projects_settings(project)
    with bench(project, repo, plan_of({"id": "t1"})) as b:
        places.make(b.rt)
        folder = b.rt.worktrees.folder
        assert not folder.is_relative_to(project)
        assert {stat.S_IMODE(p.stat().st_mode) for p in (folder, folder.parent)} == {0o700}


def test_sessions_of_a_hidden_data_folder_go_on_where_they_are(tmp_path: Path, repo: Path) -> None:
    hidden = tmp_path / ".share"
    with bench(hidden, repo, plan_of({"id": "t1", "checks": ["grep -q more a.txt"]}, {"id": "t2"})) as b:
        old = b.rt.data_dir / "worktrees" / b.id / places.name_of_task("t1")
        old.parent.mkdir(parents=True)
        new = b.begin()
        assert "maestro-worktrees" in new.parts
        run_git(repo, "worktree", "move", str(new), str(old))  # as an earlier version had it
        write_files(old, {"a.txt": "more\n"})
        b.reopen()
        assert b.begin() == old
        b.end()
        assert b.land().status == "completed"
        assert not old.exists()
        assert "maestro-worktrees" in b.begin("t2").parts


def test_a_place_that_cannot_be_used_is_refused_at_the_start_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    loaded = LoadedSettings(
        flags={"data_dir": tmp_path / "data"},
        environment={"MAESTRO_WORKTREES_DIR": str(tmp_path / "file")},
        dotenv=None,
    )
    with pytest.raises(InvalidInput, match=r"MAESTRO_WORKTREES_DIR: .*/file is not a folder\. Name a folder"):
        open_runtime(loaded)


def test_what_a_worktree_held_is_kept_under_the_tasks_own_name(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        write_files(b.begin(), {"unsaved.txt": "precious\n"})
        control.cancel(b.rt, b.id)
        assert "worktree-t1" in {r.label for r in queries.list_recovered(b.rt, b.id)}


def test_submodules_are_there_on_the_base_as_in_a_task(tmp_path: Path, repo: Path) -> None:
    library = make_repo(tmp_path / "library", {"lib.txt": "one\n"})
    run_git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "lib")
    run_git(repo, "commit", "-q", "-m", "A library")
    run_git(repo, "config", "--global", "protocol.file.allow", "always")
    check = "grep -q one lib/lib.txt"
    try:
        with bench(tmp_path, repo, plan_of({"id": "t1", "checks": [check]}, checks=[check])) as b:
            b.measure_baseline()
            assert [r.exit_code for r in b.evidence("baseline")] == [0]
            assert b.work({"a.txt": "a\n"}).status == "completed"
            assert b.complete() == "completed"
    finally:
        run_git(repo, "config", "--global", "--unset", "protocol.file.allow")


def test_checks_and_set_up_have_ports_and_a_temporary_folder_of_their_own(tmp_path: Path, repo: Path) -> None:
    seen = tmp_path / "seen"
    note = (
        f'echo "$MAESTRO_PORT_BASE $TMPDIR $(pwd -P)" >> "{seen}"; mkdir -m 500 "$TMPDIR/left"; test "$TMP" = "$TEMP"'
    )
    plan = plan_of({"id": "t1", "checks": [note]}, {"id": "t2", "checks": [note]}, checks=[note])
    with bench(tmp_path, repo, plan, setup=[note]) as b:
        b.measure_baseline()
        assert b.work({"a.txt": "a\n"}).status == "completed"
        assert b.work({"b.txt": "b\n"}, "t2").status == "completed"
        assert b.complete() == "completed"
    lines = [line.split(" ", 2) for line in seen.read_text().splitlines()]
    assert len(lines) == 8  # set-up and check of the base, two tasks, the whole
    assert len({folder for _port, folder, _where in lines}) == len(lines)
    assert not any(Path(folder).exists() for _port, folder, _where in lines)
    assert len({len(folder) for _port, folder, _where in lines}) == 1
    by_place = {where: {port for port, _folder, at in lines if at == where} for _port, _folder, where in lines}
    assert all(len(ports) == 1 for ports in by_place.values())  # what a set-up wrote down holds for the checks
    assert len({min(ports) for ports in by_place.values()}) == 4


def test_checks_of_a_repository_that_takes_turns_never_run_side_by_side(tmp_path: Path, repo: Path) -> None:
    taken = tmp_path / "port-is-taken"
    check = f'mkdir "{taken}" && python -c "print(sum(range(3_000_000)))" && rmdir "{taken}"'
    plan = plan_of({"id": "t1", "checks": [check]}, {"id": "t2", "checks": [check]}, checks=[check])
    with bench(tmp_path, repo, plan, serial_checks=True) as b:
        first = b.id
        b.another(plan, serial_checks=True)
        failed: list[BaseException] = []

        def run(session_id: str) -> None:
            try:
                validation.run_baseline(b.rt, session_id)
            except BaseException as error:
                failed.append(error)

        b.rt.loaded.reload({"check_slots": 4})
        threads = [threading.Thread(target=run, args=(session_id,)) for session_id in (first, b.id)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert [r.exit_code for session_id in (first, b.id) for r in queries.list_evidence(b.rt, session_id)] == [0, 0]


def test_whether_checks_take_turns_is_remembered_of_the_repository(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        environments.remember_environment(b.rt, str(repo), Environment(checks=["true"], serial_checks=True))
        b.another(plan_of({"id": "t1"}))
        assert b.session.agent_config == {"checks": ["true"], "serial_checks": True}
        assert "Setup remembered for this repository: checks: true; checks run one at a time" in b.logs()
        environments.change_session_environment(b.rt, b.id, Environment(checks=["true"]))
        assert b.session.agent_config == {"checks": ["true"]}


def test_bytecode_of_checks_lies_outside_and_is_never_that_of_another_commit(tmp_path: Path, repo: Path) -> None:
    (repo / ".gitignore").write_text("")
    write_files(repo, {"check.py": "import calc, os, sys\nassert calc.add(2, 2) == 4\nassert sys.pycache_prefix\n"})
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-q", "-m", "A check")
    # Same size, same second: only the content tells the two apart.
    check = "touch -d '2026-01-01 12:00:00' calc.py && python check.py && test ! -e __pycache__"
    plan = plan_of({"id": "t1", "checks": [check]}, checks=[check])
    with bench(tmp_path, repo, plan, setup=["python check.py"]) as b:
        b.measure_baseline()
        assert [r.exit_code for r in b.evidence("baseline")] == [0]
        assert b.work({"notes.txt": "a\n"}).status == "completed"
        assert b.session.agent_config["setup"]
        folder = b.rt.data_dir / "bytecode" / b.id
        assert not folder.exists()  # its worktrees are gone
        b.another(plan_of({"id": "t1", "checks": [check]}))
        write_files(b.begin(), {"notes.txt": "a\n"})
        b.end()
        tree = places.of_task(b.rt, b.id, "t1")
        prefix = b.rt.data_dir / "bytecode" / b.id / tree.name
        for text, passes in (("return a + b", True), ("return a - b", False)):
            write_files(tree, {"calc.py": f"def add(a, b):\n    {text}\n"})
            run_git(tree, "commit", "-qam", "Work", "--allow-empty")
            ran = checking.execute(b.rt, b.session, tree, check, lambda: False)
            assert ran.outcome.passed is passes
            assert list(prefix.rglob("calc.*.pyc"))
        assert not run_git(tree, "status", "--porcelain", "--ignored", "-z", "__pycache__")


def test_settings_that_an_agent_writes_beside_its_worktree_steer_no_check(tmp_path: Path, repo: Path) -> None:
    check = "python -m pytest -q"
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": [check]}, checks=[check])) as b:
        b.measure_baseline()
        tree = b.begin()
        (tree.parent / "pytest.ini").write_text("[pytest]\npython_functions = nothing\n")
        (tree.parent / "node_modules" / "x").mkdir(parents=True)
        write_files(tree, {"calc.py": "def add(a, b):\n    return a - b\n"})
        b.end()
        task = b.land()
        assert (task.status, task.attempt) == ("running", 2)
        assert [p.name for p in tree.parent.iterdir()] == [tree.name]
        assert b.logs().count("was written next to the worktrees by an agent") == 2
        (kept,) = (b.rt.data_dir / "put-back" / b.id).rglob("*-pytest.ini")
        assert kept.read_text() == "[pytest]\npython_functions = nothing\n"


@pytest.mark.parametrize("hidden", [True, False])
def test_tests_that_fail_before_the_work_in_a_hidden_place_say_what_may_be_the_cause(
    tmp_path: Path, repo: Path, hidden: bool
) -> None:
    picky = "def test_place():\n    assert '/.' not in __file__\n\n\ndef test_never():\n    assert False\n"
    write_files(repo, {"test_picky.py": picky})
    run_git(repo, "add", "-A")
    run_git(repo, "commit", "-qm", "A library that serves no hidden files")
    check = "python -m pytest -q"
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[check])) as b:
        b.rt.db.close()
        named = tmp_path / (".local" if hidden else "local") / "worktrees"
        flags = {"data_dir": tmp_path / "data", "assistant": "demo", "worktrees_dir": named}
        b.rt = open_runtime(LoadedSettings(flags=flags, environment={}, dotenv=None))
        b.measure_baseline()
        (run,) = b.evidence("baseline")
        assert not run.could_not_run
        if hidden:
            assert run.note is not None
            assert "2 tests fail before any work" in run.note
            assert "hidden folder .local" in b.logs()
        else:
            assert run.note is None
        assert b.work({"notes.txt": "a\n"}).status == "completed"
