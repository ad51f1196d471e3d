"""What worktrees need is found by looking at names: at a commit, and for ignored files in the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from maestro.worktrees import setup_detection
from tests.repos import make_repo, run_git, write_files

_PYPROJECT = '[project]\nname = "x"\n[tool.pytest.ini_options]\n'
_VENV = "python3 -m venv .venv && echo '*' > .venv/.gitignore"

CASES: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "uv": ({"uv.lock": "", "pyproject.toml": _PYPROJECT}, ["uv sync", "uv run --with pytest python -m pytest -q"]),
    "mise before what is installed": (
        {"mise.toml": "", "package-lock.json": "{}"},
        ["mise trust --yes && mise install", "npm ci"],
    ),
    "mise in a folder of settings, and in a package": (
        {".config/mise/config.toml": "", "web/.mise.toml": "", "web/package-lock.json": "{}"},
        ["mise trust --yes && mise install", "cd web && mise trust --yes && mise install", "cd web && npm ci"],
    ),
    "direnv": (
        {".envrc": "use flake\n", "go.mod": "module x\n"},
        ["direnv allow .", "go mod download", "go test ./..."],
    ),
    "asdf": ({".tool-versions": "nodejs 22\n"}, ["asdf install"]),
    "poetry and node": (
        {"poetry.lock": "", "pyproject.toml": _PYPROJECT, "web/package-lock.json": "{}"},
        ["poetry install", "cd web && npm ci", "poetry run python -m pytest -q"],
    ),
    "requirements": (
        {"requirements.txt": "", "requirements-dev.txt": "", "tests/test_a.py": ""},
        [
            f"{_VENV} && .venv/bin/python -m pip install -r requirements.txt -r requirements-dev.txt pytest",
            ".venv/bin/python -m pytest -q",
        ],
    ),
    "unittest below a folder that is no package": (
        {"setup.py": "", "src/test_a.py": "import unittest\n", "src/a.py": ""},
        [f"{_VENV} && .venv/bin/python -m pip install -e .", ".venv/bin/python -m unittest discover -s src"],
    ),
    "unittest in packages, a few elsewhere": (
        {
            "t/__init__.py": "",
            "t/u/__init__.py": "",
            "t/u/test_a.py": "import unittest",
            "t/test_b.py": "",
            "x/test_c.py": "",
        },
        ["python -m unittest"],
    ),
    "unittest in files that it does not look for": (
        {"calc_test.py": "import unittest", "calc.py": ""},
        ["python -m unittest discover -p '*_test.py'"],
    ),
    "unittest with an extra for its tests": (
        {
            "pyproject.toml": "[project]\n[project.optional-dependencies]\ntests = ['mock']\n",
            "test_a.py": "import unittest",
        },
        [f"{_VENV} && .venv/bin/python -m pip install -e '.[tests]'", ".venv/bin/python -m unittest"],
    ),
    "trial, which tox installs": (
        {
            "setup.py": "",
            "tox.ini": "[testenv]\ndeps =\n    twisted\n    mock\ncommands = trial p\n",
            "p/__init__.py": "",
            "p/test/__init__.py": "",
            "p/test/test_a.py": "from twisted.trial import unittest\n",
        },
        [f"{_VENV} && .venv/bin/python -m pip install -e . twisted mock", ".venv/bin/python -m twisted.trial p"],
    ),
    "trial, which nothing installs": (
        {"pyproject.toml": "[project]\n", "tests/test_a.py": "from twisted.trial.unittest import TestCase\n"},
        [
            f"{_VENV} && .venv/bin/python -m pip install -e . twisted",
            ".venv/bin/python -m twisted.trial tests/test_a.py",
        ],
    ),
    "an extra with pytest, and a list of another tool that needs it": (
        {
            "pyproject.toml": "[project]\n[project.optional-dependencies]\ntests = ['pytest']\n",
            "conftest.py": "",
            "requirements-mypy.txt": "mypy\npytest\n",
            "requirements-dev.txt": "pytest\n",
        },
        [f"{_VENV} && .venv/bin/python -m pip install -e '.[tests]'", ".venv/bin/python -m pytest -q"],
    ),
    "Perl": ({"t/basic.t": "", "lib/A.pm": "", "dist.ini": ""}, ["prove -lr t"]),
    "Perl that is compiled": ({"t/basic.t": "", "A.xs": "", "Makefile.PL": ""}, []),
    "requirements of tests in a folder below, a linter's settings beside them": (
        {
            "setup.py": "",
            "tests/requirements/base.txt": "pytest\n",
            "tests/setup.cfg": "[flake8]\n",
            "tests/test_a.py": "",
        },
        [
            f"{_VENV} && .venv/bin/python -m pip install -e . -r tests/requirements/base.txt",
            ".venv/bin/python -m pytest -q",
        ],
    ),
    "requirements of tests in another folder": (
        {"setup.py": "", "testing/requirements.txt": "pytest\nmock\n", "testing/test_a.py": ""},
        [
            f"{_VENV} && .venv/bin/python -m pip install -e . -r testing/requirements.txt",
            ".venv/bin/python -m pytest -q",
        ],
    ),
    "a Makefile with another word for tests": ({"Makefile": "check: all\n\t./a\n", "a.c": ""}, ["make check"]),
    "a Makefile with both": ({"GNUmakefile": "check:\n\t./a\ntest: check\n"}, ["make test"]),
    "Task": ({"Taskfile.yml": "version: '3'\ntasks:\n  test:\n    - true\n"}, ["task test"]),
    "mise's tasks": ({"mise-tasks/test": "", "x": ""}, ["mise run test"]),
    "a workspace of pnpm without a lock file": (
        {
            "package.json": '{"scripts": {"test": "pnpm -r test"}, "devDependencies": {"a": "1"}}',
            "pnpm-workspace.yaml": "",
        },
        ["pnpm install --no-lockfile", "pnpm test"],
    ),
    "a package without a lock": (
        {"pyproject.toml": "[build-system]\n"},
        [f"{_VENV} && .venv/bin/python -m pip install -e ."],
    ),
    "a package whose one list of requirements holds pytest": (
        {"pyproject.toml": "[project]\n", "requirements.txt": "-e .[http2]\npytest==8\n", "tests/test_a.py": ""},
        [f"{_VENV} && .venv/bin/python -m pip install -e . -r requirements.txt", ".venv/bin/python -m pytest -q"],
    ),
    "what only tox names": (
        {
            "setup.py": "",
            "tox.ini": "[testenv]\ndeps =\n  pytest>=7\n  pytest-timeout\n  py39: old\n  -r more.txt\ncommands = pytest\n",
            "tests/test_a.py": "",
        },
        [
            f"{_VENV} && .venv/bin/python -m pip install -e . 'pytest>=7' pytest-timeout",
            ".venv/bin/python -m pytest -q",
        ],
    ),
    "what only tox names, in pyproject.toml": (
        {
            "pyproject.toml": '[project]\n[tool.tox]\nlegacy_tox_ini = """\n[core]\ndeps =\n  pytest\n  pytest-asyncio\n'
            '[testenv]\ndeps = {[core]deps}\n"""\n',
            "conftest.py": "",
        },
        [
            f"{_VENV} && .venv/bin/python -m pip install -e . pytest pytest-asyncio",
            ".venv/bin/python -m pytest -q",
        ],
    ),
    "extras in setup.cfg": (
        {"setup.py": "", "setup.cfg": "[options.extras_require]\ntests =\n  pytest>=7\n  x\n", "tests/test_a.py": ""},
        [f"{_VENV} && .venv/bin/python -m pip install -e '.[tests]'", ".venv/bin/python -m pytest -q"],
    ),
    "extras in setup.py": (
        {
            "setup.py": "T = ['pytest']\nE = {'docs': ['sphinx'], 'tests': T}\nsetup(name='x', extras_require=E)\n",
            "tests/test_a.py": "",
        },
        [f"{_VENV} && .venv/bin/python -m pip install -e '.[tests]'", ".venv/bin/python -m pytest -q"],
    ),
    "a setup.py that nobody can read": (
        {"setup.py": "setup(extras_require={**X, 'a': (\n", "pytest.ini": ""},
        [f"{_VENV} && .venv/bin/python -m pip install -e . pytest", ".venv/bin/python -m pytest -q"],
    ),
    "a gem without a lock file": (
        {"Gemfile": "gemspec\n", "Rakefile": "task :test\n", "test/a_test.rb": "", ".gitignore": "Gemfile.lock\n"},
        ["bundle install", "bundle exec rake test"],
    ),
    "a composer package that does not ignore its lock file": (
        {"composer.json": "{}", "phpunit.xml.dist": ""},
        ["composer install --no-interaction && rm -f composer.lock", "vendor/bin/phpunit"],
    ),
    "a Gemfile for something else": (
        {"Gemfile": "gem 'fastlane'\n", "package-lock.json": "{}"},
        ["npm ci"],
    ),
    "only tools are configured": ({"pyproject.toml": "[tool.ruff]\n"}, []),
    "modern yarn": (
        {"yarn.lock": "", ".yarnrc.yml": "", "package.json": '{"scripts": {"test": "jest"}}'},
        ["yarn install --immutable", "yarn test"],
    ),
    "bun, go, rust": (
        {"bun.lockb": b"\0", "go.mod": "module x\n", "Cargo.lock": "", "Cargo.toml": ""},
        ["bun install --frozen-lockfile", "go mod download", "cargo fetch", "cargo test", "go test ./..."],
    ),
    "pytest in an extra": (
        {"pyproject.toml": f'{_PYPROJECT}[project.optional-dependencies]\ndocs = ["sphinx"]\ntest = ["Pytest>=8"]\n'},
        [f"{_VENV} && .venv/bin/python -m pip install -e '.[test]'", ".venv/bin/python -m pytest -q"],
    ),
    "pytest in a group that another one includes": (
        {
            "pyproject.toml": f'{_PYPROJECT}[dependency-groups]\ntypes = ["mypy"]\n'
            'tests = ["pytest"]\nci = [{include-group = "tests"}]\n'
        },
        [
            f"{_VENV} && .venv/bin/python -m pip install --upgrade pip && "
            ".venv/bin/python -m pip install -e . --group tests",
            ".venv/bin/python -m pytest -q",
        ],
    ),
    "pytest in a group that uv does not install by itself": (
        {"uv.lock": "", "pyproject.toml": f'{_PYPROJECT}[dependency-groups]\ndev = ["ruff"]\ntests = ["pytest"]\n'},
        ["uv sync --group tests", "uv run python -m pytest -q"],
    ),
    "pytest in an optional group of poetry": (
        {
            "poetry.lock": "",
            "pyproject.toml": "[tool.poetry.group.test]\noptional = true\n"
            '[tool.poetry.group.test.dependencies]\npytest = "*"\n[tool.pytest.ini_options]\n',
        },
        ["poetry install --with test", "poetry run python -m pytest -q"],
    ),
    "a package with requirements for its tests in a folder": (
        {"setup.py": "", "requirements/testing.txt": "pytest\n", "requirements/docs.txt": "", "conftest.py": ""},
        [
            f"{_VENV} && .venv/bin/python -m pip install -e . -r requirements/testing.txt",
            ".venv/bin/python -m pytest -q",
        ],
    ),
    "only tox knows": (
        {"tox.ini": "[testenv]\ndeps = pytest\ncommands = pytest\n", "tests/test_a.py": ""},
        [f"{_VENV} && .venv/bin/python -m pip install tox", ".venv/bin/tox -e py"],
    ),
    "only nox knows": (
        {"noxfile.py": '@nox.session(python=["3.11"])\ndef tests(session):\n    session.install("pytest")\n'},
        [
            f"{_VENV} && .venv/bin/python -m pip install nox",
            ".venv/bin/nox --no-error-on-missing-interpreters -s tests",
        ],
    ),
    "no lock file": (
        {"package.json": '{"scripts": {"test": "mocha"}, "devDependencies": {"mocha": "*"}}'},
        ["npm install --no-package-lock --no-audit --no-fund", "npm test"],
    ),
    "a manager that package.json names": (
        {"package.json": '{"packageManager": "pnpm@9.1.0", "scripts": {"test": "x"}, "dependencies": {"a": "1"}}'},
        ["pnpm install --no-lockfile", "pnpm test"],
    ),
    "scripts in Python beside another language": (
        {"Cargo.toml": "[workspace]\n", "scripts/test_release.py": "", "package.json": "{}", "tools/check_test.py": ""},
        ["cargo test --workspace"],
    ),
    "java": ({"pom.xml": "", "build.gradle": "", "gradlew": ""}, ["mvn -B test", "sh ./gradlew test"]),
    "cmake": (
        {"CMakeLists.txt": "enable_testing()\n", "tests/CMakeLists.txt": "add_test(a b)\n", "Makefile": "test:\n"},
        [
            "cmake -S . -B build && echo '*' > build/.gitignore && cmake --build build",
            "cmake --build build && ctest --test-dir build --output-on-failure",
            "make test",
        ],
    ),
    "packages in folders of their own": (
        {
            "packages/a/package.json": '{"scripts": {"test": "node --test"}}',
            "packages/b/go.mod": "module b\n",
            "web/package.json": '{"scripts": {"test": "jest"}}',
            "web/yarn.lock": "",
        },
        [
            "cd web && yarn install --frozen-lockfile",
            "cd packages/b && go mod download",
            "cd web && yarn test",
            "cd packages/a && npm test",
            "cd packages/b && go test ./...",
        ],
    ),
    "members of a workspace": (
        {
            "Cargo.toml": "[workspace]\n",
            "crates/a/Cargo.toml": "",
            "package.json": '{"workspaces": ["packages/*"], "scripts": {"test": "x"}}',
            "packages/b/package.json": '{"scripts": {"test": "y"}}',
        },
        ["npm test", "cargo test --workspace"],
    ),
    "manifests that cannot be read": (
        {"pyproject.toml": "[project\n", "package.json": "[" * 9000, "uv.lock": b"\xff\0", "conftest.py": ""},
        ["uv sync", "uv run --with pytest python -m pytest -q"],
    ),
    "two lock files of one trade": (
        {"pnpm-lock.yaml": "", "package-lock.json": "{}"},
        ["pnpm install --frozen-lockfile", "npm ci"],
    ),
    "not the project's own": (
        {"docs/requirements.txt": "", "vendor/go.mod": "", ".hidden/uv.lock": "", "a/b/uv.lock": "", "README": ""},
        [],
    ),
    "odd folder names": (
        {"it's; $(x)/uv.lock": "", ":!x/uv.lock": "", "-n/uv.lock": "", "*/uv.lock": "", "nl\nname/uv.lock": ""},
        ["cd '*' && uv sync", "cd ':!x' && uv sync", "cd 'it'\"'\"'s; $(x)' && uv sync"],
    ),
}


_TOOLS = "python python3 uv poetry pdm pipenv npm pnpm yarn bun go cargo mvn java cmake make tox nox bundle"


def tools(folder: Path, names: str) -> str:
    """A folder for PATH that holds these programs, and git."""
    folder.mkdir()
    write_files(folder, dict.fromkeys(names.split(), "#!/bin/sh\n"))
    for program in folder.iterdir():
        program.chmod(0o755)
    (folder / "git").symlink_to("/usr/bin/git")
    return str(folder)


@pytest.mark.parametrize("name", CASES)
def test_set_up_commands_and_checks_are_found_by_what_is_tracked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PATH", tools(tmp_path / "bin", _TOOLS))
    files, expected = CASES[name]
    repo = make_repo(tmp_path / "r", files)
    write_files(repo, {"Gemfile.lock": "not committed"})
    assert [f.value for f in setup_detection.detect(repo, "HEAD")] == expected


def test_each_finding_says_why_and_whether_its_tool_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    write_files(tools, {"npm": "#!/bin/sh\n"})
    (tools / "npm").chmod(0o755)
    (tools / "git").symlink_to("/usr/bin/git")
    monkeypatch.setenv("PATH", str(tools))
    repo = make_repo(tmp_path / "r", {"web/package-lock.json": "{}", "uv.lock": "", "poetry.lock": ""})
    told = [(f.reason, f.tool, f.tool_there, f.second) for f in setup_detection.detect(repo, "HEAD")]
    assert told == [
        ("uv.lock is in the repository", "uv", False, False),
        ("poetry.lock is in the repository", "poetry", False, True),
        ("web/package-lock.json is in the repository", "npm", True, False),
    ]


def test_what_a_local_envrc_needs_is_offered_with_its_copy_and_says_why(tmp_path: Path) -> None:
    repo = make_repo(tmp_path / "r", {".gitignore": ".envrc\n"})
    write_files(repo, {".envrc": "export A=1\n"})
    trust, copy = setup_detection.detect(repo, "HEAD")
    assert (trust.kind, trust.value, trust.tool) == ("setup", "test ! -e .envrc || direnv allow .", "direnv")
    assert "until it is trusted there" in trust.reason
    assert (copy.kind, copy.value) == ("copy_files", "/.envrc")


def test_files_to_copy_are_those_that_are_there_ignored_and_small(tmp_path: Path) -> None:
    ignore = ".env*\n!.env.example\n.envrc\nlocal.settings.json\nbuild/\n"
    repo = make_repo(
        tmp_path / "r",
        {".gitignore": ignore, "web/a": "", ":!x/a": "", "build.py": "", "linked/a": "", ".env.shared": "x"},
    )
    run_git(repo, "add", "-f", ".env.shared")
    run_git(repo, "commit", "-qm", "tracked although ignored")
    local = dict.fromkeys(
        (".env", ".env.local", ".env.sample", ".env.[x]", ":!x/.env", "web/.env", "web/local.settings.json"), "A=1"
    )
    write_files(repo, {**local, ".env.huge": "x" * 300_000, "build/.env": "1", ".dev.vars": "not ignored"})
    (repo / ".envrc").symlink_to("/etc/passwd")
    (repo / "linked/a").unlink()
    (repo / "linked").rmdir()
    (repo / "linked").symlink_to(tmp_path)
    (tmp_path / ".env").write_text("of another")
    found = setup_detection.detect(repo, "HEAD")
    assert [f.value for f in found] == ["/.env", "/.env.local", "/:!x/.env", "/web/.env", "/web/local.settings.json"]
    assert found[3].reason == "web/.env is in your checkout and ignored by git"


@pytest.mark.parametrize(
    ("files", "there", "usable"),
    [
        (
            {"uv.lock": "", "pyproject.toml": f'{_PYPROJECT}[dependency-groups]\ndev = ["pytest"]\n'},
            "python3",
            [
                f"{_VENV} && .venv/bin/python -m pip install --upgrade pip && "
                ".venv/bin/python -m pip install -e . --group dev",
                ".venv/bin/python -m pytest -q",
            ],
        ),
        (
            {
                "pnpm-lock.yaml": "",
                "package.json": '{"scripts": {"test": "vitest"}, "devDependencies": {"vitest": "*"}}',
            },
            "npx",
            ["npx --yes pnpm@10 install --frozen-lockfile", "npx --yes pnpm@10 test"],
        ),
        ({"yarn.lock": "", "package.json": '{"dependencies": {"a": "1"}}'}, "npm", []),
        (
            {"yarn.lock": "# yarn lockfile v1\n", "package.json": '{"scripts": {"test": "jest"}, "workspaces": ["a"]}'},
            "npx",
            ["npx --yes yarn@1 install --frozen-lockfile", "npx --yes yarn@1 test"],
        ),
        (
            {"yarn.lock": "__metadata:\n  version: 8\n", "package.json": '{"scripts": {"test": "jest"}}'},
            "npx",
            [
                "npx --yes -p @yarnpkg/cli-dist@4 yarn install --immutable",
                "npx --yes -p @yarnpkg/cli-dist@4 yarn test",
            ],
        ),
        (
            {
                "yarn.lock": "__metadata:\n  version: 8\n",
                ".yarnrc.yml": "nodeLinker: node-modules\n\nyarnPath: .yarn/releases/yarn-4.1.0.cjs\n",
                ".yarn/releases/yarn-4.1.0.cjs": "",
                "package.json": '{"scripts": {"test": "jest"}}',
            },
            "node",
            [
                "node .yarn/releases/yarn-4.1.0.cjs install --immutable",
                "node .yarn/releases/yarn-4.1.0.cjs test",
            ],
        ),
        (
            {
                "pnpm-lock.yaml": "lockfileVersion: '9.0'\n",
                "package.json": '{"scripts": {"test": "vitest"}, "workspaces": ["packages/*"]}',
            },
            "npx",
            [
                "npx --yes --prefix /tmp pnpm@9 install --frozen-lockfile",
                "npx --yes --prefix /tmp pnpm@9 test",
            ],
        ),
        (
            {"package.json": '{"packageManager": "pnpm@9.4.0+sha512.ab", "dependencies": {"a": "1"}}'},
            "npx",
            ["npx --yes pnpm@9.4.0 install --no-lockfile"],
        ),
        (
            {
                "pnpm-lock.yaml": "lockfileVersion: '6.0'\n",
                "pnpm-workspace.yaml": "packages: [packages/*]",
                "package.json": '{"devDependencies": {"vitest": "*"}}',
                "packages/a/package.json": '{"dependencies": {"b": "*"}}',
            },
            "npx",
            ["npx --yes pnpm@8 install --frozen-lockfile", "npx --yes pnpm@8 -r test"],
        ),
        ({"bun.lock": "", "package.json": '{"scripts": {"test": "bun test"}}'}, "", []),
        (
            {"bun.lock": "", "package.json": '{"workspaces": ["p/*"], "scripts": {"test": "bun test"}}'},
            "npx",
            ["npx --yes bun@1 install --frozen-lockfile", "npx --yes bun@1 run test"],
        ),
        (
            {"pnpm-lock.yaml": "", "pnpm-workspace.yaml": "", "packages/a/package.json": '{"scripts": {"test": "x"}}'},
            "npx",
            ["npx --yes pnpm@10 install --frozen-lockfile", "npx --yes pnpm@10 -r test"],
        ),
        (
            {
                "pnpm-workspace.yaml": "",
                "package.json": '{"scripts": {"test": "pnpm -r test"}, "devDependencies": {"a": "1"}}',
            },
            "npx",
            ["npx --yes pnpm@10 install --no-lockfile", "npx --yes pnpm@10 test"],
        ),
        (
            {"bun.lock": "", "package.json": '{"scripts": {"test": "vitest run"}}'},
            "npm",
            [
                "npm install --no-package-lock --no-audit --no-fund",
                "npm test",
            ],
        ),
        (
            {
                "poetry.lock": "",
                "pyproject.toml": "[tool.poetry]\nname = 'a'\n[tool.poetry.dependencies]\npython = '^3.9'\n"
                "[tool.poetry.group.test.dependencies]\npytest = '^7.2'\npytest-mock = '*'\nPyYAML = {version = '~6.0.1'}\n"
                "own = {path = '../own'}\n[tool.poetry.group.docs.dependencies]\nSphinx = '^4'\n",
                "tests/test_a.py": "",
            },
            "python3",
            [
                f"{_VENV} && .venv/bin/python -m pip install -e . 'pytest>=7.2,<8' pytest-mock 'PyYAML>=6.0.1,<6.1'",
                ".venv/bin/python -m pytest -q",
            ],
        ),
        (
            {
                "poetry.lock": "",
                "pyproject.toml": "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = '^3.9'\n"
                "httpx = {version = '^0.27', extras = ['http2']}\n[tool.poetry.dev-dependencies]\npytest = '8.1'\n",
                "tests/test_a.py": "",
            },
            "python3",
            [
                f"{_VENV} && .venv/bin/python -m pip install 'httpx[http2]>=0.27,<0.28' pytest==8.1",
                ".venv/bin/python -m pytest -q",
            ],
        ),
        (
            {
                "uv.lock": "",
                "pyproject.toml": f'{_PYPROJECT}[dependency-groups]\ndev = ["pytest"]\n'
                "[tool.uv.sources]\nother = {workspace = true}\n",
            },
            "python3",
            [],
        ),
        ({"uv.lock": "", "pyproject.toml": "[tool.ruff]\n"}, "python3", []),
    ],
)
def test_where_a_lock_files_tool_is_missing_what_is_there_is_offered_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str | bytes], there: str, usable: list[str]
) -> None:
    monkeypatch.setenv("PATH", tools(tmp_path / "bin", there))
    found = setup_detection.detect(make_repo(tmp_path / "r", files), "HEAD")
    assert not found[0].tool_there
    assert [f.value for f in found if f.tool_there] == usable


def test_what_a_folder_of_tests_needs_is_the_projects_and_no_project_of_its_own(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "setup.py": "", "tests/requirements.txt": "mock\npytest\n", "tests/conftest.py": "", "tests/test_a.py": "",
    }  # fmt: skip
    found = setup_detection.detect(make_repo(tmp_path / "r", files), "HEAD")
    assert [f.value for f in found] == [
        f"{_VENV} && .venv/bin/python -m pip install -e . -r tests/requirements.txt",
        ".venv/bin/python -m pytest -q",
    ]


def test_a_folder_of_tests_with_a_manifest_of_its_own_stays_a_project(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "package.json": '{"scripts": {"test": "jest"}}', "tests/pyproject.toml": "[project]\nname = 'e2e'\n",
        "tests/test_a.py": "import pytest\n",
    }  # fmt: skip
    found = {f.value for f in setup_detection.detect(make_repo(tmp_path / "r", files), "HEAD")}
    assert "cd tests && .venv/bin/python -m pytest -q" in found


def test_a_reason_names_the_file_that_it_comes_from_in_folders_too(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "setup.py": "", "tests/test_a.py": "import pytest\n",
        "web/package.json": '{"scripts": {"test": "jest"}, "dependencies": {"a": "1"}}',
        "cli/Cargo.toml": "", "api/go.mod": "", "tool/Makefile": "test:\n\ttrue\n", "svc/pom.xml": "",
        "core/CMakeLists.txt": "enable_testing()\n", "php/phpunit.xml.dist": "", "lib/pyproject.toml": "[project]\n",
        "lib/tests/test_b.py": "import pytest\n", "app/build.gradle.kts": "", "job/justfile": "test:\n  true\n",
    }  # fmt: skip
    found = setup_detection.detect(make_repo(tmp_path / "r", files), "HEAD")
    below = [f for f in found if f.value.startswith("cd ")]
    assert len(below) >= 10
    for one in below:
        folder = one.value.split(" ")[1]
        assert f"{folder}/" in one.reason or f"in {folder} " in one.reason, (one.value, one.reason)
    assert "web/package.json has a script test" in {f.reason for f in below}


def test_set_up_below_the_root_that_no_check_needs_is_offered_and_not_chosen(tmp_path: Path) -> None:
    tested = '{"scripts": {"test": "vitest run"}, "dependencies": {"x": "1"}}'
    files: dict[str, str | bytes] = {
        "package.json": tested, "package-lock.json": "{}",
        "website/package.json": '{"dependencies": {"docusaurus": "3"}}', "website/package-lock.json": "{}",
        "api/package.json": tested, "api/package-lock.json": "{}", "tools/requirements.txt": "x",
    }  # fmt: skip
    found = {
        f.value: f.second for f in setup_detection.detect(make_repo(tmp_path / "r", files), "HEAD") if f.kind == "setup"
    }
    assert found == {
        "npm ci": False,
        "cd api && npm ci": False,
        f"cd tools && {_VENV} && .venv/bin/python -m pip install -r requirements.txt": False,
        "cd website && npm ci": True,
    }
