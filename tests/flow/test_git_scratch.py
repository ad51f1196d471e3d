"""Worktrees for a moment: laid out, put back, cleared, whatever a killed run left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from maestro.worktrees import manager, scratch
from tests.repos import make_repo, run_git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "repo", {"a.txt": "a\n"})


def test_what_a_check_leaves_behind_goes_and_copied_files_stay(tmp_path: Path, repo: Path) -> None:
    (repo / "local [1].env").write_text("secret")
    place = tmp_path / "trees" / "x"
    scratch.lay_out(repo, place, "HEAD", below=tmp_path / "trees")
    assert manager.copy_ignored(repo, place, ["local*.env"]) == ["local [1].env"]
    (place / "a.txt").write_text("changed by a check")
    (place / "report.xml").write_text("left by a check")
    scratch.discard_changes(place)
    assert sorted(p.name for p in place.iterdir() if p.name != ".git") == ["a.txt", "local [1].env"]
    assert (place / "a.txt").read_text() == "a\n"


def test_a_folder_that_was_deleted_by_hand_does_not_block_the_next_layout(tmp_path: Path, repo: Path) -> None:
    below = tmp_path / "trees"
    scratch.lay_out(repo, below / "x", "HEAD", below=below)
    shutil.rmtree(below / "x")
    scratch.lay_out(repo, below / "x", "HEAD", below=below)
    scratch.clear(repo, below / "x", below=below)
    assert run_git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1
