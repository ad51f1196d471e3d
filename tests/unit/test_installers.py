"""Which set-up commands only install, and what makes a repository's own sources part of an installation."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.worktrees import installers
from tests.repos import make_repo


@pytest.mark.parametrize(
    "command",
    [
        "npm ci",
        "npm install",
        "NODE_ENV=test npm ci --no-audit --no-fund",
        "cd web && npm ci",
        "yarn",
        "yarn install --frozen-lockfile",
        "npx --yes yarn@1 install --frozen-lockfile",
        "cd web && npx --yes yarn@1.22.22 install",
        "poetry install --with dev,test",
        "pipenv sync --dev",
        "bundle install --jobs 4",
        "composer install --no-interaction",
        "python -m venv .venv",
        "python3.11 -m venv .venv && .venv/bin/pip install -r requirements.txt",
        "python3 -m venv .venv && . .venv/bin/activate && pip install -e '.[test]' 'pytest>=8'",
        ".venv/bin/python -m pip install -U pip setuptools",
        "source .venv/bin/activate && pip install -r requirements/dev.txt -c constraints.txt",
    ],
)
def test_commands_that_only_install_are_recognized(command: str) -> None:
    assert installers.recognized(command)


@pytest.mark.parametrize(
    "command",
    [
        "make deps",
        "npm ci && npm run build",
        "npm run setup",
        "npm install lodash",
        "npm ci --prefix ../other",
        "npm ci; docker compose up -d",
        "npm ci | tee log",
        "npm ci > log",
        "npm ci & sleep 1",
        "npm ci $FLAGS",
        "npm ci `cat flags`",
        "cd .. && npm ci",
        "cd /repo && npm ci",
        "pip install -r requirements.txt",  # into the machine
        ".venv/bin/pip install .",
        ".venv/bin/pip install '.[test]'",
        ".venv/bin/pip install ./packages/a",
        ".venv/bin/pip install dist/a.whl",
        ".venv/bin/pip install -e ../other",
        ".venv/bin/pip install -r wanted.txt",
        ".venv/bin/pip install --target lib x",
        "bin/pip install x",
        "composer install -o",
        "uv sync",  # has a store of its own, with links
        "pnpm install --frozen-lockfile",
        "npx --yes pnpm@9 install --frozen-lockfile",
        "npx --yes -p @yarnpkg/cli-dist@4 yarn install --immutable",
        "npx --yes yarn@1 add lodash",
        "npx yarn@1 install",
        "createdb test && npm ci",
        "'npm ci",
        "",
    ],
)
def test_commands_that_may_do_anything_else_are_not(command: str) -> None:
    assert not installers.recognized(command)


def test_the_first_commands_in_a_row_that_install_go_together() -> None:
    commands = ["cp .env.example .env", "python -m venv .venv", ".venv/bin/pip install pytest", "make db", "npm ci"]
    assert installers.first_run(commands) == (1, 3)
    assert installers.first_run(["make"]) == (1, 1)
    assert installers.first_run([]) == (0, 0)


@pytest.mark.parametrize(
    ("files", "command", "builds"),
    [
        ({"package.json": '{"scripts": {"test": "jest", "prepare": "husky"}}'}, "npm ci", False),
        ({"package.json": '{"scripts": {"prepare": "tsc"}}'}, "npm ci", True),
        ({"package.json": '{"scripts": {"prepare": "tsc"}}'}, "npm ci --ignore-scripts", False),
        ({"package.json": "{}", "packages/a/package.json": '{"scripts": {"postinstall": "node x.js"}}'}, "yarn", True),
        ({"package.json": '{"dependencies": {"a": "file:vendor/a"}}'}, "npm ci", True),
        ({"package.json": "{"}, "npm ci", True),
        ({"requirements.txt": "pytest==8\n-e .\n"}, ".venv/bin/pip install -r requirements.txt", False),
        ({"requirements.txt": "pytest==8\n.\n"}, ".venv/bin/pip install -r requirements.txt", True),
        ({"requirements.txt": "-r other.lst\n"}, ".venv/bin/pip install -r requirements.txt", True),
        ({"requirements.txt": "a @ file:///x\n"}, ".venv/bin/pip install -r requirements.txt", True),
        (
            {"pyproject.toml": '[build-system]\nbuild-backend = "hatchling.build"\n'},
            ".venv/bin/pip install -e .",
            False,
        ),
        ({"pyproject.toml": '[build-system]\nbuild-backend = "maturin"\n'}, ".venv/bin/pip install -e .", True),
        ({"setup.py": "setup(ext_modules=[])"}, ".venv/bin/pip install -e .", True),
        ({"pyproject.toml": '[tool.poetry.dependencies]\na = {path = "a"}\n'}, "poetry install", True),
        ({"pyproject.toml": '[tool.poetry.dependencies]\na = {path = "a", develop = true}\n'}, "poetry install", False),
        ({"composer.json": '{"autoload": {"psr-4": {"A\\\\": "src/"}}}'}, "composer install", False),
        ({"composer.json": '{"autoload": {"classmap": ["src/"]}}'}, "composer install", True),
        ({"composer.json": '{"scripts": {"post-install-cmd": "x"}}'}, "composer install", True),
    ],
)
def test_what_builds_the_repositorys_own_sources_is_installed_in_each_worktree(
    tmp_path: Path, files: dict[str, str | bytes], command: str, builds: bool
) -> None:
    repo = make_repo(tmp_path / "repo", files)
    found = installers.recognized(command)
    assert found
    assert installers.builds_sources(repo, found) is builds
