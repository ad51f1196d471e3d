"""Pipes, devices, links and giants where a small file belongs: told at once, read by nobody."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from maestro import untrusted
from maestro.agents.tool_scripts import _scripts_of
from maestro.core.proving.reports import written
from maestro.errors import GitError
from maestro.worker import spool
from maestro.worktrees import abort_operations, blocked, git, held, listing, tampering
from tests.repos import make_repo

MOST = 2_000_000


def pipe(place: Path) -> None:
    os.mkfifo(place)


def endless(place: Path) -> None:
    place.symlink_to("/dev/zero")


def loop(place: Path) -> None:
    place.symlink_to(place.name)


def giant(place: Path) -> None:
    with place.open("wb") as handle:
        handle.truncate(200_000_000_000)


def folder(place: Path) -> None:
    place.mkdir()


STRANGE = [pipe, endless, loop, giant, folder]
strange = pytest.mark.parametrize("plant", STRANGE)


@strange
def test_nothing_strange_is_read(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    plant(tmp_path / "file")
    for follow in (False, True, tmp_path):
        with pytest.raises(OSError):  # noqa: PT011 - which one depends on what stands there
            untrusted.read(tmp_path / "file", MOST, follow=follow)
    assert untrusted.note(tmp_path / "file", MOST) is None


def test_a_link_is_followed_only_where_the_caller_says_so(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret").write_text("key")
    (tmp_path / "in" / "real").write_text("words")
    (tmp_path / "in" / "out").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "link").symlink_to("real")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    assert untrusted.text(tmp_path / "in" / "link", follow=tmp_path / "in") == "words"
    for name in ("out", "up/secret"):
        with pytest.raises(OSError, match="leads out"):
            untrusted.text(tmp_path / "in" / name, follow=tmp_path / "in")
    with pytest.raises(OSError, match="symbolic"):
        untrusted.text(tmp_path / "in" / "link")


def test_writing_goes_through_no_link_and_into_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("kept")
    (tmp_path / "note").symlink_to(tmp_path / "secret")
    untrusted.write(tmp_path / "note", "mine")
    os.mkfifo(tmp_path / "pipe")
    untrusted.write(tmp_path / "pipe", "mine")
    assert (tmp_path / "secret").read_text() == "kept"
    assert [(tmp_path / n).read_text() for n in ("note", "pipe")] == ["mine", "mine"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["note", "pipe", "secret"]


@pytest.mark.parametrize("plant", [pipe, endless, giant])
@pytest.mark.parametrize("name", ["info/attributes", "info/exclude", "info/grafts"])
def test_git_is_not_started_into_what_never_ends(tmp_path: Path, name: str, plant: Callable[[Path], None]) -> None:
    repo = make_repo(tmp_path / "repo", {"a": "a"})
    place = repo / ".git" / name
    place.unlink(missing_ok=True)
    plant(place)
    with pytest.raises(GitError, match="Remove it"):
        git.git(repo, "status", "--porcelain")
    tampering.watched(repo / ".git", [str(place)])  # and these come to an end
    held.read(repo / ".git", [])


@pytest.mark.parametrize(
    "name",
    [
        ".git/HEAD",
        ".git/index",
        ".git/packed-refs",
        ".git/shallow",
        ".git/config.worktree",
        ".gitattributes",
        ".gitignore",
    ],
)
def test_a_pipe_in_a_usual_place_is_named(tmp_path: Path, name: str) -> None:
    repo = make_repo(tmp_path / "repo", {"a": "a"})
    (repo / name).unlink(missing_ok=True)
    os.mkfifo(repo / name)
    with pytest.raises(GitError, match=name.rpartition("/")[2]):
        git.git(repo, "status", "--porcelain")


def test_in_a_worktree_the_shared_folder_is_looked_at_as_well(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"a": "a"})
    git.git(repo, "worktree", "add", "-q", "-b", "w", str(tmp_path / "w"))
    (repo / ".git/info").mkdir(exist_ok=True)
    os.mkfifo(repo / ".git/info/attributes")
    with pytest.raises(GitError, match="info/attributes"):
        git.git(tmp_path / "w", "status")


@pytest.mark.parametrize("name", ["deep/er/.gitignore", "deep/er/.gitattributes"])
def test_a_pipe_in_any_folder_holds_git_for_a_moment_only(tmp_path: Path, name: str) -> None:
    repo = make_repo(tmp_path / "repo", {"a": "a", "deep/er/b": "b"})
    os.mkfifo(repo / name)
    (repo / "deep/er/b").write_text("more")
    assert blocked.by(repo) is None
    assert blocked.anywhere(repo) == repo / name
    with pytest.raises(GitError, match="ordinary"):
        git.git(repo, "add", "--all")


def test_a_branch_that_is_a_pipe_is_named(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"a": "a"})
    os.mkfifo(repo / ".git/refs/heads/other")
    assert blocked.anywhere(repo) == repo / ".git/refs/heads/other"
    with pytest.raises(GitError, match="heads/other"):
        git.git_head(repo, "log", "other", limit_bytes=100)


@strange
def test_notes_in_git_folders_are_as_good_as_none(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    repo = make_repo(tmp_path / "repo", {"a": "a"})
    git.git(repo, "worktree", "add", "-q", "-b", "w", str(tmp_path / "w"))
    own = git.own_git_dir(tmp_path / "w")
    (own / "gitdir").unlink()
    plant(own / "gitdir")
    assert listing.git_dir_of(repo, tmp_path / "w") is None
    plant(own / "MERGE_HEAD")
    assert abort_operations.merge_parents(tmp_path / "w") == []


@strange
def test_a_spool_with_strange_files_holds_nothing(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    one = spool.Spool(tmp_path)
    for place in (one.spec, one.events, one.path / "lock"):
        plant(place)
    assert all(entry["type"] == "garbled" for entry in spool.read(one.events, 0)[0])
    with pytest.raises((OSError, ValueError)):
        one.read_spec()
    assert not one.is_locked()


def test_a_link_in_a_spool_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text('{"type": "result"}\n')
    (tmp_path / "events.jsonl").symlink_to("elsewhere")
    assert spool.read(tmp_path / "events.jsonl", 0) == ([], 0)
    with pytest.raises(OSError, match="symbolic"):
        spool.append(tmp_path / "events.jsonl", {"type": "stop"})
    assert json.loads((tmp_path / "elsewhere").read_text()) == {"type": "result"}


@strange
def test_reports_and_manifests_that_are_no_files_tell_nothing(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    plant(tmp_path / "report.xml")
    plant(tmp_path / "package.json")
    assert written.junit(tmp_path / "report.xml") is None
    assert _scripts_of(tmp_path / "package.json") == {}


# -- nothing reads past it ------------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[2]
#: What deals with worktrees, git folders, spools and repositories.
READERS = ("maestro/worktrees", "maestro/worker", "maestro/agents", "maestro/core")
#: Files that are Maestro's own, the kernel's or the user's, each with what it reads.
TRUSTED = {
    "maestro/worker/proctable.py": "the kernel's process table",
    "maestro/worker/keeper.py": "the kernel's process table, and /dev/null",
    "maestro/instance.py": "the lock and the token of the data folder",
    "maestro/core/proving/hooks/python/sitecustomize.py": "runs in the repository's own Python, and writes",
    "maestro/core/proving/hooks/go_test.py": "runs for the repository, and writes its own report",
    "maestro/worktrees/held.py": "git's lock, made with O_EXCL",
    "maestro/worker/__main__.py": "/dev/null",
}


def _reads(tree: ast.AST) -> list[int]:
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        owner = called.value.id if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) else ""
        if owner in {"untrusted", "reading", "repository"}:
            continue
        opens = name == "open" and (owner == "os" or isinstance(called, ast.Name) or bool(node.args))
        opens = opens and not (node.args and isinstance(node.args[0], ast.Constant) and node.args[0].value == "x")
        loads = name == "load" and owner in {"json", "tomllib"}
        if (
            name in {"read_text", "read_bytes", "copyfile", "copy2"}
            or opens
            or loads
            or (name, owner) == ("read", "parser")
        ):
            found.append(node.lineno)
    return found


def test_what_others_wrote_is_read_by_the_one_reader_only() -> None:
    past = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in READERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if str(path.relative_to(ROOT)) not in TRUSTED
        for line in _reads(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert past == []
