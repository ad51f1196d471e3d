"""Files of git-lfs: worktrees hold what the user's checkout holds, and nothing is fetched for them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from maestro.worktrees import scratch
from maestro.worktrees.manager import add_worktree
from tests.landing import bench, plan_of
from tests.repos import commit, make_repo, run_git

_POINTER = b"version https://git-lfs.github.com/spec/v1\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    assert shutil.which("git-lfs"), "git-lfs is missing: scripts/find_sandbox.py brings it, or says how"
    made = make_repo(tmp_path / "repo", {"README.md": "# A\n"})
    run_git(made, "lfs", "install", "--local", "--skip-repo")
    # Whoever asks there waits for nobody: nothing listens.
    run_git(made, "config", "lfs.url", "http://127.0.0.1:9/nobody")
    commit(made, {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "a.bin": b"\0" * 5000})
    return made


def test_content_is_there_where_the_checkout_has_it(tmp_path: Path, repo: Path) -> None:
    before = (repo / ".git/config").read_bytes()
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["test $(wc -c < a.bin) = 5000"])) as b:
        b.measure_baseline()
        worktree = b.begin()
        (worktree / "b.bin").write_bytes(b"\1" * 7000)
        b.end()
        assert b.land().status == "completed", b.logs()
        assert b.complete() == "completed", b.logs()
        assert run_git(repo, "cat-file", "-p", f"{b.session.session_branch}:b.bin").encode().startswith(_POINTER)
        assert (repo / ".git/config").read_bytes() == before
        run_git(repo, "merge", "-q", "--ff-only", b.session.session_branch)
        assert (repo / "b.bin").read_bytes() == b"\1" * 7000


def test_pointers_are_there_where_the_checkout_has_pointers(tmp_path: Path, repo: Path) -> None:
    run_git(tmp_path, "clone", "-q", str(repo), "clone", env={"GIT_LFS_SKIP_SMUDGE": "1"})
    repo = tmp_path / "clone"
    run_git(repo, "lfs", "install", "--local", "--skip-repo")
    pointer = (repo / "a.bin").read_bytes()
    assert pointer.startswith(_POINTER)
    data = tmp_path / "data"
    add_worktree(repo, data / "t1", "maestro/x-1/t1", "HEAD")
    scratch.lay_out(repo, data / "t2", "HEAD", below=data)
    assert (data / "t1/a.bin").read_bytes() == (data / "t2/a.bin").read_bytes() == pointer
    assert run_git(data / "t1", "status", "--porcelain") == ""


def test_content_of_a_submodule_comes_from_the_checkout_too(tmp_path: Path, repo: Path) -> None:
    outer = make_repo(tmp_path / "outer", {"README.md": "# A\n"})
    run_git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo), "lib",
            env={"GIT_LFS_SKIP_SMUDGE": "1"})  # fmt: skip
    shutil.copytree(repo / ".git/lfs", outer / ".git/modules/lib/lfs")
    commit(outer, {})
    home = Path.home() / ".gitconfig"
    home.write_text(
        '[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge -- %f\n\trequired = true\n'
    )
    try:
        add_worktree(outer, tmp_path / "data/t1", "maestro/x-1/t1", "HEAD")
    finally:
        home.unlink()
    assert (tmp_path / "data/t1/lib/a.bin").read_bytes() == b"\0" * 5000
