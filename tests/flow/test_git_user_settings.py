"""The user's own git configuration, legal and against us, changes nothing of what Maestro sees, says or leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from maestro.core import queries
from maestro.core.commands import delivery
from maestro.worktrees import diffs, history, repository, scratch, tracked_files
from maestro.worktrees.git import git
from tests import machine
from tests.landing import bench, plan_of
from tests.repos import make_repo, run_git, write_files

FILES: dict[str, str | bytes] = {
    "README.md": "Hello\n", "notes.txt": "".join(f"line {n}\n" for n in range(40)), "sub/größe.txt": "1\n",
}  # fmt: skip
LEAVES = "echo left > left-by-check.txt && mkdir -p left && echo x > left/y.txt; test -e README.md"
LATER = f"{LEAVES} && test -e 'new file.txt'"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", FILES)


@pytest.fixture(params=["global", "XDG", "named", "system"])
def hostile(repo: Path, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A HOME as users have it; returns what the traps in it write to."""
    home = tmp_path / "home"
    home.mkdir()
    machine.as_users_have_it(home)
    monkeypatch.setenv("HOME", str(home))
    config = (home / "etc-gitconfig").read_text()
    if request.param == "global":
        (home / ".gitconfig").write_text(config)
    elif request.param == "XDG":
        (home / "xdg/git").mkdir(parents=True)
        (home / "xdg/git/config").write_text(config)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    else:
        monkeypatch.delenv("GIT_CONFIG_NOSYSTEM", raising=False)
        monkeypatch.setenv(
            f"GIT_CONFIG_{'GLOBAL' if request.param == 'named' else 'SYSTEM'}", str(home / "etc-gitconfig")
        )
    return home / "hooks-ran"


def plain(folder: Path, *args: str) -> str:
    """What git says without any of these settings."""
    return run_git(folder, *args, env={"GIT_CONFIG_GLOBAL": os.devnull, "XDG_CONFIG_HOME": os.devnull})


def test_the_settings_reach_git(repo: Path, hostile: Path) -> None:
    assert git(repo, "config", "--get", "push.default").text == "nothing"
    assert not hostile.exists()


def test_a_session_goes_its_way_and_a_checks_leftovers_are_nobodys_work(
    tmp_path: Path, repo: Path, hostile: Path
) -> None:
    before = (repo / ".git/config").read_bytes()
    with bench(tmp_path, repo, plan_of({"id": "t1", "checks": [LATER]}, checks=[LEAVES])) as b:
        b.measure_baseline()
        # What its check leaves behind here is nobody's work.
        assert b.work({"sub/größe.txt": "2\n"}).attempt == 2
        wanted = {
            "sub/größe.txt": "2\n",
            "new file.txt": "Grüße\n",
            "moved.txt": str(FILES["notes.txt"]),
            "notes.txt": None,
        }
        assert b.work(wanted).status == "completed", b.logs()
        assert b.complete() == "completed"
        changed = set(diffs.changed_files(repo, b.session.base_commit, b.session.session_branch))
        assert changed == set(wanted)
        delivery.merge(b.rt, b.id)
        assert (repo / "new file.txt").read_text() == "Grüße\n"
        assert plain(repo, "status", "--porcelain") == ""
        assert queries.get_session(b.rt, b.id).merged
        delivery.unmerge(b.rt, b.id)
        assert plain(repo, "status", "--porcelain") == ""
        assert (repo / "notes.txt").is_file()
    assert (repo / ".git/config").read_bytes() == before
    assert not hostile.exists(), hostile.read_text()


def test_what_is_read_from_git_is_what_is_there(repo: Path, hostile: Path, tmp_path: Path) -> None:
    first = plain(repo, "rev-parse", "HEAD")
    plain(repo, "mv", "notes.txt", "moved.txt")
    write_files(repo, {"sub/größe.txt": "1\n\n2\n", "a b.txt": "x: y\n"})
    plain(repo, "add", "-A")
    plain(repo, "commit", "-q", "-m", "Größe: déjà vu")
    second = plain(repo, "rev-parse", "HEAD")
    assert history.subjects(repo, first, second) == ["Größe: déjà vu"]
    assert history.added_paths(repo, first, second) == {"moved.txt", "a b.txt"}
    assert diffs.diff_summary(repo, first, second).paths == ["a b.txt", "moved.txt", "sub/größe.txt"]
    assert tracked_files.search(repo, second, "x: .", 10) == [("a b.txt", 1, "x: y")]
    text, _cut = diffs.diff_text(repo, first, second, 100_000)
    assert "diff --git a/a b.txt b/a b.txt" in text
    assert "rename from notes.txt" in text
    assert "\n 1\n+\n+2\n" in text
    assert not [word for word in ("SHOUTED", "\x1b[") if word in text]
    write_files(repo, {"untracked.txt": "u\n"})
    assert repository.inspect(str(repo)).dirty_files == 1
    scratch.lay_out(repo, tmp_path / "data/scratch", second, below=tmp_path / "data")
    write_files(tmp_path / "data/scratch", {"left.txt": "u\n", "deep/left.txt": "u\n"})
    scratch.discard_changes(tmp_path / "data/scratch")
    assert plain(tmp_path / "data/scratch", "status", "--porcelain", "--untracked-files=all") == ""
    assert not hostile.exists()
