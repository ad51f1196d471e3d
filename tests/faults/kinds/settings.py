"""What git is set to, and what is broken."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.faults.kinds.base import FILES, Kind, kind, set_globally, trap
from tests.repos import commit, make_repo, run_git


@kind
def broken_configuration(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    (repo / ".git/config").write_text("[core\n")
    return Kind(repo, refused="bad config line 1")


@kind
def broken_index(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    (repo / ".git/index").write_bytes(b"DIRC" + b"x" * 100)
    return Kind(repo, refused="git cannot read the checkout")


@kind
def head_lost(tmp: Path) -> Kind:
    """No repository to git, and yet nothing to run ``git init`` in."""
    repo = make_repo(tmp / "r", FILES)
    (repo / ".git/HEAD").unlink()
    return Kind(repo / "src", root=repo, refused=f"{repo / '.git'} exists, but git cannot read it")


@kind
def autocrlf(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES | {"dos.txt": b"one\r\ntwo\r\n", ".gitattributes": "*.txt text\n"})
    run_git(repo, "config", "core.autocrlf", "true")
    run_git(repo, "rm", "-q", "--cached", "-r", ".")
    run_git(repo, "reset", "-q", "--hard")
    return Kind(repo)


@kind
def sha256(tmp: Path) -> Kind:
    run_git(tmp, "init", "-q", "-b", "main", "--object-format=sha256", "r")
    commit(tmp / "r", FILES)
    return Kind(tmp / "r")


@kind
def reftable(tmp: Path) -> Kind:
    """Where this git can; else the usual refs once more."""
    if subprocess.run(
        ["git", "init", "-q", "-b", "main", "--ref-format=reftable", str(tmp / "r")], check=False, stderr=-3
    ).returncode:
        return Kind(make_repo(tmp / "r", FILES))
    commit(tmp / "r", FILES)
    return Kind(tmp / "r")


@kind
def packed_refs(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    for number in range(30):
        run_git(repo, "branch", f"old-{number}")
    run_git(repo, "pack-refs", "--all")
    run_git(repo, "gc", "-q")
    return Kind(repo)


@kind
def alternates(tmp: Path) -> Kind:
    make_repo(tmp / "r", FILES)
    run_git(tmp, "clone", "-q", "--shared", "r", "borrows")
    return Kind(tmp / "borrows")


@kind
def alternates_gone(tmp: Path) -> Kind:
    repo = alternates(tmp).path
    shutil.rmtree(tmp / "r")
    return Kind(repo, refused="missing")


def _partial(tmp: Path) -> Path:
    remote = make_repo(tmp / "remote", FILES | {"big.txt": "big\n"})
    commit(remote, {"big.txt": "bigger\n"})
    run_git(remote, "config", "uploadpack.allowFilter", "true")
    run_git(tmp, "clone", "-q", "--filter=blob:none", f"file://{remote}", "partial")
    return tmp / "partial"


@kind
def partial_clone_with_the_remote_gone(tmp: Path) -> Kind:
    repo = _partial(tmp)
    shutil.rmtree(tmp / "remote")
    return Kind(repo)


@kind
def partial_clone_without_the_files(tmp: Path) -> Kind:
    remote = _partial(tmp).parent / "remote"
    run_git(tmp, "clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{remote}", "r")
    run_git(tmp / "r", "config", "remote.origin.uploadpack", f"{trap(tmp)}; git-upload-pack")
    return Kind(tmp / "r", refused="fetch --refetch")


@kind
def partial_and_sparse_with_the_remote_gone(tmp: Path) -> Kind:
    remote = _partial(tmp).parent / "remote"
    commit(remote, {"docs/a.md": "never fetched\n"})
    run_git(tmp, "clone", "-q", "--filter=blob:none", "--sparse", f"file://{remote}", "r")
    shutil.rmtree(remote)
    return Kind(tmp / "r")


@kind
def sparse_checkout(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES | {"docs/a.md": "a\n"})
    run_git(repo, "sparse-checkout", "set", "src")
    return Kind(repo, work="test ! -e docs || exit 1")


@kind
def lfs_without_its_filter(tmp: Path) -> Kind:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 5\n"
    repo = make_repo(tmp / "r", FILES | {".gitattributes": "*.bin filter=lfs\n", "a.bin": pointer})
    return Kind(repo, wanted={"a.bin": pointer.encode()})


@kind
def lfs_required_and_not_installed(tmp: Path) -> Kind:
    repo = lfs_without_its_filter(tmp).path
    for name, value in (("process", "no-such-git-lfs filter-process"), ("required", "true")):
        set_globally(tmp, f"filter.lfs.{name}", value)
    return Kind(repo, refused="no-such-git-lfs")


@kind
def own_filter_of_the_user(tmp: Path) -> Kind:
    """Set in the user's own configuration, so it runs: each file is stored upside down."""
    set_globally(tmp, "filter.turn.clean", "rev")
    set_globally(tmp, "filter.turn.smudge", "rev")
    return Kind(make_repo(tmp / "r", FILES | {".gitattributes": "*.turned filter=turn\n", "a.turned": "cba\n"}))
