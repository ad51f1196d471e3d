"""Before a plan is approved it is said which checks name their tests, and which may never end."""

from __future__ import annotations

import json

import pytest

from maestro.core.proving.foretelling import NUMBERS, PASS_OR_FAIL, TESTS, foretell

SCRIPTS = {
    "test": "tsc --noEmit && vitest run",
    "test:unit": "cross-env NODE_ENV=test jest --ci",
    "test:all": "run-s lint test:*",
    "lint": "eslint .",
    "both": "npm-run-all -p lint test:unit",
    "spec": "c8 mocha --reporter spec",
    "cov": "nyc --reporter=lcov mocha",
    "cra": "react-scripts test",
    "e2e": "playwright test",
    "build": "vite build",
    "dev": "vite",
    "start": "node server.js",
    "tdd": "jest --watch",
    "types": "tsc -w",
    "vt": "vitest",
    "rep": "node --import tsx --test 'test/**/*.ts'",
    "size": "uvu tests",
    "deep": "npm run spec",
    "turbo": "turbo run test",
    "all": "pnpm -r test",
}
FILES = {
    "package.json": json.dumps({"scripts": SCRIPTS}),
    "packages/a/package.json": json.dumps({"name": "@x/a", "scripts": {"test": "mocha"}}),
    "Makefile": "test:\n\tpython -m pytest -q\ncheck: lint\n\t./ci.sh\nlint:\n\truff check .\n",
    "justfile": "test:\n    cargo nextest run\n",
    "ci.sh": "set -e\nuv run ruff check .\nuv run --group dev pytest\n",
    "composer.json": json.dumps({"scripts": {"test": ["@lint", "@php vendor/bin/phpunit"], "lint": "php -l x.php"}}),
}

MORE = {
    "package.json": json.dumps(
        {
            "scripts": {
                "test": "pnpm run vt run && pnpm -r test",
                "vt": "vitest --coverage",
                "jest": "node --experimental-vm-modules node_modules/jest/bin/jest.js",
                "bin": "node -r ts-node/register ./node_modules/.bin/mocha",
                "own": "node bin/prepare.js cross-env A=1 mocha test",
                "w": "wireit",
                "w:lint": "wireit",
                "w:all": "wireit",
                "karma": "karma start --single-run",
                "cy": "cypress run",
                "cy:open": "cypress open",
                "lerna": "lerna run test --stream",
                "exec": "lerna exec -- jest",
                "make": "make test",
                "ng": "ng test",
            },
            "wireit": {
                "w": {"command": "vitest run", "dependencies": ["w:lint"]},
                "w:lint": {"command": "eslint ."},
                "w:all": {"dependencies": ["./packages/a:unit", {"script": "w"}]},
            },
        }
    ),
    "packages/a/package.json": json.dumps({"scripts": {"test": "ava", "unit": "tap"}}),
    "apps/one/project.json": json.dumps(
        {
            "targets": {
                "test": {"executor": "@nx/jest:jest"},
                "lint": {"executor": "@nx/eslint:lint"},
                "e2e": {"executor": "@nx/cypress:cypress"},
                "unit": {"executor": "nx:run-commands", "options": {"commands": ["vitest run"]}},
            }
        }
    ),
    "apps/two/vite.config.ts": "",
    "nx.json": json.dumps({"plugins": [{"plugin": "@nx/vite/plugin", "options": {"testTargetName": "vite:test"}}]}),
    "Makefile": "YARN := yarn\nNODE := $(YARN) node\n\ntest: lint\n\tA=1 ./scripts/test.sh\nlint:\n\teslint .\n"
    "py:\n\t$(PYTHON) -m pytest\nPYTHON ?= python3\nnode:\n\t$(NODE) node_modules/.bin/jest\n",
    "scripts/test.sh": 'node="yarn node"\nargs=()\n$node "$(yarn bin jest)" "${args[@]}"\n',
    "justfile": "import 'more.just'\nset shell := ['bash', '-c']\nalias t := unit\npy := 'python3'\n\n"
    "# all\n@unit *args='-q': (build 'x')\n    {{py}} -m pytest {{args}}\nbuild what:\n    echo {{what}}\n"
    "check: build\n    ruff check .\nmod web\n",
    "more.just": "js:\n    npx jest\n",
    "web/mod.just": "test:\n    npx vitest run\n",
    "pyproject.toml": "[tool.hatch.envs.default.scripts]\ntest = 'pytest {args:tests}'\nlint = 'ruff check .'\n"
    "[tool.hatch.envs.lint.scripts]\nall = ['ruff check .']\n[tool.pdm.scripts]\nunit = {cmd = 'pytest'}\n"
    "both = {composite = ['unit', 'lint']}\n[tool.poe.tasks]\nt = 'pytest'\nseq = ['t']\nfmt = 'ruff format'\n",
    "deno.json": json.dumps({"tasks": {"test": "deno test -A", "fmt": "deno fmt"}}),
    "Pipfile": "[scripts]\ntest = 'pytest'\n",
}
MORE_PACKAGES = ["packages/a", "apps/one", "apps/two"]


def told(command: str) -> str:
    return foretell(command, FILES.get, ["packages/a"]).tells


@pytest.mark.parametrize(
    "command",
    [
        "npm test", "npm t", "npm run test:unit", "yarn test:unit", "npm run both", "npm run spec",
        "npm run cov", "npm run cra",
        "npm run e2e",
        "npm run rep", "npm run deep", "npm run vt", "npm run turbo", "npm run all", "pnpm -r test",
        "pnpm --filter @x/a test", "yarn workspace @x/a test", "npm test -w packages/a",
        "npx turbo run test", "npx nx run-many -t test",
        "npx -y jest", "npx --no-install vitest run", "pnpm exec mocha", "node_modules/.bin/jest",
        "npm exec -- jest", "bun test",
        "bunx vitest run", "deno test -A", "node --test", "npx playwright test",
        "pytest", "python3.12 -m pytest -q", ".venv/bin/python -m pytest", "uv run pytest", "uv run --group dev pytest -x",
        "poetry run pytest", "coverage run -m pytest && coverage report", "uv run coverage run -m unittest discover",
        "python manage.py test", "python -m unittest", "tox -e py311", "nox -s tests", "hatch test", "python -m tox",
        "make test", "make check", "just test", "cd sub && go test ./...", "go vet ./... && go test ./...",
        "gotestsum ./...",
        "cargo test --all", "cargo nextest run", "cmake --build build && ctest --test-dir build", "ctest",
        "mvn -q test", "./mvnw verify",
        "gradle test", "./gradlew check", "bundle exec rspec", "bin/rails test", "rake test",
        "vendor/bin/phpunit", "composer test",
        "prove -r t", "bats test", "prove -lr t", "perl -Ilib t/a.t", "./Build test", "dzil test",
        "trial pkg", "python -m twisted.trial pkg", "uv run trial -j2 pkg", "nose2", "python -m nose2 -v", "rye test",
        "go run gotest.tools/gotestsum@latest ./...", "go tool gotestsum ./...", "ginkgo -r --junit-report=r.xml",
        "vendor/bin/simple-phpunit", "php bin/phpunit", "deno run -A npm:vitest run", "node --run test",
        "PYTHONPATH=src python -m pytest", "timeout 60 pytest", "env -u X pytest",
    ],
)  # fmt: skip
def test_checks_whose_runners_name_their_tests(command: str) -> None:
    assert told(command) == TESTS


@pytest.mark.parametrize(
    "command",
    ["ruff check .", "npm run lint", "npm run build", "make lint", "mypy .", "sh other.sh", "true", "docker compose run app",
     "go vet ./...", "cargo check", "mvn compile", "gradle assemble", "npx tsc --noEmit",
     "pytest --collect-only", "test -f x",
     "npm run nothing", "echo pytest", "cypress run", "npx cypress run", "ng test --watch=false", "testcafe chrome t",
     "npx wdio run", "npx @web/test-runner", "bazel test //...", "bazelisk test //...", "dart test", "flutter test",
     "swift test", "zig build test", "stack test", "cabal test", "dune test", "crystal spec", "nimble test", "lein test",
     "clojure -M:test", "elm-test", "rebar3 eunit", "gleam test", "busted", "Rscript -e 'testthat::test_local()'",
     "julia -e 'using Pkg; Pkg.test()'", "shellspec", "cucumber", "behave", "robot tests", "green", "ward",
     "python -m doctest x.py", "ginkgo -r", "pants test ::", "earthly +test", "docker compose run app pytest",
     "act", "pre-commit run --all-files", "vendor/bin/behat", "vendor/bin/codecept run", "tsd", "grunt test", "gulp test",
     "rake", "task test", "mise run test", "node --run nothing", "deno task nothing"],
)  # fmt: skip
def test_checks_that_tell_pass_or_fail_only(command: str) -> None:
    found = foretell(command, FILES.get, ["packages/a"])
    assert found.tells == PASS_OR_FAIL
    assert found.note is not None
    assert "pass or fail only" in found.note


@pytest.mark.parametrize("command", ["npm run size", "dotnet test", "mix test"])
def test_checks_that_only_count(command: str) -> None:
    assert told(command) == NUMBERS


@pytest.mark.parametrize(
    "command",
    ["npm run dev", "npm run tdd", "npm run types", "npm run vt", "yarn dev", "npx vitest", "vitest watch",
    "npx jest --watch",
     "jest --watchAll", "mocha -w", "tsc -w", "npx tsc --watch", "cargo watch -x test", "nodemon x.js",
     "python manage.py runserver",
     "uvicorn app:app", "python -m http.server", "npx next dev", "docker compose up", "gradle test --continuous", "pnpm dev",
     "cd web && npm run dev", "node --watch --test", "npx webpack serve", "ptw"],
)  # fmt: skip
def test_watchers_and_servers_are_told_before_they_cost_a_time_limit(command: str) -> None:
    why = foretell(command, FILES.get).watches
    assert why is not None
    assert "end" in why


@pytest.mark.parametrize(
    "command",
    ["npm test", "npx vitest run", "npx vitest --run", "npm run build", "jest --watchAll=false", "docker compose up -d",
     "pytest -w", "make test", "npm run test:unit", "npx tsc --noEmit", "watchman --version", "cargo test"],
)  # fmt: skip
def test_commands_that_end_are_not_taken_for_watchers(command: str) -> None:
    assert foretell(command, FILES.get).watches is None


@pytest.mark.parametrize(
    "command",
    ["npm test", "npm run karma", "pnpm test", "yarn jest --ci", "pnpm vitest run", "npm run jest", "npm run bin",
     "npm run own", "npm run w",
     "npm run w:all", "npx --yes pnpm@9.4.0 test",
     "npx --yes --prefix /tmp pnpm@9.4.0 test", "npx --yes -p @yarnpkg/cli-dist@4.1.0 yarn run jest", "npx jest@29",
     "corepack pnpm test", "node .yarn/releases/yarn-4.17.0.cjs jest",
     "npm run lerna", "npm run exec", "npm run make", "yarn workspaces foreach -A run test",
     "pnpm -r exec vitest run", "nx test one", "nx run one:test", "npx nx run-many --target=test", "nx run one:unit",
     "nx affected -t vite:test", "make py", "make node", "make test", "just t", "just unit", "just js", "just web::test",
     "just web test", "just -f justfile unit", "hatch run test", "hatch test", "pdm run unit", "pdm run both", "poe t", "poe seq",
     "uv run poe t", "pipenv run test", "deno task test", "python -m coverage run -m pytest", "php -d x=1 vendor/bin/phpunit",
     "sh ./gradlew test", "sh ./mvnw -B test", "node --test --test-reporter=dot", "ember test", "cargo llvm-cov nextest",
     "node node_modules/ava/entrypoints/cli.mjs"],
)  # fmt: skip
def test_runners_behind_tables_of_scripts_variables_and_versions(command: str) -> None:
    assert foretell(command, MORE.get, MORE_PACKAGES).tells == TESTS


@pytest.mark.parametrize(
    "command",
    ["npm run cy", "npm run w:lint", "nx lint one", "nx run one:e2e", "just check", "hatch run lint",
     "hatch run lint:all", "poe fmt", "deno task fmt", "npx cypress run", "npm run ng", "node bin/build.js", "yarn install"],
)  # fmt: skip
def test_what_names_no_tests_behind_them(command: str) -> None:
    assert foretell(command, MORE.get, MORE_PACKAGES).tells == PASS_OR_FAIL


@pytest.mark.parametrize("command", ["npm run vt", "npm run cy:open", "npm run ng", "npx playwright test --ui"])
def test_watchers_behind_them(command: str) -> None:
    assert foretell(command, MORE.get).watches is not None


def test_what_is_added_to_a_script_decides_whether_it_ends() -> None:
    assert foretell("pnpm run vt run", MORE.get).watches is None
    assert foretell("npm run vt -- --run", MORE.get).watches is None
    assert foretell("npm test", MORE.get, MORE_PACKAGES).watches is None


@pytest.mark.parametrize(
    "command",
    [
        "nice -n 10 pytest", "nice pytest -q", "ionice -c 3 pytest", "stdbuf -oL pytest", "dbus-run-session -- pytest",
        "volta run npm test", "direnv exec . pytest", "mise exec -- pytest", "mise x -- npm test", "nix develop -c pytest",
        "retry 3 pytest", "timeout 60 pytest", "bash -c \"npm run lint && npm test\"", "sh -lc 'npm test'",
        "bash -ec 'cd web && npm test'", "npm --prefix web test", "pnpm --dir web test", "pnpm -C web test",
        "yarn --cwd web test", "uvx tox", "uvx pytest@8 -q", "uv tool run nox", "pipx run tox", "xvfb-run -a npm test",
    ],
)  # fmt: skip
def test_what_only_starts_another_command_hides_none_of_its_tests(command: str) -> None:
    package = '{"scripts": {"test": "jest"}}'
    files = {"package.json": package, "web/package.json": package}
    assert foretell(command, files.get).tells == TESTS


TASKS = {
    "Taskfile.yml": """\
version: '3'
includes:
  web: ./web
  docs:
    taskfile: ./docs/Taskfile.yml
    dir: ./docs
vars: {PY: python3}
tasks:
  default: go test ./...
  test: pytest -q
  unit:
    desc: "Unit: all of them"   # said
    cmds:
      - '{{.PY}} -m pytest {{.CLI_ARGS}}'
  list:
  - go vet ./...
  - go test ./...
  all:
    deps: [lint, test]
  sequence:
    cmds:
      - task: lint
      - task: test
  long:
    aliases: [l]
    preconditions:
      - sh: test -f x
    cmds:
      - cmd: npx jest
        silent: true
  block:
    cmds:
      - |
        set -e

        go test ./...
  loop:
    deps: [{task: loop}]
    cmds: [task loop]
  lint: ruff check .
  lint2:
    cmds: [ruff check ., mypy .]
""",
    "web/Taskfile.yml": "version: '3'\ntasks:\n  test:\n    dir: app\n    cmds:\n      - npx vitest run\n",
    "docs/Taskfile.yml": "version: '3'\ntasks:\n  build: mkdocs build\n",
    "mise.toml": "[tasks]\nt = 'pytest'\nlist = ['ruff check .', 'pytest -q']\n[tasks.test]\nrun = 'npx jest {{arg(name=1)}}'\n"
    "alias = 'tt'\n[tasks.ci]\ndepends = ['lint', 'test']\n[tasks.lint]\nrun = ['ruff check .']\n"
    "[tasks.script]\nrun = '''\n#!/usr/bin/env bash\nset -e\ncargo test\n'''\n[tasks.mixed]\nrun = [{task = 'test'}, 'true']\n"
    "[tasks.placed]\nfile = 'ci/run.sh'\n[tasks.loop]\ndepends = 'loop'\n",
    "ci/run.sh": "prove -lr t\n",
    "mise-tasks/check": "#!/usr/bin/env bash\nset -e\npytest -q\n",
    ".mise/tasks/test/slow.sh": "#!/bin/sh\ngo test ./...\n",
    "package.json": '{"scripts": {"test": "jest", "lint": "eslint .", "run": "node --run test"}}',
    "deno.jsonc": '// tasks\n{"tasks": {"test": "deno test -A", /* another */ "deep": {"command": "echo //",'
    ' "dependencies": ["test"]}, "fmt": "deno fmt",},}',
    "Rakefile": "task default: %w[lint spec]\n",
    "Makefile.PL": "",
}


@pytest.mark.parametrize(
    "command",
    [
        "task", "task test", "go-task test", "task unit", "task unit -- -k x", "task list", "task all", "task sequence",
        "task long", "task l", "task block", "task web:test", "task -t Taskfile.yml test",
        "task -d web test", "task -p lint test",
        "mise run test", "mise r t", "mise test", "mise tt", "mise run list", "mise run ci", "mise run script", "mise run mixed",
        "mise run check", "mise run test:slow", "mise run lint ::: test", "mise run -j 1 test -- -x", "mise tasks run placed",
        "node --run test", "node --run test -- --ci", "npm run run", "deno task test", "deno task deep", "rake", "make test",
    ],
)  # fmt: skip
def test_tasks_of_other_runners_are_followed_to_what_they_start(command: str) -> None:
    assert foretell(command, TASKS.get).tells == TESTS


@pytest.mark.parametrize(
    "command",
    ["task lint", "task lint2", "task docs:build", "task nothing", "task loop", "mise run lint", "mise run nothing",
     "mise install", "mise run loop", "node --run lint", "deno task fmt", "deno task lint", "rake lint"],
)  # fmt: skip
def test_tasks_that_run_no_test_are_not_taken_for_the_others_of_their_file(command: str) -> None:
    assert foretell(command, TASKS.get).tells == PASS_OR_FAIL


@pytest.mark.parametrize(
    "text", ["", "a", "- - - x", "a:\n b:\n  - c: d\n    e: |\n", "x: [a, 'b, c'] # d", "tasks: {a: b", "\t-\t-", ":::"]
)
def test_a_taskfile_may_say_anything(text: str) -> None:
    assert foretell("task test", {"Taskfile.yml": text}.get).tells == PASS_OR_FAIL
    assert foretell("task", {"Taskfile.yml": "tasks:\n" + " " * 9 + "- " * 5000}.get).tells == PASS_OR_FAIL
