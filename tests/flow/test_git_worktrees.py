"""Branches and worktrees: made once, reused, never at the cost of anybody's work."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maestro.errors import Conflict, GitError, InvalidInput
from maestro.worktrees import manager
from maestro.worktrees.fingerprint import fingerprint
from maestro.worktrees.integration import commit_all, is_clean, list_refs
from maestro.worktrees.listing import list_worktrees
from maestro.worktrees.manager import (
    add_worktree,
    copy_ignored,
    create_branch,
    delete_branch,
    remove_worktree,
    session_branch,
    task_branch,
)
from tests.repos import commit, make_repo, run_git, write_files

SESSION = "1234abcd-0000-0000-0000-000000000000"
BRANCH = "maestro/idea-1234abcd/t1"
KEEP = f"refs/maestro/{SESSION}/recovered/t1"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "user repo 🎼", {"a.txt": "one\n", ".gitignore": ".env\nbuild/\n"})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data folder é" / "worktrees"


def _head(repo: Path, ref: str = "HEAD") -> str:
    return run_git(repo, "rev-parse", ref)


def test_names_are_plain_short_and_never_empty() -> None:
    assert session_branch("Füge CSV-Export hinzu!", SESSION) == "maestro/fuge-csv-export-hinzu-1234abcd/main"
    assert session_branch("日本語", SESSION) == "maestro/session-1234abcd/main"
    slug = session_branch("x" * 300, SESSION).split("/")[1]
    assert len(slug) <= 49
    branch = session_branch("a", SESSION)
    assert task_branch(branch, "t1") == "maestro/a-1234abcd/t1"
    odd = ["main", "a b", "a/b", "..", "x.lock", "-f", ""]
    names = {task_branch(branch, key) for key in odd}
    assert len(names) == len(odd)
    assert branch not in names


def test_a_branch_is_created_once_and_never_moved(repo: Path) -> None:
    first = _head(repo)
    create_branch(repo, BRANCH, first)
    create_branch(repo, BRANCH, first)
    second = commit(repo, {"a.txt": "two\n"})
    with pytest.raises(Conflict, match="already exists"):
        create_branch(repo, BRANCH, second)
    assert _head(repo, BRANCH) == first
    with pytest.raises(InvalidInput):
        create_branch(repo, "-bad..name", first)


def test_a_branch_called_maestro_is_named_as_what_is_in_the_way(repo: Path, data: Path) -> None:
    run_git(repo, "branch", "maestro")
    with pytest.raises(Conflict, match="“maestro” exists"):
        add_worktree(repo, data / "t1", BRANCH, _head(repo))
    assert not (data / "t1").exists()


def test_a_worktree_is_made_reused_and_made_again_after_its_folder_was_deleted(repo: Path, data: Path) -> None:
    path = data / "t 1 😀"
    start = _head(repo)
    assert add_worktree(repo, path, BRANCH, start).created
    assert (path / "a.txt").read_text() == "one\n"
    (path / "kept.txt").write_text("kept")
    assert not add_worktree(repo, path, BRANCH, start).created
    assert (path / "kept.txt").exists()
    made = commit_all(path, "Work", {})
    shutil.rmtree(path)
    assert add_worktree(repo, path, BRANCH, start).created
    assert _head(path) == made, "a retry goes on from the branch"
    assert run_git(repo, "config", "--get-regexp", "^branch", check=False) == ""


def test_the_users_checkout_config_and_hooks_are_untouched_by_all_of_it(repo: Path, data: Path) -> None:
    hook = repo / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (repo / "dirty.txt").write_text("mine")
    before = fingerprint(repo)
    add_worktree(repo, data / "t1", BRANCH, _head(repo))
    (data / "t1" / "b.txt").write_text("b")
    commit_all(data / "t1", "Work", {})
    remove_worktree(repo, data / "t1", recover_as=KEEP, below=data)
    assert fingerprint(repo) == before


def test_twelve_worktrees_at_once_all_succeed(repo: Path, data: Path) -> None:
    start = _head(repo)
    with ThreadPoolExecutor(12) as pool:
        reports = list(pool.map(lambda n: add_worktree(repo, data / f"t{n}", f"maestro/x-1/t{n}", start), range(12)))
    assert all(report.created for report in reports)
    assert len(list_worktrees(repo)) == 13


def test_a_failed_add_leaves_no_branch_and_no_folder(repo: Path, data: Path) -> None:
    write_files(repo, {".gitattributes": "*.bin filter=broken\n", "x.bin": "x"})
    start = commit(repo, {})
    run_git(repo, "config", "filter.broken.smudge", "false")
    run_git(repo, "config", "filter.broken.required", "true")
    with pytest.raises(GitError):
        add_worktree(repo, data / "t1", BRANCH, start)
    assert not (data / "t1").exists()
    assert run_git(repo, "branch", "--list", BRANCH) == ""
    assert len(list_worktrees(repo)) == 1
    run_git(repo, "config", "filter.broken.smudge", "cat")
    assert add_worktree(repo, data / "t1", BRANCH, start).created


def test_a_folder_that_holds_something_else_is_left_alone(repo: Path, data: Path) -> None:
    write_files(data / "t1", {"precious": "p"})
    with pytest.raises(Conflict, match="in the way"):
        add_worktree(repo, data / "t1", BRANCH, _head(repo))
    assert (data / "t1/precious").read_text() == "p"
    with pytest.raises(Conflict, match="not a worktree"):
        remove_worktree(repo, data / "t1", recover_as=KEEP, below=data)
    assert (data / "t1/precious").exists()


def test_a_worktree_whose_add_was_killed_is_made_anew(repo: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "_UNFINISHED_WAIT_S", 0.1)
    add_worktree(repo, data / "t1", BRANCH, _head(repo))
    (data / "t1" / "a.txt").unlink()  # as a checkout that stopped half-way
    (repo / ".git/worktrees/t1/locked").write_text("initializing")
    assert add_worktree(repo, data / "t1", BRANCH, _head(repo)).created
    assert (data / "t1" / "a.txt").exists()


def test_the_users_own_missing_worktree_keeps_its_registration(repo: Path, data: Path, tmp_path: Path) -> None:
    run_git(repo, "worktree", "add", "-q", "-b", "mine", str(tmp_path / "usb"))
    (tmp_path / "usb").rename(tmp_path / "unplugged")
    add_worktree(repo, data / "t1", BRANCH, _head(repo))
    shutil.rmtree(data / "t1")
    add_worktree(repo, data / "t1", BRANCH, _head(repo))
    remove_worktree(repo, data / "t1", recover_as=None, below=data)
    (tmp_path / "unplugged").rename(tmp_path / "usb")
    assert run_git(tmp_path / "usb", "branch", "--show-current") == "mine"


def test_worktrees_are_found_again_after_the_data_folder_was_moved(repo: Path, data: Path) -> None:
    add_worktree(repo, data / "t1", BRANCH, _head(repo))
    (data / "t1" / "new.txt").write_text("n")
    moved = data.with_name("moved")
    data.rename(moved)
    assert not add_worktree(repo, moved / "t1", BRANCH, _head(repo)).created
    assert (moved / "t1" / "new.txt").exists()
    assert not is_clean(moved / "t1")


def test_removing_saves_tracked_and_untracked_work_first(repo: Path, data: Path) -> None:
    path = data / "t1"
    add_worktree(repo, path, BRANCH, _head(repo))
    write_files(path, {"a.txt": "changed\n", "new é\n.txt": "new", ".env": "secret"})
    saved = remove_worktree(repo, path, recover_as=KEEP, below=data)
    assert saved is not None
    assert not path.exists()
    assert list_refs(repo, f"refs/maestro/{SESSION}") == {KEEP: saved}
    assert run_git(repo, "show", f"{saved}:a.txt") == "changed"
    names = run_git(repo, "ls-tree", "--name-only", "-z", saved).split("\0")
    assert "new é\n.txt" in names
    assert ".env" not in names
    assert _head(repo, f"{saved}^") == _head(repo)
    assert remove_worktree(repo, path, recover_as=KEEP, below=data) is None, "done stays done"
    assert list(data.iterdir()) == []


def test_work_saved_twice_under_one_name_is_kept_twice(repo: Path, data: Path) -> None:
    saved = []
    for words in ("first", "second"):
        add_worktree(repo, data / "t1", BRANCH, _head(repo))
        (data / "t1" / "a.txt").write_text(words)
        saved.append(remove_worktree(repo, data / "t1", recover_as=KEEP, below=data))
    assert set(list_refs(repo, "refs/maestro").values()) == set(saved)


def test_commits_on_a_detached_head_survive_the_removal(repo: Path, data: Path) -> None:
    add_worktree(repo, data / "t1", BRANCH, _head(repo))
    run_git(data / "t1", "checkout", "-q", "--detach")
    lost = commit(data / "t1", {"x": "x"})
    assert remove_worktree(repo, data / "t1", recover_as=KEEP, below=data) == lost
    assert list_refs(repo, KEEP) == {KEEP: lost}


def test_work_survives_when_the_agent_deleted_or_replaced_git(repo: Path, data: Path) -> None:
    for number, replace in enumerate((False, True)):
        path = data / f"t{number}"
        add_worktree(repo, path, f"maestro/x-1/t{number}", _head(repo))
        (path / "a.txt").write_text("work")
        (path / ".git").unlink()
        if replace:
            run_git(path, "init", "-q")
        saved = remove_worktree(repo, path, recover_as=KEEP, below=data)
        assert saved is not None
        assert run_git(repo, "show", f"{saved}:a.txt") == "work"
        assert not path.exists()


def test_files_of_a_repository_inside_the_worktree_are_saved_too(repo: Path, data: Path) -> None:
    path = data / "t1"
    add_worktree(repo, path, BRANCH, _head(repo))
    make_repo(path / "sub/app", {"main.py": "print()"})
    (path / "empty").mkdir()
    run_git(path / "empty", "init", "-q")
    (path / "empty/x.txt").write_text("x")
    assert commit_all(path, "Work", {}) is None, "no half a submodule in a commit"
    assert is_clean(path)
    saved = remove_worktree(repo, path, recover_as=KEEP, below=data)
    assert saved is not None
    names = run_git(repo, "ls-tree", "-r", "--name-only", saved).splitlines()
    assert {"sub/app/main.py", "empty/x.txt"} <= set(names)


def test_read_only_folders_do_not_stop_a_removal(repo: Path, data: Path) -> None:
    add_worktree(repo, data / "t1", BRANCH, _head(repo))
    write_files(data / "t1", {"build/cache/x": "x"})
    (data / "t1/build/cache").chmod(0o500)
    remove_worktree(repo, data / "t1", recover_as=KEEP, below=data)
    assert not (data / "t1").exists()


def test_nothing_outside_the_data_folder_is_ever_removed(repo: Path, data: Path, tmp_path: Path) -> None:
    run_git(repo, "worktree", "add", "-q", "-b", "mine", str(tmp_path / "mine"))
    data.mkdir(parents=True)
    (data / "link").symlink_to(tmp_path / "mine")
    for path in (tmp_path / "mine", repo, data, data / ".." / ".." / "mine", data / "link"):
        with pytest.raises(Conflict):
            remove_worktree(repo, path, recover_as=None, below=data)
    with pytest.raises(Conflict, match="main checkout"):
        remove_worktree(repo, repo, recover_as=None, below=tmp_path)
    assert (tmp_path / "mine" / "a.txt").exists()


def test_work_inside_a_submodule_is_saved_before_the_submodule_goes(
    repo: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home/.gitconfig").write_text('[protocol "file"]\n\tallow = always\n')
    lib = make_repo(tmp_path / "lib", {"lib.txt": "lib"})
    run_git(repo, "submodule", "--quiet", "add", str(lib), "lib")
    start = commit(repo, {})
    for name, committed in (("edited", False), ("committed", True)):
        path = data / name
        add_worktree(repo, path, f"maestro/x-1/{name}", start)
        write_files(path, {"lib/lib.txt": name})
        made = commit(path / "lib", {}) if committed else None
        commit_all(path, "Work", {})
        assert is_clean(path)
        saved = remove_worktree(repo, path, recover_as=KEEP, below=data)
        assert saved is not None
        assert run_git(repo, "show", f"{saved}:lib/lib.txt") == name
        if made:
            kept = run_git(repo / "lib", "for-each-ref", "--format=%(refname)", f"--contains={made}")
            assert kept == f"{KEEP}-lib-{made[:12]}"


def test_ignored_files_are_copied_by_pattern_and_nothing_else(repo: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("o")
    write_files(repo, {".env": "K=1", "sub/.env": "K=2", "local.cfg": "untracked", "build/x": "x", "other": "o"})
    (repo / "build/out").symlink_to(tmp_path / "outside")
    (repo / "build/abs").symlink_to(repo / ".env")
    (repo / "build/rel").symlink_to("x")
    os.mkfifo(repo / "build/pipe")
    add_worktree(repo, data / "t1", BRANCH, _head(repo))
    (repo / "a.txt").write_text("the user's edit")
    (data / "t1/sub").mkdir()
    (data / "t1/sub/.env").write_text("already there")
    copied = copy_ignored(repo, data / "t1", [".env", "build/", "*.cfg", "a.txt", "# words", ""])
    assert sorted(copied) == [".env", "build/rel", "build/x", "local.cfg"]
    assert (data / "t1/a.txt").read_text() == "one\n"
    assert (data / "t1/sub/.env").read_text() == "already there"
    assert (data / "t1/build/rel").is_symlink()


def test_copied_files_never_reach_a_commit_even_where_git_does_not_ignore_them(repo: Path, data: Path) -> None:
    start = commit(repo, {".gitignore": ".env\n"})
    write_files(repo, {"secrets.toml": "token", ".env": "API_KEY=secret"})
    path = data / "t1"
    add_worktree(repo, path, BRANCH, start)
    assert sorted(copy_ignored(repo, path, ["secrets.toml", ".env"])) == [".env", "secrets.toml"]
    assert is_clean(path)
    (path / ".gitignore").write_text("node_modules/\n")  # it names the copied file no more
    run_git(path, "add", "-A")  # as agents do
    (path / "a.txt").write_text("work")
    made = commit_all(path, "Work", {})
    assert made is not None
    assert run_git(repo, "show", "--name-only", "--format=", made).split() == [".gitignore", "a.txt"]
    assert (path / "secrets.toml").exists()


def test_a_target_folder_that_is_a_link_out_of_the_worktree_is_not_written(
    repo: Path, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (repo / "conf").symlink_to(tmp_path / "elsewhere")
    start = commit(repo, {})
    (repo / "conf").unlink()
    write_files(repo, {"conf/.env": "K=1"})
    add_worktree(repo, data / "t1", BRANCH, start)
    assert copy_ignored(repo, data / "t1", [".env"]) == []
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_fingerprint_tells_a_look_from_a_change(repo: Path) -> None:
    (repo / "dirty.txt").write_text("1")
    before = fingerprint(repo)
    run_git(repo, "status")  # a look by the user's editor
    os.utime(repo / "a.txt")
    run_git(repo, "update-index", "--refresh")
    create_branch(repo, BRANCH, _head(repo))
    assert fingerprint(repo) == before
    (repo / "dirty.txt").write_text("2!")
    assert fingerprint(repo).files != before.files
    run_git(repo, "add", "dirty.txt")
    assert fingerprint(repo).index != before.index


def test_a_data_folder_inside_the_repository_is_not_an_escape(repo: Path) -> None:
    before = fingerprint(repo, ignore=[repo / "data"])
    write_files(repo, {"data/maestro.db": "x"})
    assert fingerprint(repo, ignore=[repo / "data"]) == before
    assert fingerprint(repo) != before


def test_deleting_a_branch_keeps_its_commits_and_only_ours_can_be_deleted(repo: Path, data: Path) -> None:
    add_worktree(repo, data / "t1", BRANCH, _head(repo))
    (data / "t1/x").write_text("x")
    made = commit_all(data / "t1", "Work", {})
    with pytest.raises(Conflict, match="checked out"):
        delete_branch(repo, BRANCH, keep_as=KEEP)
    remove_worktree(repo, data / "t1", recover_as=None, below=data)
    delete_branch(repo, BRANCH, keep_as=KEEP)
    delete_branch(repo, BRANCH, keep_as=KEEP)
    assert list_refs(repo, "refs/maestro") == {KEEP: made}
    with pytest.raises(GitError):
        delete_branch(repo, "main", keep_as=None)
