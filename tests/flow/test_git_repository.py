"""Looking at repositories as people have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from maestro.errors import GitError, InvalidInput, NotFound
from maestro.worker import proctable
from maestro.worktrees.git import git
from maestro.worktrees.repository import (
    inspect,
    instructions,
    list_files,
    read_file,
    resolve_base,
    search,
    suggest_checks,
)
from tests.app_process import wait_for
from tests.repos import commit, make_repo, run_git


def _refused(path: Path | str) -> str:
    with pytest.raises(InvalidInput) as caught:
        inspect(path)
    assert set(caught.value.fields) == {"repo_path"}
    return caught.value.detail


@pytest.mark.parametrize("name", ["plain", "with space", "émoji 🎼", "new\nline", "quote\"'$(x)", "-option"])
def test_a_repository_is_read_whatever_its_folder_is_called(tmp_path: Path, name: str) -> None:
    repo = make_repo(tmp_path / name, {"a.txt": "a\n", "sub/b.txt": "b\n"})
    (repo / "loose.txt").write_text("mine")
    info = inspect(repo)
    assert info.root == repo
    assert (info.branch, info.dirty, info.dirty_files) == ("main", True, 1)
    assert info.head_commit == run_git(repo, "rev-parse", "HEAD")
    assert inspect(repo / "sub").root == repo


def test_looking_writes_nothing_into_the_checkout(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {"a.txt": "a\n"})
    os.utime(repo / "a.txt", (1, 1))  # git would refresh its index for this
    before = (repo / ".git/index").read_bytes()
    inspect(repo)
    assert (repo / ".git/index").read_bytes() == before


def test_each_unusable_path_is_refused_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    make_repo(tmp_path / "r", {"a": "a"})
    run_git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "r"), str(tmp_path / "bare.git"))
    run_git(tmp_path, "init", "-q", str(tmp_path / "unborn"))
    assert "relative path" in _refused("some/repo")
    assert "NUL" in _refused("/tmp/a\0b")
    assert "Enter the folder" in _refused("")
    assert "does not exist" in _refused(tmp_path / "nowhere")
    assert "does not exist" in _refused(tmp_path / "file" / "below")
    assert "is a file" in _refused(tmp_path / "file")
    assert "not a git repository" in _refused(tmp_path / "empty")
    assert "bare repository" in _refused(tmp_path / "bare.git")
    assert "maestro first-commit" in _refused(tmp_path / "unborn")
    assert "folder above" in _refused(tmp_path / "r" / ".git")
    assert "cannot be read" in _refused("/" + "x" * 5000)


def test_an_unreadable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_path: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("maestro.worktrees.repository.os.scandir", denied)
    assert "permission denied" in _refused(tmp_path)


def test_a_linked_worktree_a_shallow_clone_and_a_detached_head_are_accepted(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {"a": "1"})
    commit(repo, {"a": "2"})
    run_git(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "wt"))
    linked = inspect(tmp_path / "wt")
    assert (linked.branch, linked.git_dir) == ("side", repo / ".git")
    run_git(tmp_path, "clone", "-q", "--depth=1", f"file://{repo}", str(tmp_path / "shallow"))
    assert inspect(tmp_path / "shallow").shallow
    run_git(repo, "checkout", "-q", "--detach")
    info = inspect(repo)
    assert info.branch is None
    assert resolve_base(info, None) == (None, info.head_commit)


def test_a_worktree_of_a_bare_clone_is_accepted(tmp_path: Path) -> None:
    make_repo(tmp_path / "r", {"a": "1"})
    run_git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "r"), str(tmp_path / "bare.git"))
    run_git(tmp_path / "bare.git", "worktree", "add", "-q", str(tmp_path / "wt"), "main")
    assert inspect(tmp_path / "wt").branch == "main"


@pytest.mark.parametrize("name", ["main;touch${IFS}x", "feature/ümlaut", "a$(id>x)", "v1.0@home"])
def test_branch_names_that_a_shell_would_run_just_work(tmp_path: Path, name: str) -> None:
    repo = make_repo(tmp_path / "r", {"a": "1"})
    run_git(repo, "branch", name)
    info = inspect(repo)
    assert name in info.branches
    assert resolve_base(info, name) == (name, info.head_commit)
    assert not (repo / "x").exists()


@pytest.mark.parametrize("name", ["-x", "--help", "no\0pe", "unknown", "main~1", "main@{0}", "HEAD", "../main"])
def test_a_base_that_is_no_local_branch_is_refused(tmp_path: Path, name: str) -> None:
    repo = make_repo(tmp_path / "r", {"a": "1"})
    commit(repo, {"a": "2"})
    with pytest.raises(InvalidInput) as caught:
        resolve_base(inspect(repo), name)
    assert set(caught.value.fields) == {"base_branch"}


def test_reading_stays_inside_the_commit(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {"src/a b.py": "one\ntwo\n", "ünï.txt": "x", "nl\nname": "needle\n", ":!q": "odd"})
    at = run_git(repo, "rev-parse", "HEAD")
    (repo / "src/a b.py").write_text("changed since")
    (repo / ".env").write_text("SECRET=needle")
    (tmp_path / "outside").write_text("needle")
    assert list_files(repo, at) == [":!q", "nl\nname", "src/a b.py", "ünï.txt"]
    assert read_file(repo, at, ":!q", 100) == b"odd"
    assert list_files(repo, at, "src/") == list_files(repo, at, "./src") == ["src/a b.py"]
    assert list_files(repo, at, "../") == []
    assert read_file(repo, at, "src/a b.py", 100) == b"one\ntwo\n"
    assert read_file(repo, at, "src/a b.py", 3) == b"one"
    for path in (".env", "../outside", "/etc/passwd", "src", "", "src/*", ".git/config", "a\0b"):
        with pytest.raises(NotFound):
            read_file(repo, at, path, 100)
    assert search(repo, at, "needle", 10) == [("nl\nname", 1, "needle")]


def test_search_takes_regular_expressions_and_falls_back_to_plain_text(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {"a.py": "def f(x):\n    return x[\n" + "z" * 5000 + "\n"})
    at = run_git(repo, "rev-parse", "HEAD")
    assert search(repo, at, r"def [a-z]+", 5) == [("a.py", 1, "def f(x):")]
    assert search(repo, at, "x[", 5) == [("a.py", 2, "    return x[")]
    assert search(repo, at, "--help", 5) == []
    assert len(search(repo, at, "z+", 5)[0][2]) == 300


def test_checks_are_suggested_from_what_is_tracked(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "pyproject.toml": "[tool.pytest.ini_options]\n",
        "tests/test_a.py": "",
        "package.json": '{"scripts": {"test": "jest"}}',
        "go.mod": "module x\n",
        "Cargo.toml": "",
        "Makefile": "all:\n\ntest: all\n\techo\n",
    }
    repo = make_repo(tmp_path / "r", files)
    expected = ["python -m pytest -q", "npm test", "cargo test", "go test ./...", "make test"]
    assert suggest_checks(repo, "HEAD") == expected
    bare = make_repo(tmp_path / "s", {"README": "", "package.json": "{broken"})
    assert suggest_checks(bare, "HEAD") == []


def test_instructions_are_read_once_when_one_file_links_to_the_other(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {"CLAUDE.md": "Use tabs.\n" + "x" * 50_000})
    (repo / "AGENTS.md").symlink_to("CLAUDE.md")
    commit(repo, {})
    text = instructions(repo, "HEAD")
    assert text.count("Use tabs.") == 1
    assert "cut here" in text
    assert len(text) < 21_000


def test_our_calls_run_no_code_that_the_repository_configures(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {"a": "1\n", ".gitattributes": "* diff=evil merge=evil\n"})
    trap = f"touch {tmp_path}/trap; false"
    for key in ("core.fsmonitor", "diff.external", "diff.evil.textconv", "diff.evil.command", "core.editor"):
        run_git(repo, "config", key, trap)
    for name in ("post-checkout", "pre-commit", "reference-transaction", "post-index-change"):
        hook = repo / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{trap}\n")
        hook.chmod(0o755)
    (repo / "a").write_text("2\n")
    inspect(repo)
    git(repo, "diff", "--no-ext-diff", "--no-textconv")
    search(repo, "HEAD", "1", 5)
    assert not (tmp_path / "trap").exists()


def test_ambient_git_variables_do_not_lead_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = make_repo(tmp_path / "one", {"a": "1"})
    two = make_repo(tmp_path / "two", {"b": "1"})
    monkeypatch.setenv("GIT_DIR", str(two / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(two / ".git/index"))
    assert inspect(one).root == one
    assert git(one, "ls-files").text == "a"


def test_a_folder_without_git_never_stands_for_the_repository_above_it(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {"a": "1"})
    (repo / "data").mkdir()
    with pytest.raises(GitError):
        git(repo / "data", "status")


def test_a_call_that_hangs_is_stopped_with_all_it_started(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {"a": "1"})
    run_git(repo, "config", "alias.hang", f"!sleep 60 & echo $! > '{tmp_path}/pid'; wait")
    with pytest.raises(GitError, match="took longer"):
        git(repo, "hang", timeout_s=2)
    pid = int((tmp_path / "pid").read_text())
    wait_for(lambda: proctable.one(pid) is None, 120, "what it started to end")
