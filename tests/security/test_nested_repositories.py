"""Git in a repository that an agent made inside of its worktree: where its files are and what runs is not for it to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.errors import GitError
from maestro.worktrees import nested
from maestro.worktrees.git import git
from tests.repos import make_repo, run_git


@pytest.fixture
def inner(tmp_path: Path) -> Path:
    make_repo(tmp_path / "root", {"a.txt": "1\n"})
    return make_repo(tmp_path / "root/inner", {"b.txt": "1\n"})


def test_no_filter_of_its_own_runs(inner: Path, tmp_path: Path) -> None:
    for kind in ("clean", "smudge", "process"):
        run_git(inner, "config", f"filter.evil.{kind}", f"touch {tmp_path}/ran; cat")
    (inner / ".git/info/attributes").write_text("* filter=evil\n")
    (inner / "b.txt").write_text("2\n")
    env = nested.environment(inner, tmp_path / "root")
    assert git(inner, "status", "--porcelain", env=env).text == " M b.txt"
    git(inner, "add", "-A", env=env)
    git(inner, "checkout", "-q", "-f", "HEAD", "--", "b.txt", env=env)
    assert (inner / "b.txt").read_text() == "1\n"
    assert not (tmp_path / "ran").exists()


def test_its_files_are_where_it_lies(inner: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "b.txt").write_text("mine\n")
    (home / "mine.txt").write_text("mine\n")
    run_git(inner, "config", "core.worktree", str(home))
    (inner / "new.txt").write_text("x\n")
    env = nested.environment(inner, tmp_path / "root")
    assert git(inner, "ls-files", "--others", env=env).text == "new.txt"
    git(inner, "reset", "-q", "--hard", env=env)
    git(inner, "clean", "-fdxq", env=env)
    assert sorted(path.name for path in home.iterdir()) == ["b.txt", "mine.txt"]
    assert (home / "b.txt").read_text() == "mine\n"


def test_one_that_leads_elsewhere_is_refused(inner: Path, tmp_path: Path) -> None:
    other = make_repo(tmp_path / "other", {"c.txt": "1\n"})
    (inner / ".git").rename(tmp_path / "kept")
    (inner / ".git").write_text(f"gitdir: {other}/.git\n")
    with pytest.raises(GitError, match="no git folder of its own"):
        nested.environment(inner, tmp_path / "root")
