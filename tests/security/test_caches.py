"""Caches of packages: what one repository's set-up leaves there reaches neither the user's caches nor another repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from maestro.confinement.profile import Profile
from maestro.confinement.wrapping import command
from maestro.core.kernel.agent_config import in_force
from maestro.core.workspaces import agents_place, sheltered
from maestro.core.workspaces.run_command import run_command
from tests.landing import Bench, bench, plan_of
from tests.repos import make_repo

_CACHES = (".cache/pip/wheels", ".npm/_cacache", ".cargo/registry/src", "go/pkg/mod", ".m2/repository")
_POISON = "; ".join(f'mkdir -p "$HOME/{name}"; echo evil > "$HOME/{name}/poison"' for name in _CACHES)
_LOOK = "; ".join(f'cat "$HOME/{name}/poison"' for name in _CACHES)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in _CACHES:
        (tmp_path / "home" / name).mkdir(parents=True)
        (tmp_path / "home" / name / "mine").write_text("mine")
    return tmp_path / "home"


def _run(b: Bench, home: Path, script: str, kind: str) -> str:
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    done = sheltered.run(b.rt, b.session, script, b.begin(), env, 100, lambda: False, kind=kind)  # type: ignore[arg-type]
    return done.output


def test_a_poisoned_cache_stays_with_its_repository(tmp_path: Path, home: Path) -> None:
    repo = make_repo(tmp_path / "repo", {"a.txt": "1\n"})
    other = make_repo(tmp_path / "other", {"b.txt": "1\n"})
    with bench(tmp_path, repo, plan_of({"id": "t1"}), permission_mode="sandboxed") as b:
        _run(b, home, _POISON, "check")
        assert "evil" not in _run(b, home, _LOOK, "setup")  # no check decides what a set-up gets
        _run(b, home, _POISON, "setup")
        assert _run(b, home, _LOOK, "setup").count("evil") == len(_CACHES)  # told in docs/security.md
        assert "evil" not in _of_an_agent(b, home)
        b.repo = other
        b.another(plan_of({"id": "t1"}), permission_mode="sandboxed")
        assert "evil" not in _run(b, home, _LOOK, "setup")
        assert "evil" not in _run(b, home, _LOOK, "check")
    found = [path for path in home.rglob("*") if path.is_file()]
    assert {path.name for path in found} == {"mine"}


def _of_an_agent(b: Bench, home: Path) -> str:
    """What the commands of an agent in the same repository see; nor do they leave anything for the next."""
    seen = ""
    for _ in range(2):
        worktree = b.begin()
        spec = agents_place.of_agent(
            b.rt, b.session, b.task().id, worktree, in_force(b.session.agent_config, b.rt.settings)
        )
        argv = command(Profile.from_json(spec["profile"]), ["bash", "-c", f"{_LOOK}; {_POISON}"])
        env = {"HOME": spec["profile"]["home"], "PATH": os.environ["PATH"]}
        seen += run_command("true", worktree, env, 100, wrap=lambda _argv, argv=argv: argv).output  # type: ignore[misc]
    return seen
