"""Links that lead out of a worktree: never committed unasked, and nothing is proven by what lies behind them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from maestro.core.commands import delivery
from maestro.worktrees import links
from maestro.worktrees.integration import is_clean
from maestro.worktrees.manager import add_worktree
from tests.landing import bench, plan_of
from tests.repos import commit, make_repo, run_git

_CHECK = "grep -q good src/calc.py"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    files = {"src/calc.py": "good\n", "src/deep/x.py": "x\n", "link": "", ".gitignore": "node_modules/\n*.log\n"}
    made = make_repo(tmp_path / "repo", files)
    (made / "link").unlink()
    (made / "link").symlink_to("/etc/hosts")
    commit(made, {})
    (tmp_path / "outside/deep").mkdir(parents=True)
    (tmp_path / "outside/calc.py").write_text("good\n")
    (tmp_path / "outside/deep/x.py").write_text("x\n")
    return made


def _replace(place: Path, target: str | Path) -> None:
    shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    place.symlink_to(target)


def _absolute(tree: Path, outside: Path) -> None:
    _replace(tree / "src/calc.py", outside / "calc.py")


def _upwards(tree: Path, outside: Path) -> None:
    _replace(tree / "src/calc.py", os.path.relpath(outside / "calc.py", tree / "src"))


def _chain(tree: Path, outside: Path) -> None:
    (tree / "door").symlink_to(outside)
    _replace(tree / "src/calc.py", "../door/calc.py")


def _chain_through_what_is_ignored(tree: Path, outside: Path) -> None:
    (tree / "door.log").symlink_to(outside)
    _replace(tree / "src/calc.py", "../door.log/calc.py")


def _folder(tree: Path, outside: Path) -> None:
    _replace(tree / "src", outside)


def _to_the_worktree_by_its_path(tree: Path, outside: Path) -> None:
    (tree / "real.py").write_text("good\n")
    _replace(tree / "src/calc.py", tree / "real.py")


def _into_git(tree: Path, outside: Path) -> None:
    _replace(tree / "src/deep/x.py", "../../.git")


def _new_and_dangling(tree: Path, outside: Path) -> None:
    (tree / "later").symlink_to("../../nothing")


LINKS = [
    _absolute, _upwards, _chain, _chain_through_what_is_ignored, _folder, _to_the_worktree_by_its_path, _into_git,
    _new_and_dangling,
]  # fmt: skip


@pytest.mark.parametrize("how", LINKS)
@pytest.mark.parametrize("by_the_agent", [False, True])
def test_a_link_that_leads_out_is_never_committed_unasked(tmp_path: Path, repo: Path, how, by_the_agent: bool) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"])) as b:
        b.measure_baseline()
        worktree = b.begin()
        how(worktree, tmp_path / "outside")
        if by_the_agent:
            commit(worktree, {})
        b.end()
        assert b.land().status == "waiting", b.logs()
        (asked,) = b.asked("outside_files")
        assert "lead out of the repository" in asked.title
        b.answer("deny")
        assert b.land().status == "running"
        assert "Put the content itself where the link is" in (b.task().prompt or "")


def test_a_yes_commits_the_link_and_the_checks_run_without_it(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[_CHECK])) as b:
        b.measure_baseline()
        _absolute(b.begin(), tmp_path / "outside")
        b.end()
        b.land()
        b.answer("allow")
        assert b.land().status == "running", "the check does not see what is outside"
        assert "ran without links that lead out of the worktree: src/calc.py" in b.logs()
        assert (Path(b.task().worktree_path or "") / "src/calc.py").is_symlink()


def test_a_link_of_the_users_own_and_links_inside_are_no_question(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["test -s link && test -s other.py && test -s up"])) as b:
        b.measure_baseline()
        worktree = b.begin()
        (worktree / "other.py").symlink_to("src/calc.py")
        (worktree / "src/up").symlink_to("../.gitignore")
        (worktree / "up").symlink_to("src/up")
        b.end()
        assert b.land().status == "completed", b.logs()
        assert b.complete() == "completed", b.logs()


def test_a_link_in_the_place_of_an_ignored_folder_is_left_out_and_proves_nothing(tmp_path: Path, repo: Path) -> None:
    (repo / "node_modules/dep").mkdir(parents=True)
    (repo / "node_modules/dep/index.js").write_text("1")
    with bench(
        tmp_path, repo, plan_of({"id": "t1", "checks": ["test -e one.txt"]}, {"id": "t2"}, checks=["true"])
    ) as b:
        b.measure_baseline()
        worktree = b.begin()
        (worktree / "node_modules").symlink_to(repo / "node_modules")
        assert b.work({"one.txt": "1\n"}).status == "completed", b.logs()
        tip = b.session.session_branch
        assert run_git(repo, "diff", "--name-only", b.session.base_commit, tip) == "one.txt"
        assert b.work({"two.txt": "2\n"}, "t2").status == "completed", b.logs()
        assert b.complete() == "completed", b.logs()
        delivery.merge(b.rt, b.id)
        assert (repo / "one.txt").exists()
        assert (repo / "node_modules/dep/index.js").exists()


def test_a_check_that_needs_the_linked_folder_does_not_find_it(tmp_path: Path, repo: Path) -> None:
    (repo / "node_modules/dep").mkdir(parents=True)
    plan = plan_of({"id": "t1"}, checks=["test -e node_modules/dep || exit 3"])
    with bench(tmp_path, repo, plan) as b:
        b.measure_baseline()
        worktree = b.begin()
        (worktree / "node_modules").symlink_to(repo / "node_modules")
        b.work({"one.txt": "1\n"})
        assert b.task().status != "completed"
        assert "node_modules → " in b.logs()
        assert (worktree / "node_modules").is_symlink(), "the agent finds it as it left it"


def test_a_committed_link_in_the_place_of_an_ignored_folder_goes_back(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"])) as b:
        worktree = b.begin()
        (worktree / "node_modules").symlink_to(repo / "node_modules")
        commit(worktree, {"one.txt": "1\n"})
        b.end()
        assert b.land().status == "running"
        assert "git rm --cached node_modules" in (b.task().prompt or "")


def test_links_that_the_set_up_makes_are_there_for_the_checks(tmp_path: Path, repo: Path) -> None:
    (repo / "node_modules/dep").mkdir(parents=True)
    set_up = [f"ln -s {repo}/node_modules node_modules"]
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["test -e node_modules/dep"]), setup=set_up) as b:
        b.measure_baseline()
        assert b.work({"one.txt": "1\n"}).status == "completed", b.logs()
        assert b.complete() == "completed", b.logs()
        assert "ran without links" not in b.logs()


def test_links_that_a_kill_took_away_come_back(tmp_path: Path, repo: Path) -> None:
    add_worktree(repo, tmp_path / "w/t1", "maestro/x-1/t1", "HEAD")
    links.note_links(tmp_path / "w/t1", run_git(repo, "rev-parse", "HEAD"), {})
    (tmp_path / "w/t1/node_modules").symlink_to(tmp_path)
    around = links.away(tmp_path / "w/t1")
    assert list(around.__enter__()) == ["node_modules"]
    assert not (tmp_path / "w/t1/node_modules").is_symlink()
    links.put_back(tmp_path / "w/t1")
    assert (tmp_path / "w/t1/node_modules").readlink() == tmp_path
    assert is_clean(tmp_path / "w/t1")


@pytest.mark.parametrize(
    "rules", ["node_modules/", "/packages/*/node_modules/", "**/node_modules/", "node_modules/\n!x"]
)
def test_rules_for_folders_are_read_as_git_reads_them(tmp_path: Path, rules: str) -> None:
    repo = make_repo(tmp_path / "repo", {"packages/a/x": "x", ".gitignore": f"{rules}\n"})
    (repo / "packages/a/node_modules").symlink_to(tmp_path)
    (repo / "packages/a/other").symlink_to(tmp_path)
    assert links.stand_ins(repo) == ["packages/a/node_modules"]
