"""What set-up commands have installed is copied into worktrees that need the same, and never wrongly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from maestro.core.kernel import places
from maestro.core.proving import checkouts
from maestro.worktrees import kept_folders
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git, write_files

VENV = "python -m venv --without-pip .venv"
FILES: dict[str, str | bytes] = {"requirements.txt": "", "a.txt": "a\n", ".gitignore": ".venv/\nnode_modules/\n*.log\n"}
#: A virtual environment that is another worktree's names its path.
OWN = 'grep -q "$(pwd -P)/.venv" .venv/bin/activate && .venv/bin/python -c "import sys; assert sys.prefix.endswith(\'.venv\')"'
RAN = f"Setup command `{VENV}` ended with exit code 0"
COPIED = "Copied .venv from an earlier setup"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", FILES)


def test_a_set_up_that_only_installs_runs_once_for_base_tasks_and_the_whole(tmp_path: Path, repo: Path) -> None:
    plan = plan_of({"id": "t1", "checks": [OWN]}, {"id": "t2", "checks": [OWN]}, checks=[OWN])
    with bench(tmp_path, repo, plan, setup=[VENV, "echo made > made.log"]) as b:
        b.measure_baseline()
        assert b.work({"b.txt": "b\n"}).status == "completed"
        assert b.work({"c.txt": "c\n"}, "t2").status == "completed"
        assert b.complete() == "completed"
        assert [r.exit_code for r in b.evidence("baseline")] == [0]
        assert (b.logs().count(RAN), b.logs().count(COPIED)) == (1, 3)
        assert (
            b.logs().count("Setup command `echo made > made.log` ended with exit code 0") == 4
        )  # anything else runs everywhere


def test_what_a_task_does_to_its_packages_reaches_no_other_worktree(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}), setup=[VENV]) as b:
        first = b.begin("t1")
        (first / ".venv" / "pyvenv.cfg").write_text("broken")
        os.link(first / ".venv" / "bin" / "activate", tmp_path / "other-name")
        (first / ".venv" / "bin" / "activate").write_text("broken")
        second = b.begin("t2")
        assert COPIED in b.logs()
        assert "broken" not in (second / ".venv" / "pyvenv.cfg").read_text()
        assert "broken" not in (second / ".venv" / "bin" / "activate").read_text()


@pytest.mark.parametrize("change", ["requirements.txt", "pyproject.toml", "web/package-lock.json", ".python-version"])
def test_another_manifest_is_installed_anew(tmp_path: Path, repo: Path, change: str) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}), setup=[VENV]) as b:
        assert b.work({change: "# other\n"}).status == "completed"
        b.begin("t2")
        assert (b.logs().count(RAN), b.logs().count(COPIED)) == (2, 0)


def test_other_commands_are_not_taken_for_the_same(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}), setup=[VENV]) as b:
        b.begin()
        b.another(plan_of({"id": "t1"}), setup=[VENV.replace("--without-pip", "--without-pip --symlinks")])
        b.begin()
        assert "Copied" not in b.logs()
        b.another(plan_of({"id": "t1"}), setup=[VENV])  # another session, the same installation
        tree = b.begin()
        assert COPIED in b.logs()
        assert f"{tree}/.venv" in (tree / ".venv" / "bin" / "activate").read_text()


def test_what_somebody_wrote_into_the_kept_folders_is_not_used(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}), setup=[VENV]) as b:
        b.begin("t1")
        (cfg,) = (b.rt.worktrees.folder / "kept").rglob("pyvenv.cfg")
        info = cfg.stat()
        cfg.write_bytes(cfg.read_bytes().swapcase())
        os.utime(cfg, ns=(info.st_atime_ns, info.st_mtime_ns))
        b.begin("t2")
        assert (b.logs().count(RAN), b.logs().count(COPIED)) == (2, 0)


def test_what_another_start_has_kept_is_installed_anew_once(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}, {"id": "t3"}), setup=[VENV]) as b:
        b.begin("t1")
        b.reopen()
        b.begin("t2")
        assert (b.logs().count(RAN), b.logs().count(COPIED)) == (2, 0)
        b.begin("t3")
        assert (b.logs().count(RAN), b.logs().count(COPIED)) == (2, 1)


def test_what_builds_the_repositorys_own_sources_is_installed_in_each_worktree(tmp_path: Path) -> None:
    setup = "import setuptools\nopen('generated.log', 'w').close()\n"
    repo = make_repo(tmp_path / "repo", FILES | {"setup.py": setup + "# cmdclass\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}), setup=[VENV]) as b:
        b.begin("t1")
        b.begin("t2")
        assert (b.logs().count(RAN), b.logs().count(COPIED)) == (2, 0)


def test_the_setting_turns_it_off(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"}, {"id": "t2"}), setup=[VENV]) as b:
        b.rt.loaded.reload({"reuse_dependencies": False})
        b.begin("t1")
        b.begin("t2")
        assert (b.logs().count(RAN), b.logs().count(COPIED)) == (2, 0)
        assert not (b.rt.worktrees.folder / "kept").exists()


def test_the_path_of_the_worktree_is_replaced_in_text_in_programs_and_in_links(tmp_path: Path, repo: Path) -> None:
    root, store = tmp_path / "worktrees", tmp_path / "worktrees" / "kept" / "r"
    one, two = (root / "s1" / places.name_of_task("t1"), root / "s2" / places.name_of_scratch("baseline"))
    for tree in (one, two):
        tree.parent.mkdir(parents=True)
        run_git(repo, "worktree", "add", "-q", "--detach", str(tree))
    before = kept_folders.unknown_to_git(one)
    files: dict[str, str | bytes] = {
        ".venv/lib/editable.pth": f"{one}/src\n",
        ".venv/direct_url.json": f'{{"url": "file://{one}"}}',
        ".venv/bin/program": b"\x7fELF\0\xff" + str(one).encode() + b"\0rest",
        "web/node_modules/a/index.js": "module.exports = 1\n",
    }
    write_files(one, files)
    (one / "web" / "package.json").write_text("{}")
    run_git(one, "add", "web/package.json")
    (one / ".venv" / "lib64").symlink_to("lib")
    (one / ".venv" / "absolute").symlink_to(one / ".venv" / "lib")
    (one / ".venv" / "bin" / "program").chmod(0o555)
    seal = kept_folders.keep(store, "k", one, before)
    assert seal
    assert kept_folders.bring(store, "k", two, "another") == []
    assert kept_folders.bring(store, "k", two, seal) == [".venv", "web/node_modules"]
    assert (two / ".venv" / "lib" / "editable.pth").read_text() == f"{two}/src\n"
    assert (two / ".venv" / "direct_url.json").read_text() == f'{{"url": "file://{two}"}}'
    assert (two / ".venv" / "bin" / "program").read_bytes() == files[".venv/bin/program"].replace(  # type: ignore[union-attr]
        str(one).encode(),  # type: ignore[arg-type]
        str(two).encode(),  # type: ignore[arg-type]
    )
    assert (two / ".venv" / "bin" / "program").stat().st_mode & 0o777 == 0o555
    assert (two / ".venv" / "lib64").readlink() == Path("lib")
    assert (two / ".venv" / "absolute").readlink() == two / ".venv" / "lib"
    assert kept_folders.bring(store, "k", two, seal) == []  # never over what is there


def test_a_checkout_is_set_up_once_for_all_that_one_landing_asks_of_a_commit(tmp_path: Path, repo: Path) -> None:
    count = tmp_path / "count"
    with bench(
        tmp_path, repo, plan_of({"id": "t1"}), setup=[f'echo made >> "{count}"; mkdir .venv; echo 1 > .venv/a']
    ) as b:
        commit = b.session.base_commit
        with checkouts.kept_ready(b.rt):
            for number, purpose in enumerate(("proof-t1", "clean-t1", "probe-t1")):
                with checkouts.checkout(b.rt, b.session, purpose, commit) as folder:
                    assert sorted(p.name for p in folder.iterdir()) == [
                        ".git", ".gitignore", ".venv", "a.txt", "requirements.txt",
                    ]  # fmt: skip
                    assert (folder / "a.txt").read_text() == "a\n"
                    # What a check may do to the next one, to git's own books even.
                    write_files(
                        folder, {"a.txt": f"{number}\n", "new.txt": "x", "left.log": "x", "node_modules/x": "x"}
                    )
                    run_git(folder, "update-index", "--assume-unchanged", "a.txt")
                    run_git(folder, "checkout", "-q", "-b", f"mine-{number}")
                    run_git(folder, "commit", "-q", "--allow-empty", "-m", "Mine")
            assert count.read_text() == "made\n"
            with checkouts.checkout(b.rt, b.session, "proof-t1", commit) as folder:
                (folder / ".venv" / "a").write_text("2\n")  # in what the set-up has made
            with checkouts.checkout(b.rt, b.session, "proof-t1", commit) as folder:
                assert (folder / ".venv" / "a").read_text() == "1\n"
            assert count.read_text() == "made\nmade\n"
        assert run_git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1
        with checkouts.checkout(b.rt, b.session, "proof-t1", commit):
            pass
        assert run_git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1


def test_two_checkouts_of_one_commit_at_once_are_two(tmp_path: Path, repo: Path) -> None:
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b, checkouts.kept_ready(b.rt):
        commit = b.session.base_commit
        with (
            checkouts.checkout(b.rt, b.session, "proof-t1", commit) as one,
            checkouts.checkout(b.rt, b.session, "clean-t1", commit) as two,
        ):
            assert one != two
    assert run_git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1
