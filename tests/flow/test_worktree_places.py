"""Where checks run: outside of every project, and the base and the whole in the same kind of place as tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core import lifecycle, queries
from maestro.core.runtime import open_runtime
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
        from maestro.core.commands import control

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
