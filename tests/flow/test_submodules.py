"""Submodules: as the user's checkout has them everywhere, no commit inside one lost, nothing from the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.worktrees import submodules
from maestro.worktrees.manager import add_worktree, remove_worktree
from tests.landing import bench, plan_of
from tests.repos import commit, make_repo, run_git, write_files

_ALLOW = ("-c", "protocol.file.allow=always")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """app.txt, and lib, which has a submodule of its own."""
    deep = make_repo(tmp_path / "remote/deep", {"deep.txt": "deep\n"})
    lib = make_repo(tmp_path / "remote/lib", {"lib.txt": "one\n"})
    run_git(lib, *_ALLOW, "submodule", "--quiet", "add", str(deep), "deep")
    commit(lib, {})
    made = make_repo(tmp_path / "repo", {"app.txt": "app\n"})
    run_git(made, *_ALLOW, "submodule", "--quiet", "add", str(lib), "lib")
    run_git(made, *_ALLOW, "submodule", "--quiet", "update", "--init", "--recursive")
    commit(made, {}, "With a submodule")
    # From here on nothing can be fetched.
    (tmp_path / "remote").rename(tmp_path / "away")
    return made


def test_an_untouched_submodule_is_there_for_every_check(tmp_path: Path, repo: Path) -> None:
    checks = ["test -s lib/lib.txt && test -s lib/deep/deep.txt"]
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=checks)) as b:
        b.measure_baseline()
        assert [run.passed for run in b.evidence("baseline")] == [True]
        assert b.work({"app.txt": "other\n"}).status == "completed", b.logs()
        assert b.complete() == "completed", b.logs()


def test_a_commit_made_inside_a_submodule_is_kept_in_the_users_repository_of_it(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["grep -q two lib/lib.txt"])) as b:
        b.measure_baseline()
        worktree = b.begin()
        made = commit(worktree / "lib", {"lib.txt": "two\n"})
        b.end()
        assert b.land().status == "completed", b.logs()
        assert b.complete() == "completed", b.logs()
        assert not worktree.exists()
        tip = b.session.session_commit
        assert tip is not None
        assert run_git(repo, "rev-parse", f"{tip}:lib") == made
        assert run_git(repo / "lib", "show", f"{made}:lib.txt") == "two"
        run_git(repo / "lib", "-c", "gc.pruneExpire=now", "gc", "-q")
        assert run_git(repo / "lib", "for-each-ref", f"--contains={made}").count("refs/maestro/") == 1
        assert "git submodule update" in b.logs()
        run_git(repo, "merge", "-q", "--ff-only", tip)
        run_git(repo, "submodule", "--quiet", "update")
        assert (repo / "lib/lib.txt").read_text() == "two\n"


def test_a_commit_in_a_submodule_of_a_submodule_is_kept_too(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["grep -q two lib/deep/deep.txt"])) as b:
        b.measure_baseline()
        worktree = b.begin()
        deep = commit(worktree / "lib/deep", {"deep.txt": "two\n"})
        commit(worktree / "lib", {})
        b.end()
        assert b.land().status == "completed", b.logs()
        assert b.complete() == "completed", b.logs()
        assert run_git(repo / "lib/deep", "show", f"{deep}:deep.txt") == "two"


@pytest.mark.parametrize("name", ["lib/lib.txt", "lib/new.txt", "lib/deep/deep.txt"])
def test_an_edit_inside_a_submodule_without_a_commit_goes_back_to_the_agent(
    tmp_path: Path, repo: Path, name: str
) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[f"grep -q two {name}"])) as b:
        b.measure_baseline()
        task = b.work({name: "two\n", "app.txt": "too\n"})
        assert task.status != "completed"
        assert f"were changed and not committed there: {name}" in b.logs()
        assert "git -C <submodule> commit" in (task.prompt or "")


def test_a_commit_that_no_repository_holds_goes_back_to_the_agent(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"])) as b:
        worktree = b.begin()
        run_git(worktree, "rm", "-q", "--cached", "lib")
        run_git(worktree, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},lib")
        tree = run_git(worktree, "write-tree")
        run_git(worktree, "update-ref", "HEAD", run_git(worktree, "commit-tree", tree, "-p", "HEAD", "-m", "x"))
        (worktree / "lib/.git").unlink()
        for path in sorted((worktree / "lib").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        b.end()
        assert b.land().status != "completed"
        assert "no repository here contains" in b.logs()


def test_what_a_check_or_the_set_up_changes_in_a_submodule_is_nobodys_work(tmp_path: Path, repo: Path) -> None:
    plan = plan_of({"id": "t1"}, {"id": "t2"}, checks=["echo x >> lib/lib.txt; touch lib/left; test -e app.txt"])
    with bench(tmp_path, repo, plan, setup=["touch lib/built"]) as b:
        b.measure_baseline()
        assert b.work({"app.txt": "other\n"}).status == "completed", b.logs()
        assert b.work({"b.txt": "other\n"}, "t2").status == "completed", b.logs()
        assert b.complete() == "completed", b.logs()
        assert run_git(repo, "diff", "--name-only", b.session.base_commit, b.session.session_branch) == "app.txt\nb.txt"


def test_a_link_that_leads_out_of_a_submodule_is_asked_about(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"])) as b:
        lib = b.begin() / "lib"
        (lib / "lib.txt").unlink()
        (lib / "lib.txt").symlink_to(repo / "lib/lib.txt")
        commit(lib, {})
        b.end()
        assert b.land().status == "waiting"
        assert f"lib/lib.txt -> {repo}/lib/lib.txt" in b.asked("outside_files")[0].title


def test_a_task_beside_another_that_moved_a_submodule_does_not_move_it_back(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}, checks=["test -s lib/lib.txt"])) as b:
        b.measure_baseline()
        one, two = b.begin("t1"), b.begin("t2")
        made = commit(one / "lib", {"lib.txt": "two\n"})
        write_files(two, {"app.txt": "other\n"})
        b.end("t1")
        assert b.land("t1").status == "completed", b.logs()
        b.end("t2")
        assert b.land("t2").status == "completed", b.logs()
        assert run_git(repo, "rev-parse", f"{b.session.session_branch}:lib") == made
        assert b.complete() == "completed", b.logs()


def test_what_the_checkout_does_not_have_is_told_and_not_fetched(tmp_path: Path, repo: Path) -> None:
    run_git(tmp_path, "clone", "-q", str(repo), "clone")
    (tmp_path / "away").rename(tmp_path / "remote")  # it could be fetched
    report = add_worktree(tmp_path / "clone", tmp_path / "w/t1", "maestro/x-1/t1", "HEAD")
    assert len(report.warnings) == 1
    assert "The submodule lib is empty" in report.warnings[0]
    assert "git submodule update --init --recursive" in report.warnings[0]
    assert not list((tmp_path / "w/t1/lib").iterdir())


@pytest.mark.parametrize("how", ["shallow", "local_commit", "inside_the_checkout", "deinitialized"])
def test_each_way_a_checkout_has_a_submodule(tmp_path: Path, repo: Path, how: str) -> None:
    if how == "shallow":
        (tmp_path / "away").rename(tmp_path / "remote")
        commit(tmp_path / "remote/lib", {"lib.txt": "more\n"})
        run_git(repo, "rm", "-q", "-f", "lib")
        (repo / ".git/modules").rename(tmp_path / "gone")
        url = f"file://{tmp_path}/remote/lib"
        run_git(repo, *_ALLOW, "submodule", "--quiet", "add", "--force", "--depth", "1", url, "lib")
        run_git(repo, *_ALLOW, "submodule", "--quiet", "update", "--init", "--recursive")
        assert (repo / ".git/modules/lib/shallow").exists()
        commit(repo, {})
    elif how == "local_commit":
        commit(repo / "lib", {"lib.txt": "mine\n"})
        commit(repo, {})
    elif how == "inside_the_checkout":
        (repo / "lib/.git").unlink()
        (repo / ".git/modules/lib").rename(repo / "lib/.git")
        run_git(repo, "config", "-f", str(repo / "lib/.git/config"), "--unset", "core.worktree")
    else:
        run_git(repo, "submodule", "--quiet", "deinit", "-f", "lib")
    before = (repo / ".git/config").read_bytes()
    data = tmp_path / "data"
    assert add_worktree(repo, data / "t1", "maestro/x-1/t1", "HEAD").warnings == []
    assert run_git(data / "t1/lib", "show", "HEAD:lib.txt") == (data / "t1/lib/lib.txt").read_text().strip()
    assert run_git(data / "t1", "status", "--porcelain") == ""
    assert remove_worktree(repo, data / "t1", recover_as="refs/maestro/s/recovered/w", below=data) is None
    assert (repo / ".git/config").read_bytes() == before


def test_filters_that_an_agent_names_in_a_submodule_do_not_run(tmp_path: Path, repo: Path) -> None:
    add_worktree(repo, tmp_path / "w/t1", "maestro/x-1/t1", "HEAD")
    lib = tmp_path / "w/t1/lib"
    run_git(lib, "config", "filter.x.clean", f"touch {tmp_path}/ran; cat")
    write_files(lib, {".gitattributes": "*.txt filter=x\n", "lib.txt": "two\n"})
    assert submodules.uncommitted(tmp_path / "w/t1") == ["lib/lib.txt", "lib/.gitattributes"]
    submodules.discard(tmp_path / "w/t1")
    assert not (tmp_path / "ran").exists()
