"""What an agent leaves in its worktree: pipes, devices, files of a terabyte, odd names. Nothing hangs, nothing fills memory.

What a commit can hold lands; what it cannot goes back to the agent in words, and lands when it is gone.
"""

from __future__ import annotations

import os
import resource
import socket
import stat
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest

from maestro.core import queries
from maestro.errors import GitError
from maestro.worktrees import snapshot, uncommittable
from maestro.worktrees.deleting import delete_tree
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git

Plant = Callable[[Path], None]
_TB = 1 << 40
_MOST_MB = 400


def pipes(at: Path) -> None:
    os.mkfifo(at / "pipe")
    os.mkfifo(at / "test_pipe.py")


def sockets(at: Path) -> None:
    with chdir(at), socket.socket(socket.AF_UNIX) as door:  # the path of one may have a hundred characters
        door.bind("door")


def huge_and_ignored(at: Path) -> None:
    (at / ".gitignore").write_text("*.img\nnode_modules\n")
    (at / "node_modules").mkdir()
    for name in ("disk.img", "node_modules/x.js"):
        with (at / name).open("wb") as file:
            file.truncate(_TB)


def names(at: Path) -> None:
    for name in ("new\nline", "tab\t", "\x1b[31mred", "-rf", " ", "\u202e", "a\\b", ":(top)x", '"q"', "*", "..x", "é"):
        (at / name).write_text("x\n")
    with open(os.fsencode(at) + b"/\xff\xfe", "w") as file:  # noqa: PTH123 - no text
        file.write("x\n")


def deep(at: Path) -> None:
    with chdir(at):
        for _ in range(250):
            os.mkdir("d" * 40)  # noqa: PTH102 - from where one is: the whole path would be too long
            os.chdir("d" * 40)


def many(at: Path) -> None:
    for folder in range(10):
        (at / str(folder)).mkdir()
        for number in range(200):
            (at / str(folder) / str(number)).touch()


def links(at: Path) -> None:
    for name, to in {"zero": "/dev/zero", "loop": "loop", "up": "..", "random.py": "/dev/urandom"}.items():
        (at / name).symlink_to(to)


def large_text(at: Path) -> None:
    """More than a page shows, in one line."""
    (at / "line.txt").write_text("x" * 30_000_000)


def huge(at: Path) -> None:
    with (at / "disk.img").open("wb") as file:
        file.truncate(_TB)


def huge_in_place(at: Path) -> None:
    with (at / "a.txt").open("ab") as file:
        file.truncate(_TB)


def pipe_that_git_reads(at: Path) -> None:
    (at / "sub").mkdir()
    os.mkfifo(at / "sub/.gitignore")


def name_that_git_refuses(at: Path) -> None:
    (at / ".git ").write_text("x")


def _most_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_what_a_commit_can_hold_lands(tmp_path: Path) -> None:
    before = _most_mb()
    repo = make_repo(tmp_path / "repo", {"a.txt": "1\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["test -f a.txt"])) as b:
        b.measure_baseline()
        worktree = b.begin()
        for plant in (pipes, sockets, huge_and_ignored, names, deep, many, links, large_text):
            (worktree / plant.__name__).mkdir()
            plant(worktree / plant.__name__)
        b.end()
        assert b.land().status == "waiting"
        assert [(q.kind, "links/zero -> /dev/zero" in q.title) for q in b.asked()] == [("outside_files", True)]
        b.answer("allow")
        task = b.land()
        assert task.status == "completed", [(q.kind, q.title) for q in b.asked()]
        assert len(repr(queries.get_diff(b.rt, b.id))) < 20_000_000
        assert b.complete() == "completed", b.session.error_message
    assert _most_mb() - before < _MOST_MB
    delete_tree(worktree)
    assert not worktree.exists()


def test_what_is_larger_than_a_commit_takes_is_told_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a terabyte git would read for an hour; here the limit is small, so that this fails where nothing is told."""
    monkeypatch.setattr(uncommittable, "MOST_BYTES", 1000)
    repo = make_repo(tmp_path / "repo", {"a.txt": "1\n"})
    (repo / "a.txt").write_text("x" * 1001)
    with pytest.raises(uncommittable.Uncommittable, match=r"too large for a commit: 'a\.txt'"):
        snapshot.save_work(repo, repo, "refs/maestro/saved", "x")
    assert run_git(repo, "for-each-ref", "refs/maestro") == ""


def test_what_it_cannot_goes_back_to_the_agent(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"a.txt": "1\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["test -f a.txt"]), max_attempts=9) as b:
        for plant, words in {
            huge: "too large for a commit: 'disk.img' (1,024 GB)",
            huge_in_place: "too large for a commit: 'a.txt' (1,024 GB)",
            pipe_that_git_reads: "'sub/.gitignore' is a pipe or a device",
            name_that_git_refuses: "git refuses files of the name '.git '",
        }.items():
            worktree = b.begin()
            (worktree / "made.txt").write_text("x\n")
            plant(worktree)
            b.end()
            task = b.land()
            assert task.status == "running", task.error_message
            assert words in (task.prompt or "")
            with pytest.raises(GitError):  # nor is the worktree thrown away without it
                snapshot.save_work(repo, worktree, "refs/maestro/saved", "x")
            for path in worktree.rglob("*"):
                if stat.S_ISFIFO(path.lstat().st_mode):
                    path.unlink()
            run_git(worktree, "clean", "-fdq", "-e", "made.txt")
            run_git(worktree, "checkout", "-q", "a.txt")
        b.begin()
        b.end()
        assert b.land().status == "completed"
