"""From an agent's worktree to the session branch: nothing lost, nothing half done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from maestro.errors import Conflict, GitError
from maestro.worktrees import abort_operations, integration
from maestro.worktrees.integration import (
    add_trailers,
    advance,
    changed_files,
    checkpoint_ref,
    commit_all,
    delete_ref,
    diff_summary,
    diff_text,
    head,
    is_clean,
    keep,
    list_refs,
    rebase_onto,
    recovered_ref,
    reset_branch,
    save_work,
)
from maestro.worktrees.manager import add_worktree, create_branch
from tests.repos import commit, make_repo, run_git, write_files

SESSION = "1234abcd-0000-0000-0000-000000000000"
MAIN = "maestro/idea-1234abcd/main"
TASK = "maestro/idea-1234abcd/t1"
TRAILERS = {"Maestro-Session": SESSION, "Maestro-Task": "t1"}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = make_repo(tmp_path / "r é", {"a.txt": "1\n2\n3\n", "b.txt": "b\n", ".gitignore": "*.log\n"})
    create_branch(made, MAIN, head(made))
    return made


@pytest.fixture
def base(repo: Path) -> str:
    return head(repo)


@pytest.fixture
def tree(repo: Path, base: str, tmp_path: Path) -> Path:
    return add_worktree(repo, tmp_path / "data" / "t1", TASK, base).path


def _on_session(repo: Path, tmp_path: Path, files: dict[str, str | bytes]) -> str:
    """Move the session branch on, as another task would."""
    before = run_git(repo, "rev-parse", MAIN)
    other = add_worktree(repo, tmp_path / "data" / "other", "maestro/idea-1234abcd/other", before).path
    made = commit(other, files, "Other work")
    advance(repo, MAIN, before, made)
    return made


def _state(tree: Path) -> tuple[str, ...]:
    files = sorted(path for path in tree.rglob("*") if path.is_file() and path.name != ".git")
    contents = [f"{path}:{path.read_bytes()!r}" for path in files]
    index = run_git(tree, "ls-files", "-s")
    return (*contents, index, run_git(tree, "rev-parse", "HEAD"), run_git(tree, "symbolic-ref", "HEAD"))


def test_what_an_agent_leaves_is_committed_without_an_identity_hooks_or_ignored_files(
    repo: Path, tree: Path, base: str
) -> None:
    hook = repo / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    run_git(repo, "config", "commit.gpgSign", "true")
    write_files(tree, {"new\nname é.txt": "n", "debug.log": "noise", "a.txt": "changed\n"})
    (tree / "b.txt").unlink()
    made = commit_all(tree, "Add export\n\nMore words.", TRAILERS)
    assert made == head(tree) == run_git(repo, "rev-parse", TASK)
    assert set(changed_files(repo, base, made)) == {"new\nname é.txt", "a.txt", "b.txt"}
    assert run_git(repo, "show", "-s", "--format=%an <%ae>|%cn", made) == "Maestro <maestro@localhost>|Maestro"
    assert run_git(repo, "show", "-s", "--format=%(trailers:key=Maestro-Task,valueonly)", made).strip() == "t1"
    assert is_clean(tree)
    assert commit_all(tree, "Nothing", TRAILERS) is None


def test_the_users_own_identity_is_used_where_one_is_configured(repo: Path, tree: Path) -> None:
    run_git(repo, "config", "user.name", "Grace")
    run_git(repo, "config", "user.email", "grace@example.org")
    write_files(tree, {"n": "n"})
    made = commit_all(tree, "fix: x", {})
    assert made is not None
    assert run_git(repo, "show", "-s", "--format=%an <%ae>|%B", made).strip() == "Grace <grace@example.org>|fix: x"


def test_a_lock_left_by_a_killed_git_does_not_stop_the_commit(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abort_operations, "_LOCK_WAIT_S", 0.1)
    Path(run_git(tree, "rev-parse", "--absolute-git-dir"), "index.lock").write_text("")
    write_files(tree, {"n": "n"})
    assert commit_all(tree, "Work", TRAILERS) is not None


def _conflicting(tree: Path, base: str) -> None:
    commit(tree, {"a.txt": "mine\n", "extra": "e"})
    run_git(tree, "branch", "maestro-side", base)
    run_git(tree, "checkout", "-q", "maestro-side")
    commit(tree, {"a.txt": "theirs\n"})
    run_git(tree, "checkout", "-q", TASK)


@pytest.mark.parametrize("command", ["merge", "rebase", "cherry-pick"])
def test_an_operation_left_with_conflicts_is_saved_and_aborted(repo: Path, tree: Path, base: str, command: str) -> None:
    _conflicting(tree, base)
    before = head(tree)
    run_git(tree, command, "maestro-side", check=False)
    write_files(tree, {"loose": "made meanwhile"})
    commit_all(tree, "Work", TRAILERS, branch=TASK)
    assert run_git(tree, "symbolic-ref", "HEAD") == f"refs/heads/{TASK}"
    assert (tree / "a.txt").read_text() == "mine\n"
    assert is_clean(tree)
    assert run_git(repo, "merge-base", "--is-ancestor", before, TASK) == ""
    (saved,) = list_refs(repo, f"refs/maestro/{SESSION}/recovered").values()
    assert "<<<<<<<" in run_git(repo, "show", f"{saved}:a.txt")
    assert run_git(repo, "show", f"{saved}:loose") == "made meanwhile"


def test_a_merge_whose_conflicts_were_resolved_in_the_files_is_concluded(repo: Path, tree: Path, base: str) -> None:
    _conflicting(tree, base)
    run_git(tree, "merge", "maestro-side", check=False)
    write_files(tree, {"a.txt": "both\n"})
    made = commit_all(tree, "Merge", TRAILERS)
    assert made is not None
    assert len(run_git(repo, "show", "-s", "--format=%P", made).split()) == 2
    assert run_git(repo, "show", f"{made}:a.txt") == "both"
    assert is_clean(tree)


def test_commits_on_a_detached_head_come_back_to_the_tasks_branch(repo: Path, tree: Path) -> None:
    run_git(tree, "checkout", "-q", "--detach")
    commit(tree, {"x": "x"})
    write_files(tree, {"y": "y"})
    commit_all(tree, "Work", TRAILERS, branch=TASK)
    assert {"x", "y"} <= set(run_git(repo, "ls-tree", "--name-only", TASK).splitlines())


def test_work_on_an_unrelated_branch_is_named_not_taken(tree: Path, base: str) -> None:
    run_git(tree, "checkout", "-q", "--orphan", "elsewhere")
    commit(tree, {"x": "x"})
    with pytest.raises(Conflict, match="left on elsewhere"):
        commit_all(tree, "Work", TRAILERS, branch=TASK)


def test_every_commit_gets_the_trailers_and_keeps_author_and_dates(repo: Path, tree: Path, base: str) -> None:
    when = {"GIT_AUTHOR_DATE": "2001-02-03T04:05:06+0700", "GIT_COMMITTER_DATE": "2002-02-03T04:05:06+0700"}
    for number in range(3):
        write_files(tree, {f"f{number}": "x"})
        run_git(tree, "add", "-A")
        words = f"feat: part {number}\n\nMaestro-Task: forged\nReviewed-by: Bob <bob@example.org>"
        run_git(tree, "commit", "-q", "-m", words, env=when)
    files = _state(tree)[:-2]
    new = add_trailers(tree, base, TRAILERS)
    assert new == head(tree)
    assert _state(tree)[:-2] == files
    shown = run_git(repo, "log", "--format=%an|%ad|%cd|%B", "--date=iso-strict", f"{base}..{new}")
    assert shown.count("Ada|2001-02-03T04:05:06+07:00|2002-02-03T04:05:06+07:00|feat: part") == 3
    assert shown.count("Maestro-Task: t1") == shown.count("Reviewed-by: Bob") == 3
    assert "forged" not in shown
    assert add_trailers(tree, base, TRAILERS) == new, "a second call changes nothing"


def test_a_range_with_merges_becomes_one_commit(repo: Path, tree: Path, base: str) -> None:
    commit(tree, {"one": "1"}, "First part")
    run_git(tree, "checkout", "-q", "-b", "side", base)
    commit(tree, {"two": "2"}, "Second part")
    run_git(tree, "checkout", "-q", TASK)
    run_git(tree, "merge", "-q", "--no-edit", "side")
    new = add_trailers(tree, base, TRAILERS)
    assert run_git(repo, "show", "-s", "--format=%P", new) == base
    assert set(changed_files(repo, base, new)) == {"one", "two"}
    assert "Maestro-Task: t1" in run_git(repo, "show", "-s", "--format=%B", new)


def test_a_branch_that_was_reset_behind_its_base_still_becomes_one_commit_on_it(
    repo: Path, tree: Path, base: str
) -> None:
    run_git(tree, "checkout", "-q", "--orphan", "fresh")
    commit(tree, {"only": "1"}, "Started over")
    new = add_trailers(tree, base, TRAILERS)
    assert run_git(repo, "show", "-s", "--format=%P", new) == base


def test_a_task_is_rebased_onto_the_moved_session_branch(repo: Path, tree: Path, base: str, tmp_path: Path) -> None:
    commit(tree, {"a.txt": "0\n1\n2\n3\n"}, "Task, first")
    commit(tree, {"mine.txt": "m"}, "Task, second")
    moved = _on_session(repo, tmp_path, {"a.txt": "1\n2\n3\n4\n", "other.txt": "o"})
    write_files(tree, {"noise.log": "ignored", "loose.txt": "uncommitted"})
    result = rebase_onto(tree, base, moved)
    assert (result.ok, result.conflicts, result.head) == (True, [], head(tree))
    assert (tree / "a.txt").read_text() == "0\n1\n2\n3\n4\n"
    assert (tree / "other.txt").read_text() == "o"
    assert run_git(repo, "log", "--format=%s", f"{moved}..{TASK}").splitlines() == ["Task, second", "Task, first"]
    assert run_git(tree, "status", "--porcelain") == "?? loose.txt"
    advance(repo, MAIN, moved, result.head)


def test_a_conflict_leaves_the_worktree_exactly_as_before(repo: Path, tree: Path, base: str, tmp_path: Path) -> None:
    commit(tree, {"fine.txt": "f"}, "Harmless")
    commit(tree, {"a.txt": "mine\n", "ü b.txt": "mine\n"}, "Clash")
    moved = _on_session(repo, tmp_path, {"a.txt": "theirs\n", "ü b.txt": "theirs\n"})
    write_files(tree, {"loose.txt": "uncommitted", "b.txt": "edited\n"})
    before = _state(tree)
    result = rebase_onto(tree, base, moved)
    assert not result.ok
    assert sorted(result.conflicts) == ["a.txt", "ü b.txt"]
    assert "Clash" in result.detail
    assert "Merge conflict in a.txt" in result.detail
    assert _state(tree) == before
    assert result.head == head(tree)


def test_work_that_is_already_in_drops_out_of_a_rebase(repo: Path, tree: Path, base: str, tmp_path: Path) -> None:
    commit(tree, {"same.txt": "s"}, "The same")
    commit(tree, {"own.txt": "o"}, "Own")
    moved = _on_session(repo, tmp_path, {"same.txt": "s"})
    assert rebase_onto(tree, base, moved).ok
    assert run_git(repo, "log", "--format=%s", f"{moved}..{TASK}") == "Own"


def test_an_ignored_file_is_not_overwritten_by_a_rebase(repo: Path, tree: Path, base: str, tmp_path: Path) -> None:
    commit(tree, {"x": "x"})
    write_files(tree, {"run.log": "precious"})
    other = add_worktree(repo, tmp_path / "data/o", "maestro/idea-1234abcd/o", base).path
    write_files(other, {"run.log": "tracked now"})
    run_git(other, "add", "-f", "run.log")
    moved = commit(other, {})
    result = rebase_onto(tree, base, moved)
    assert (result.ok, result.conflicts) == (False, ["run.log"])
    assert (tree / "run.log").read_text() == "precious"


class _Killed(BaseException):
    pass


def test_a_rebase_killed_while_files_were_written_is_finished_by_the_next_call(
    repo: Path, tree: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(tree, {"mine.txt": "m"}, "Task")
    moved = _on_session(repo, tmp_path, {"other.txt": "o\n" * 9, "b.txt": "new\n" * 9, "c.txt": "c\n"})

    def killed(*_: object, **__: object) -> None:
        write_files(tree, {"other.txt": "o\n" * 4, "b.txt": ""})  # what a git killed in the middle leaves
        (Path(run_git(tree, "rev-parse", "--absolute-git-dir")) / "index.lock").write_text("")
        raise _Killed

    monkeypatch.setattr(abort_operations, "_LOCK_WAIT_S", 0.1)
    with monkeypatch.context() as patch:
        patch.setattr(integration, "bring", killed)
        with pytest.raises(_Killed):
            rebase_onto(tree, base, moved)
    assert commit_all(tree, "Left", TRAILERS) is None
    result = rebase_onto(tree, base, moved)
    assert result.ok
    assert is_clean(tree)
    assert changed_files(repo, moved, result.head) == ["mine.txt"]
    assert (tree / "b.txt").read_text() == "new\n" * 9


def test_a_branch_that_is_on_the_new_base_already_stays(repo: Path, tree: Path, base: str, tmp_path: Path) -> None:
    moved = _on_session(repo, tmp_path, {"other.txt": "o"})
    run_git(tree, "merge", "-q", moved)
    made = commit(tree, {"mine.txt": "m"}, "Task")
    assert rebase_onto(tree, base, moved).head == made


def test_merge_drivers_of_the_repository_do_not_run(repo: Path, tree: Path, base: str, tmp_path: Path) -> None:
    for name in ("evil", "od=d name"):
        run_git(repo, "config", f"merge.{name}.driver", f"touch '{tmp_path}/trap'; true")
    commit(tree, {"a.txt": "0\n1\n2\n3\n", ".gitattributes": "*.txt merge=evil\n"})
    (repo / ".git/info").mkdir(exist_ok=True)
    (repo / ".git/info/attributes").write_text("*.txt merge=evil\n")
    moved = _on_session(repo, tmp_path, {"a.txt": "1\n2\n3\n4\n"})
    assert rebase_onto(tree, base, moved).ok
    assert (tree / "a.txt").read_text() == "0\n1\n2\n3\n4\n"
    assert not (tmp_path / "trap").exists()


def test_the_session_branch_only_moves_forward_from_where_it_was_expected(repo: Path, tree: Path, base: str) -> None:
    new = commit(tree, {"x": "x"})
    advance(repo, MAIN, base, new)
    advance(repo, MAIN, base, new)
    later = commit(tree, {"y": "y"})
    with pytest.raises(Conflict, match="moved in the meantime"):
        advance(repo, MAIN, base, later)
    with pytest.raises(Conflict, match="does not come from"):
        advance(repo, MAIN, new, base)
    assert run_git(repo, "rev-parse", MAIN) == new


def test_a_worktree_on_the_session_branch_follows_it_and_the_users_checkout_never_does(
    repo: Path, tree: Path, base: str, tmp_path: Path
) -> None:
    checks = add_worktree(repo, tmp_path / "data" / "checks", MAIN, base).path
    new = commit(tree, {"x": "x"})
    advance(repo, MAIN, base, new)
    assert (checks / "x").exists()
    assert is_clean(checks)
    reset_branch(repo, MAIN, base, keep_as=recovered_ref(SESSION, "rollback"))
    assert not (checks / "x").exists()
    run_git(checks, "checkout", "-q", "--detach")
    run_git(repo, "checkout", "-q", MAIN)
    with pytest.raises(Conflict, match="Switch that checkout"):
        advance(repo, MAIN, base, new)
    assert not (repo / "x").exists()


def test_a_rollback_keeps_what_it_takes_away(repo: Path, tree: Path, base: str) -> None:
    new = commit(tree, {"x": "x"})
    advance(repo, MAIN, base, new)
    keep(repo, checkpoint_ref(SESSION, 1), new)
    ref = recovered_ref(SESSION, "rollback to 0")
    assert reset_branch(repo, MAIN, base, keep_as=ref) == ref
    assert run_git(repo, "rev-parse", MAIN) == base
    assert list_refs(repo, f"refs/maestro/{SESSION}/") == {ref: new, checkpoint_ref(SESSION, 1): new}
    advance(repo, MAIN, base, commit(tree, {"z": "z"}))
    second = reset_branch(repo, MAIN, base, keep_as=ref)
    assert second != ref, "an earlier one is never replaced"
    delete_ref(repo, second)
    delete_ref(repo, second)
    with pytest.raises(GitError):
        delete_ref(repo, "refs/heads/main")


def test_saving_work_touches_neither_the_worktree_nor_its_index(repo: Path, tree: Path) -> None:
    write_files(tree, {"a.txt": "staged\n", "new": "n", "x.log": "ignored"})
    run_git(tree, "add", "a.txt")
    write_files(tree, {"a.txt": "edited after\n"})
    (tree / "b.txt").unlink()
    index = Path(run_git(tree, "rev-parse", "--absolute-git-dir"), "index")
    before = (_state(tree), run_git(tree, "status", "--porcelain"))
    index_bytes = index.read_bytes()
    saved = save_work(repo, tree, recovered_ref(SESSION, "t1"), "Saved")
    assert saved is not None
    assert index.read_bytes() == index_bytes
    assert (_state(tree), run_git(tree, "status", "--porcelain")) == before
    assert run_git(repo, "ls-tree", "--name-only", saved).splitlines() == [".gitignore", "a.txt", "new"]
    assert run_git(repo, "show", f"{saved}:a.txt") == "edited after"
    assert list_refs(repo, "refs/maestro") == {recovered_ref(SESSION, "t1"): saved}


def test_there_is_nothing_to_save_in_a_clean_worktree(repo: Path, tree: Path) -> None:
    assert save_work(repo, tree, recovered_ref(SESSION, "t1"), "Saved") is None
    assert list_refs(repo, "refs/maestro") == {}


def test_diffs_count_renames_binaries_and_odd_names(repo: Path, tree: Path, base: str) -> None:
    run_git(tree, "mv", "a.txt", "moved é\n.txt")
    new = commit(tree, {"bin": bytes(range(256)), "c.txt": "1\n2\n"})
    summary = diff_summary(repo, base, new)
    assert (summary.files, summary.insertions, summary.deletions) == (3, 2, 0)
    assert set(summary.paths) == {"moved é\n.txt", "bin", "c.txt"}
    assert set(changed_files(repo, base, new)) == {"a.txt", *summary.paths}
    text, cut = diff_text(repo, base, new, 100_000)
    assert not cut
    assert "+++ b/c.txt" in text
    part, cut = diff_text(repo, base, new, 120)
    assert cut
    assert text.startswith(part)
    assert part.endswith("\n")
    assert diff_summary(repo, base, base).files == 0


def test_file_modes_and_links_survive_a_rebase(repo: Path, tree: Path, base: str, tmp_path: Path) -> None:
    write_files(tree, {"run.sh": "#!/bin/sh\n"})
    (tree / "run.sh").chmod(0o755)
    (tree / "link").symlink_to("./a.txt")
    commit(tree, {})
    moved = _on_session(repo, tmp_path, {"o": "o"})
    assert rebase_onto(tree, base, moved).ok
    assert os.access(tree / "run.sh", os.X_OK)
    assert is_clean(tree)
