"""The one move of the user's branch: never over uncommitted work, and back again with one call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from maestro.errors import Conflict, InvalidInput, MaestroError
from maestro.worktrees import checkout, delivery
from maestro.worktrees.delivery import MergeRecord, complete_merge, merge, preview, unmerge
from maestro.worktrees.integration import list_refs
from maestro.worktrees.manager import add_worktree
from tests.repos import commit, make_repo, run_git, write_files

BRANCH = "maestro/idea-1234abcd/main"
KEEP = "refs/maestro/1234abcd/recovered/merge"
TRAILERS = {"Maestro-Session": "1234abcd"}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    files: dict[str, str | bytes] = {
        "a.txt": "1\n2\n3\n",
        "gone.txt": "g\n",
        "mine.txt": "m\n",
        "staged.txt": "s\n",
        "dir/x": "x\n",
        ".gitignore": "*.log\n",
    }
    made = make_repo(tmp_path / "user's repo 🎼", files)
    tree = add_worktree(made, tmp_path / "data/t1", BRANCH, "HEAD").path
    (tree / "gone.txt").unlink()
    (tree / "link").symlink_to("./a.txt")
    write_files(tree, {"tool.sh": "#!/bin/sh\n"})
    (tree / "tool.sh").chmod(0o755)
    commit(tree, {"a.txt": "1\n2\n3\n4\n", "new/é\nfile.txt": "new\n"}, "Session work")
    return made


def _dirty(repo: Path) -> None:
    """Uncommitted work of every kind, none of it in the session's way."""
    write_files(repo, {"mine.txt": "edited\n", "staged.txt": "staged\n"})
    run_git(repo, "add", "staged.txt")
    write_files(repo, {"staged.txt": "and edited on\n", "loose": "loose\n", "x.log": "log\n"})
    (repo / "dir/x").unlink()


def _state(repo: Path) -> dict[str, object]:
    files = {
        str(path.relative_to(repo)): (path.readlink() if path.is_symlink() else path.read_bytes())
        for path in repo.rglob("*")
        if (path.is_file() or path.is_symlink()) and ".git" not in path.relative_to(repo).parts
    }
    return {
        "files": files,
        "index": run_git(repo, "ls-files", "-s", "-z"),
        "status": run_git(repo, "status", "--porcelain"),
        "refs": run_git(repo, "for-each-ref", "refs/heads"),
        "head": (repo / ".git/HEAD").read_text(),
    }


def _merge(repo: Path, target: str | None = None, method: str = "merge", **more: object) -> MergeRecord:
    return merge(repo, BRANCH, target, method, "Merge: idea", TRAILERS, **more)  # type: ignore[arg-type]


def _refused(repo: Path, *words: str, target: str | None = None, method: str = "merge") -> None:
    before = _state(repo)
    with pytest.raises(Conflict) as caught:
        _merge(repo, target, method)
    for word in words:
        assert word in caught.value.detail
    assert _state(repo) == before, "a refusal changes nothing"


@pytest.mark.parametrize("method", ["merge", "squash", "ff"])
def test_merge_and_unmerge_leave_all_uncommitted_work_as_it_was(repo: Path, method: str) -> None:
    _dirty(repo)
    before = _state(repo)
    seen: list[tuple[str, str]] = []
    expected = preview(repo, BRANCH, None, method)
    assert (expected.blockers, expected.conflicts, expected.commits, expected.files) == ([], [], 1, 5)
    assert _state(repo) == before, "a preview changes nothing"

    record = _merge(repo, None, method, on_intent=lambda *pair: seen.append(pair))
    assert seen == [(record.before, record.after)]
    assert run_git(repo, "rev-parse", "main") == record.after
    assert (repo / "a.txt").read_text() == "1\n2\n3\n4\n"
    assert (repo / "new/é\nfile.txt").read_text() == "new\n"
    assert str((repo / "link").readlink()) == "a.txt"
    assert (repo / "tool.sh").stat().st_mode & 0o100
    assert not (repo / "gone.txt").exists()
    assert run_git(repo, "status", "--porcelain") == before["status"]
    parents = run_git(repo, "show", "-s", "--format=%P", "main").split()
    assert len(parents) == (2 if method == "merge" else 1)
    if method != "ff":
        assert "Maestro-Session: 1234abcd" in run_git(repo, "show", "-s", "--format=%B", "main")
        assert run_git(repo, "show", "-s", "--format=%an", "main") == "Maestro"

    unmerge(repo, record, KEEP)
    unmerge(repo, record, KEEP)
    assert _state(repo) == before
    assert not (repo / "new").exists()
    assert list_refs(repo, "refs/maestro") == {KEEP: record.after}


def test_edits_untracked_ignored_and_deleted_files_in_the_way_refuse_the_merge(repo: Path) -> None:
    cases: list[tuple[str, Callable[[], object]]] = [
        ("a.txt", lambda: write_files(repo, {"a.txt": "mine\n"})),
        ("a.txt", lambda: (write_files(repo, {"a.txt": "mine\n"}), run_git(repo, "add", "a.txt"))),
        ("a.txt", lambda: (repo / "a.txt").unlink()),
        ("a.txt", lambda: (repo / "a.txt").chmod(0o755)),
        ("gone.txt", lambda: write_files(repo, {"gone.txt": "still needed\n"})),
        ("tool.sh", lambda: write_files(repo, {"tool.sh": "untracked\n"})),
        ("tool.sh", lambda: (repo / "tool.sh").symlink_to("a.txt")),
        ("tool.sh", lambda: write_files(repo, {"tool.sh/inner": "untracked\n"})),
        ("new/é\nfile.txt", lambda: write_files(repo, {"new": "a file where a folder is needed\n"})),
        ("a.txt", lambda: _hidden_edit(repo, "--assume-unchanged")),
        ("a.txt", lambda: _hidden_edit(repo, "--skip-worktree")),
    ]
    for name, make_dirty in cases:
        make_dirty()
        assert preview(repo, BRANCH, None, "merge").blockers
        _refused(repo, name, "would be overwritten")
        run_git(repo, "update-index", "--no-assume-unchanged", "a.txt")
        run_git(repo, "update-index", "--no-skip-worktree", "a.txt")
        run_git(repo, "reset", "-q", "--hard")
        run_git(repo, "clean", "-qfdx")
    _merge(repo)


def _hidden_edit(repo: Path, flag: str) -> None:
    run_git(repo, "update-index", flag, "a.txt")
    write_files(repo, {"a.txt": "local settings\n"})


def test_an_ignored_file_in_the_way_refuses_the_merge(repo: Path, tmp_path: Path) -> None:
    tree = tmp_path / "data/t1"
    write_files(tree, {"run.log": "tracked\n"})
    run_git(tree, "add", "-f", "run.log")
    commit(tree, {})
    write_files(repo, {"run.log": "the user's\n"})
    _refused(repo, "run.log")


def test_the_middle_of_a_rebase_merge_pick_or_bisect_refuses_the_merge(repo: Path) -> None:
    run_git(repo, "branch", "other")
    commit(repo, {"mine.txt": "main\n"})
    run_git(repo, "checkout", "-q", "other")
    commit(repo, {"mine.txt": "other\n"})
    run_git(repo, "checkout", "-q", "main")
    for command in ("merge", "cherry-pick", "rebase"):
        run_git(repo, command, "other", check=False)
        _refused(repo, command, "in progress", target="main")
        run_git(repo, command, "--abort")
    run_git(repo, "bisect", "start")
    _refused(repo, "bisect", target="main")
    run_git(repo, "bisect", "reset")
    _merge(repo)


def test_a_rebase_of_the_target_elsewhere_refuses_the_merge(repo: Path, tmp_path: Path) -> None:
    run_git(repo, "worktree", "add", "-q", "-b", "target", str(tmp_path / "elsewhere"))
    commit(tmp_path / "elsewhere", {"mine.txt": "target\n"})
    commit(repo, {"mine.txt": "main\n"})
    run_git(tmp_path / "elsewhere", "rebase", "main", check=False)
    _refused(repo, "rebase of target", target="target")


def test_the_same_lines_changed_on_both_sides_refuse_and_name_the_files(repo: Path) -> None:
    commit(repo, {"a.txt": "9\n2\n3\nother\n", "free.txt": "f"})
    assert preview(repo, BRANCH, "main", "merge").conflicts == ["a.txt"]
    _refused(repo, "same lines", "a.txt")
    _refused(repo, "a.txt", method="squash")


def test_a_target_that_moved_on_is_merged_but_not_fast_forwarded(repo: Path) -> None:
    commit(repo, {"free.txt": "f"})
    assert not preview(repo, BRANCH, "main", "ff").fast_forward_possible
    _refused(repo, "fast-forward", method="ff")
    record = _merge(repo)
    assert (repo / "free.txt").exists()
    _refused(repo, "nothing to merge")
    unmerge(repo, record, KEEP)
    _merge(repo, method="squash")
    _refused(repo, "same changes", method="squash")


def test_a_target_nobody_has_checked_out_moves_alone(repo: Path) -> None:
    run_git(repo, "branch", "rel;touch${IFS}x")
    write_files(repo, {"a.txt": "dirty, but not the target's\n"})
    before = _state(repo)
    record = _merge(repo, "rel;touch${IFS}x")
    assert run_git(repo, "rev-parse", "rel;touch${IFS}x") == record.after
    after = _state(repo)
    assert {k: after[k] for k in ("files", "index", "status")} == {k: before[k] for k in ("files", "index", "status")}


def test_a_target_checked_out_in_another_worktree_gets_its_files_there(repo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other checkout"
    run_git(repo, "worktree", "add", "-q", "-b", "target", str(other))
    write_files(other, {"a.txt": "edited there\n"})
    _refused(repo, "other checkout", "a.txt", target="target")
    run_git(other, "checkout", "-q", "a.txt")
    write_files(other, {"mine.txt": "edited there\n"})
    here = _state(repo)["files"]
    _merge(repo, "target")
    assert (other / "a.txt").read_text() == "1\n2\n3\n4\n"
    assert run_git(other, "status", "--porcelain") == " M mine.txt"
    assert _state(repo)["files"] == here


def test_a_detached_checkout_asks_for_a_target(repo: Path) -> None:
    run_git(repo, "checkout", "-q", "--detach")
    _refused(repo, "detached", "Name the branch")
    before = _state(repo)["files"]
    _merge(repo, "main")
    assert _state(repo)["files"] == before


@pytest.mark.parametrize("target", ["-x", "nope", "main~0", "a\0b", BRANCH])
def test_a_target_that_cannot_be_is_invalid_input(repo: Path, target: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _merge(repo, target)
    assert set(caught.value.fields) == {"target"}
    with pytest.raises(InvalidInput):
        _merge(repo, "main", "octopus")


def test_failing_hooks_do_not_matter(repo: Path) -> None:
    for name in ("pre-commit", "commit-msg", "pre-merge-commit", "reference-transaction", "post-merge"):
        hook = repo / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
    _merge(repo)


def test_another_git_at_work_in_the_checkout_refuses_the_merge(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "_LOCK_WAIT_S", 0.1)
    (repo / ".git/index.lock").write_text("")
    _refused(repo, "Another git process", "index.lock")


class _Killed(BaseException):
    pass


def test_killed_before_the_branch_moved_the_merge_is_finished_by_a_second_call(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _dirty(repo)
    status = _state(repo)["status"]
    intents: list[tuple[str, str]] = []

    def killed(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(checkout, "move_ref", killed)
        with pytest.raises(_Killed):
            _merge(repo, on_intent=lambda *pair: intents.append(pair))
    ((before, after),) = intents
    assert run_git(repo, "rev-parse", "main") == before
    complete_merge(repo, "main", before, after)
    complete_merge(repo, "main", before, after)
    assert run_git(repo, "rev-parse", "main") == after
    assert run_git(repo, "status", "--porcelain") == status


def test_killed_while_files_were_written_the_merge_is_finished_by_a_second_call(repo: Path) -> None:
    _dirty(repo)
    status = _state(repo)["status"]
    intents: list[tuple[str, str]] = []

    def killed(*pair: str) -> None:
        intents.append((pair[0], pair[1]))
        raise _Killed

    with pytest.raises(_Killed):
        _merge(repo, on_intent=killed)
    ((before, after),) = intents
    # What git has done by then: some files are new, some old ones gone, the index is still the old one.
    write_files(repo, {"a.txt": "1\n2\n3\n4\n", "new/é\nfile.txt": "ne", "tool.sh": ""})
    (repo / "tool.sh").chmod(0o755)
    (repo / "gone.txt").unlink()
    complete_merge(repo, "main", before, after)
    assert run_git(repo, "rev-parse", "main") == after
    assert run_git(repo, "status", "--porcelain") == status
    assert (repo / "new/é\nfile.txt").read_text() == "new\n"


def test_work_begun_after_a_killed_merge_is_not_overwritten_by_finishing_it(repo: Path) -> None:
    before = run_git(repo, "rev-parse", "main")
    after = run_git(repo, "rev-parse", BRANCH)
    write_files(repo, {"a.txt": "1\n2\n3\n4\nmine\n"})
    with pytest.raises(Conflict, match=r"a\.txt"):
        complete_merge(repo, "main", before, after)
    assert (repo / "a.txt").read_text() == "1\n2\n3\n4\nmine\n"


def test_a_killed_unmerge_is_finished_by_a_second_call(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = _merge(repo)

    def killed(*_: object, **__: object) -> None:
        (repo / "gone.txt").write_text("")  # torn
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(checkout, "_write", killed)
        with pytest.raises(_Killed):
            unmerge(repo, record, KEEP)
    unmerge(repo, record, KEEP)
    assert run_git(repo, "rev-parse", "main") == record.before
    assert run_git(repo, "status", "--porcelain") == ""
    assert (repo / "gone.txt").read_text() == "g\n"


def test_a_merge_can_also_simply_be_called_again_after_a_kill(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(checkout, "move_ref", killed)
        with pytest.raises(_Killed):
            _merge(repo)
    record = _merge(repo)
    assert run_git(repo, "rev-parse", "main") == record.after
    assert run_git(repo, "status", "--porcelain") == ""


def test_a_branch_that_moves_in_the_last_instant_gets_its_files_back(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _dirty(repo)
    before = _state(repo)

    def moved(*_: object) -> None:
        raise Conflict("main has moved meanwhile")

    monkeypatch.setattr(checkout, "move_ref", moved)
    with pytest.raises(Conflict):
        _merge(repo)
    assert _state(repo) == before


def test_a_filter_that_fails_in_the_middle_leaves_all_as_it_was(repo: Path, tmp_path: Path) -> None:
    tree = tmp_path / "data/t1"
    commit(tree, {".gitattributes": "*.bin filter=broken\n", "z.bin": "z"})
    run_git(repo, "config", "filter.broken.smudge", "false")
    run_git(repo, "config", "filter.broken.required", "true")
    before = _state(repo)
    with pytest.raises(MaestroError):
        _merge(repo)
    assert _state(repo) == before


def test_unmerge_refuses_when_the_branch_went_on_or_work_is_in_the_way(repo: Path) -> None:
    record = _merge(repo)
    write_files(repo, {"a.txt": "edited after the merge\n"})
    before = _state(repo)
    with pytest.raises(Conflict, match=r"a\.txt"):
        unmerge(repo, record, KEEP)
    assert _state(repo) == before
    commit(repo, {}, "Later work")
    with pytest.raises(Conflict, match="Later work"):
        unmerge(repo, record, KEEP)
    assert list_refs(repo, "refs/maestro") == {}


def test_unrelated_histories_are_refused_in_words(repo: Path) -> None:
    run_git(repo, "checkout", "-q", "--orphan", "fresh")
    commit(repo, {"f": "f"})
    _refused(repo, "share no history")


def test_a_file_that_becomes_a_folder_and_back(repo: Path, tmp_path: Path) -> None:
    tree = tmp_path / "data/t1"
    (tree / "mine.txt").unlink()
    (tree / "dir/x").unlink()
    (tree / "dir").rmdir()
    commit(tree, {"mine.txt/inner": "i\n", "dir": "now a file\n"})
    write_files(repo, {"dir/x.log": "ignored, but precious\n"})
    _refused(repo, "dir")
    (repo / "dir/x.log").unlink()
    before = _state(repo)
    record = _merge(repo)
    assert (repo / "mine.txt/inner").exists()
    assert (repo / "dir").is_file()
    unmerge(repo, record, KEEP)
    assert _state(repo)["files"] == before["files"]


def test_line_ends_converted_by_the_users_settings_are_no_uncommitted_work(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {"crlf.txt": "1\r\n2\r\n", "lf.txt": "1\n"})
    run_git(repo, "config", "core.autocrlf", "true")
    (repo / "lf.txt").unlink()
    run_git(repo, "checkout", "lf.txt")
    assert (repo / "lf.txt").read_bytes() == b"1\r\n"
    tree = add_worktree(repo, tmp_path / "data/t1", BRANCH, "HEAD").path
    commit(tree, {"lf.txt": "1\n2\n", "crlf.txt": "1\r\n2\r\n3\r\n"})
    _merge(repo)
    assert (repo / "lf.txt").read_bytes() == b"1\r\n2\r\n"
    assert run_git(repo, "status", "--porcelain") == ""


def test_a_missing_session_branch_is_said(repo: Path) -> None:
    with pytest.raises(Conflict, match="no longer exists"):
        delivery.merge(repo, "maestro/nope-1/main", "main", "merge", "m", {})
