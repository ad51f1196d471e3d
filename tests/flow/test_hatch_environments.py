"""Hatch's environments lie in the worktree: git sees nothing of them, and they go when it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.core.workspaces import hatch
from tests.landing import bench, plan_of
from tests.repos import make_repo, write_files

_HATCH = "[tool.hatch.envs.default]\ndependencies = ['pytest']\n"
#: What Hatch does with the variable, as far as it matters here.
_CHECK = 'test "$HATCH_DATA_DIR" = "$PWD/.hatch" && mkdir -p "$HATCH_DATA_DIR/env/.metadata" && echo 1 > .hatch/env/.metadata/x'


def test_checks_and_agents_are_told_of_a_folder_in_the_worktree_and_nothing_of_it_is_work(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"pyproject.toml": _HATCH})
    with bench(tmp_path, repo, plan_of({"id": "t1"}, checks=[_CHECK])) as b:
        b.measure_baseline()
        worktree = b.begin()
        assert hatch.place(worktree) == {"HATCH_DATA_DIR": str(worktree / ".hatch")}
        write_files(worktree, {"a.py": "A = 1\n"})
        b.end()
        assert b.land().status == "completed", b.logs()
        assert b.complete() == "completed", b.logs()
        assert [run.passed for run in b.evidence("baseline")] == [True]
    assert not (repo / ".hatch").exists()


@pytest.mark.parametrize(
    ("files", "used"),
    [
        ({"pyproject.toml": _HATCH}, True),
        ({"hatch.toml": "[envs.default]\n"}, True),
        ({"pyproject.toml": "[build-system]\nrequires = ['hatchling']\n"}, False),
        ({"README": ""}, False),
    ],
)
def test_projects_that_hatch_does_not_manage_get_no_folder(
    tmp_path: Path, files: dict[str, str | bytes | None], used: bool
) -> None:
    write_files(tmp_path, files)  # type: ignore[arg-type]
    assert bool(hatch.place(tmp_path)) == used == (tmp_path / ".hatch").exists()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    outside, worktree = tmp_path / "outside", tmp_path / "w"
    outside.mkdir()
    write_files(worktree, {"hatch.toml": ""})
    (worktree / ".hatch").symlink_to(outside)
    assert hatch.place(worktree) == {}
    assert not list(outside.iterdir())
