"""Where HEAD stands, and where the folder lies."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.faults.kinds.base import FILES, Kind, kind, set_globally
from tests.repos import commit, make_repo, run_git, write_files


@kind
def dirty(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    (repo / "README.md").write_text("mine\n")
    write_files(repo, {"staged.txt": "staged\n", "loose.txt": "loose\n", "x.log": "ignored\n"})
    run_git(repo, "add", "staged.txt")
    (repo / "src/app.py").unlink()
    return Kind(repo)


@kind
def detached(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "checkout", "-q", "--detach")
    return Kind(repo, blocked="Name the branch", target="main")


@kind
def unborn(tmp: Path) -> Kind:
    run_git(tmp, "init", "-q", "r")
    write_files(tmp / "r", FILES)
    return Kind(tmp / "r", refused="no commit yet")


@kind
def no_repository(tmp: Path) -> Kind:
    write_files(tmp / "r", FILES)
    return Kind(tmp / "r", refused="not a git repository")


@kind
def one_empty_commit(tmp: Path) -> Kind:
    run_git(tmp, "init", "-q", "-b", "main", "r")
    run_git(tmp / "r", "commit", "-q", "--allow-empty", "-m", "Nothing yet")
    return Kind(tmp / "r")


@kind
def bare(tmp: Path) -> Kind:
    make_repo(tmp / "r", FILES)
    run_git(tmp, "clone", "-q", "--bare", "r", "bare.git")
    return Kind(tmp / "bare.git", refused="bare repository")


@kind
def shallow(tmp: Path) -> Kind:
    commit(make_repo(tmp / "r", FILES), {"b": "2"})
    run_git(tmp, "clone", "-q", "--depth=1", f"file://{tmp}/r", "shallow")
    return Kind(tmp / "shallow")


@kind
def no_identity_allowed(tmp: Path) -> Kind:
    set_globally(tmp, "user.useConfigOnly", "true")
    return Kind(make_repo(tmp / "r", FILES))


@kind
def odd_path(tmp: Path) -> Kind:
    return Kind(make_repo(tmp / "a b 🎼 $(touch TRAPPED) 'q\"\nnewline", FILES))


@kind
def subfolder(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    return Kind(repo / "src", root=repo)


@kind
def symlinked(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    (tmp / "link").symlink_to("r")
    return Kind(tmp / "link", root=repo)


@kind
def linked_worktree(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "worktree", "add", "-q", "-b", "side", str(tmp / "side"))
    return Kind(tmp / "side", target="side")


@kind
def worktree_whose_repository_is_gone(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "worktree", "add", "-q", "-b", "side", str(tmp / "side"))
    repo.rename(tmp / "moved")
    return Kind(tmp / "side", refused="points to")


@kind
def separate_git_dir(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "init", "-q", "--separate-git-dir", str(tmp / "elsewhere.git"))
    return Kind(repo)


@kind
def work_tree_elsewhere(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    (tmp / "victim").mkdir()
    run_git(repo, "config", "core.worktree", str(tmp / "victim"))
    return Kind(repo, refused="core.worktree")


@kind
def nested_inside_another(tmp: Path) -> Kind:
    outer = make_repo(tmp / "outer", FILES)
    return Kind(make_repo(outer / "inner", FILES))


@kind
def another_nested_inside(tmp: Path) -> Kind:
    outer = make_repo(tmp / "outer", FILES)
    make_repo(outer / "inner", FILES)
    return Kind(outer)


@kind
def with_submodules(tmp: Path) -> Kind:
    library = make_repo(tmp / "library", {"lib.txt": "lib\n"})
    repo = make_repo(tmp / "r", FILES)
    run_git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    commit(repo, {}, "With a submodule")
    return Kind(repo)


@kind
def with_submodules_that_may_be_fetched(tmp: Path) -> Kind:
    """By the user's own configuration; a submodule's own is not asked."""
    repo = with_submodules(tmp).path
    set_globally(tmp, "protocol.file.allow", "always")
    return Kind(repo, work="test -s lib/lib.txt || exit 1")


@kind
def submodule_as_the_path(tmp: Path) -> Kind:
    outer = with_submodules(tmp).path
    return Kind(outer / "lib")


@kind
def read_only(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    objects = repo / ".git/objects"
    objects.chmod(0o500)
    if os.geteuid() == 0:  # whom no mode stops: refs that lie where the kernel lets nobody make files
        run_git(repo, "pack-refs", "--all")
        shutil.rmtree(repo / ".git/refs")
        (repo / ".git/refs").symlink_to("/proc/sys/debug")
    return Kind(repo, refused="cannot write to", free=lambda: objects.chmod(0o700))


@kind
def other_owner(tmp: Path) -> Kind:
    repo = make_repo(tmp / "r", FILES)
    if os.geteuid() != 0:  # only root can give files away
        _take_us_for_somebody_else(tmp)
        return Kind(repo, refused="safe.directory")
    for path in (repo, *repo.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    return Kind(repo, refused="safe.directory")


@kind
def other_owner_trusted(tmp: Path) -> Kind:
    repo = other_owner(tmp).path
    # git's switch is about its worktrees as well, which here are the user's own.
    set_globally(tmp, "--add", "safe.directory", str(repo) if os.geteuid() == 0 else "*")
    return Kind(repo)


def _take_us_for_somebody_else(tmp: Path) -> None:
    """From now on, for git on PATH: its own switch for tests of whom a repository belongs to. Tests restore PATH."""
    own = tmp / "bin/git"
    own.parent.mkdir()
    own.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {shutil.which("git")} "$@"\n')
    own.chmod(0o755)
    os.environ["PATH"] = f"{own.parent}:{os.environ['PATH']}"
