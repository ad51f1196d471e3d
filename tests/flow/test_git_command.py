"""What a git process gets from the app: exactly the built environment, the switches, a session of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from maestro.worktrees.git import git
from maestro.worktrees.git_command import Command
from maestro.worktrees.git_environment import FIXED, PASSED_ON
from tests.repos import make_repo


def tell(repo: Path) -> None:
    """Give the repository an alias that says its environment, its session and what configuration it sees."""
    git(repo, "config", "alias.tell", '!env -0; printf "SID=%s\\0" "$(ps -o sid= -p $$ | tr -d " ")"; true')


def seen(printed: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in printed.split("\0") if "=" in line)


#: What git itself tells an alias, and the shell that runs it.
_OF_GIT = {"GIT_PREFIX", "GIT_CONFIG_PARAMETERS", "GIT_EXEC_PATH", "PWD", "OLDPWD", "SHLVL", "_", "SID"}


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = make_repo(tmp_path / "repo", {"README.md": "Hello\n"})
    tell(made)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_COUNT", "GIT_TRACE", "GIT_PYTHON_TRACE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-must-not-get-through")
    monkeypatch.setenv("PATH", f"./node_modules/.bin:{os.environ['PATH']}")
    return made


@pytest.mark.parametrize("way", ["ours", "waited for", "as a process"])
def test_git_knows_of_the_app_what_it_is_told_and_nothing_else(repo: Path, way: str) -> None:
    if way == "ours":
        found = seen(git(repo, "tell").text)
    elif way == "waited for":
        found = seen(Command(repo).tell())
    else:
        process = Command(repo).tell(as_process=True)
        found = seen(process.proc.communicate()[0].decode())

    assert found.keys() - _OF_GIT <= {*PASSED_ON, *FIXED, "GIT_CEILING_DIRECTORIES"}
    assert {name: found[name] for name in FIXED} == FIXED
    assert "node_modules" not in found["PATH"]
    assert "core.hookspath'='/dev/null" in found["GIT_CONFIG_PARAMETERS"].lower()
    assert int(found["SID"]) != os.getsid(0)


def test_loading_gitpython_leaves_no_variable_and_needs_no_git(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import os; from maestro.worktrees import git_command; print(sorted(os.environ))"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "GIT_PYTHON" not in said.stdout
    assert said.stderr == ""
