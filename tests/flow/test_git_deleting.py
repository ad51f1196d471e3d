"""Deleting what agents and their tools leave: read-only caches, several deletions at once, folders in use, deep ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maestro.core.workspaces import cleanup
from maestro.errors import GitError
from maestro.worktrees.deleting import delete_tree
from maestro.worktrees.listing import list_worktrees
from maestro.worktrees.manager import TRASH, add_worktree, create_branch, remove_worktree
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git, write_files

NOBODY = 65534
AT_ONCE = 6


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of a user who is not allowed everything, as whom the test runs."""
    folder = Path(tempfile.mkdtemp(prefix="maestro-deleting-"))
    root = os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield folder
    if root:
        os.seteuid(0)
    shutil.rmtree(folder)


def cache(at: Path, packages: int = 3) -> Path:
    """A module cache as Go makes it: files and folders are read-only."""
    for number in range(packages):
        write_files(at / f"mod/example.org/p{number}@v1.0.0", {"a.go": "package a\n", "deep/b.go": "package b\n"})
    for folder, _, files in os.walk(at / "mod", topdown=False):
        for name in files:
            (Path(folder) / name).chmod(0o444)
        Path(folder).chmod(0o555)
    return at


def test_a_read_only_cache_is_deleted_and_what_its_links_lead_to_is_not_touched(place: Path) -> None:
    outside = place / "mine"
    write_files(outside, {"script": "#!/bin/sh\n", "folder/x": "x"})
    (outside / "script").chmod(0o440)
    (outside / "folder").chmod(0o500)
    tree = cache(place / "tree")
    (tree / "mod").chmod(0o755)
    (tree / "mod/links").mkdir()
    (tree / "mod/links/file").symlink_to(outside / "script")
    (tree / "mod/links/folder").symlink_to(outside / "folder")
    (tree / "mod/links").chmod(0o555)
    (tree / "closed").mkdir(0o000)
    delete_tree(tree)
    assert not tree.exists()
    assert (outside / "script").stat().st_mode & 0o777 == 0o440
    assert (outside / "folder").stat().st_mode & 0o777 == 0o500
    assert (outside / "folder/x").read_text() == "x"


def test_what_nobody_may_delete_is_told_and_the_rest_goes(place: Path) -> None:
    if os.geteuid() != NOBODY:
        pytest.fail("this test needs root, to make a folder of somebody else's")
    write_files(place / "tree", {"mine/a": "a"})
    os.seteuid(0)
    write_files(place / "tree", {"roots/b": "b"})  # as a container leaves it
    os.seteuid(NOBODY)
    with pytest.raises(GitError, match="by hand"):
        delete_tree(place / "tree")
    assert [p.name for p in (place / "tree").iterdir()] == ["roots"]


@pytest.mark.parametrize("read_only", [False, True])
def test_several_deletions_of_one_folder_all_end_well(place: Path, read_only: bool) -> None:
    for _ in range(8):
        tree = place / "tree"
        write_files(tree, {f"{n % 20}/{n % 7}/{n}": "x" for n in range(300)})
        if read_only:
            cache(tree, 20)
        together = threading.Barrier(AT_ONCE)

        def delete(tree: Path = tree, together: threading.Barrier = together) -> None:
            together.wait()
            delete_tree(tree)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(delete) for _ in range(AT_ONCE)]:
                done.result()
        assert not tree.exists()


def test_files_that_appear_meanwhile_are_deleted_as_well(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    write_files(tree, {f"{n % 50}/{n}": "x" for n in range(2_000)})
    begun = threading.Event()

    def server() -> None:
        for number in range(300):  # a process that was told to stop, and takes its time
            try:
                write_files(tree / f"{number % 50}", {f"late-{number}": "x"})
            except FileNotFoundError:
                continue
            begun.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(server)
        begun.wait(30)
        delete_tree(tree)
        writing.result()
    delete_tree(tree)
    assert not tree.exists()


def test_folders_a_thousand_deep_are_deleted(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    at = os.open(tree, os.O_RDONLY)
    for _ in range(1_500):
        os.mkdir("deeper", dir_fd=at)
        below = os.open("deeper", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    try:
        delete_tree(tree)
        assert not tree.exists()
    finally:
        subprocess.run(["rm", "-rf", str(tree)], check=True)  # pytest's own clean-up cannot


def test_links_files_and_nothing_are_deleted_for_what_they_are(tmp_path: Path) -> None:
    write_files(tmp_path, {"folder/a": "a", "file": "f"})
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "dangling", "file", "nowhere"):
        delete_tree(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
    assert (tmp_path / "folder/a").read_text() == "a"


def test_several_removals_of_one_worktree_keep_its_work_once(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"a.txt": "one\n", ".gitignore": "pkg/\n"})
    head = run_git(repo, "rev-parse", "HEAD")
    below, keep = tmp_path / "worktrees", "refs/maestro/s/recovered/t1"
    create_branch(repo, "maestro/x/t1", head)
    for _ in range(3):
        path = below / "t1"
        add_worktree(repo, path, "maestro/x/t1", head)
        write_files(path, {"new.txt": "unfinished\n", **{f"src/{n}.txt": "x" for n in range(200)}})
        cache(path / "pkg", 30)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            removals = [pool.submit(remove_worktree, repo, path, recover_as=keep, below=below) for _ in range(AT_ONCE)]
            saved = [done.result() for done in removals]
        assert len([s for s in saved if s]) == 1
        assert run_git(repo, "show", f"{keep}:new.txt") == "unfinished"
        assert list(below.iterdir()) == []
        assert len(list_worktrees(repo)) == 1


def test_what_an_earlier_removal_left_is_in_nobodys_way(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"})) as b:
        path = b.begin()
        write_files(path.with_name(f".t1{TRASH}"), {"kept/before": "x"})  # as of a version before, or killed
        cache(path.with_name(f".t1.abc123{TRASH}"))
        cleanup.remove_worktree(b.rt, b.session, path)
        assert b.begin() == path
        cleanup.remove_worktrees(b.rt, b.session)
        assert not path.parent.exists()
        assert "no worktree of this session" not in b.logs()
