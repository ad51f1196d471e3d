#!/bin/bash
# Everything that CI runs, quick things first. Lint that fails ends it; of the tests all stages run, and the end says which failed.
#   scripts/check.sh        all
#   scripts/check.sh lint   lint, format, types and import contracts only
#   scripts/check.sh used   a quick part of the tests, on a machine as users have it (tests/machine.py)
# JOBS=n: how many tests run side by side (default 3, as half of what they do is waiting; 2 in the browser).
set -u
cd "$(dirname "$0")/.." || exit 1
bin=${VENV:-.venv}/bin
# What a developer's shell holds for pytest and Python is none of the tests' business; conftest.py sees to all else.
unset PYTEST_ADDOPTS PYTEST_PLUGINS PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONWARNINGS PYTHONOPTIMIZE FORCE_COLOR \
    PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX  # else each process of a thousand compiles Maestro anew
output=$(mktemp -d) || exit 1
trap 'rm -rf "$output"' EXIT

stage() { printf '\n== %s\n' "$1"; }
fail() { printf '\nmake test stopped at: %s\n' "$1" >&2; exit 1; }

names=() pids=()
start() {  # name, command...: in the background, its words kept until it has ended
    names+=("$1")
    local name=$1
    shift
    "$@" >"$output/$name" 2>&1 &
    pids+=($!)
}

if [ "${1:-}" = used ]; then
    MAESTRO_TEST_MACHINE=used exec "$bin/python" -m pytest -q -n "${JOBS:-3}" --dist worksteal \
        tests/unit tests/flow/test_git_*.py tests/flow/test_checks_as_written.py tests/flow/test_worker_user_hooks.py
fi

stage "lint, format, imports, types"
start lint "$bin/ruff" check --quiet .
start format "$bin/ruff" format --check --quiet .
start imports "$bin/lint-imports" --no-logo
start types "$bin/mypy"
failed=()
for i in "${!names[@]}"; do
    if wait "${pids[$i]}"; then
        echo "${names[$i]}: ok"
    else
        failed+=("${names[$i]}")
        echo "${names[$i]}: FAILED"
        cat "$output/${names[$i]}"
    fi
done
[ ${#failed[@]} -eq 0 ] || fail "${failed[*]}"
[ "${1:-}" = lint ] && exit 0

stage "what tests need of the system"
"$bin/python" scripts/find_sandbox.py || fail "what tests need of the system"

stage "browser"
"$bin/python" scripts/find_browser.py || fail "browser"

stage "unit, flow and fault tests"
timeout --signal=INT 4000 "$bin/python" -m pytest -q --durations=12 -n "${JOBS:-3}" --dist worksteal -m "not ecosystem" --ignore tests/browser tests ||
    failed+=("unit, flow and fault tests")

stage "a quick round on a machine as users have it"
mkdir "$output/home" && "$bin/python" -m tests.machine "$output/home" || fail "a machine as users have it"
HOME=$output/home GIT_CONFIG_GLOBAL=$output/home/etc-gitconfig XDG_CONFIG_HOME=$output/home/.config \
    PYTEST_ADDOPTS=--no-such-option PYTHONPATH=$output/home PYTHONWARNINGS=error NODE_OPTIONS=--no-such-option \
    npm_config_ignore_scripts=true PIP_REQUIRE_VIRTUALENV=1 FORCE_COLOR=1 GIT_DIR=/nonexistent VIRTUAL_ENV=/nonexistent \
    ANTHROPIC_API_KEY=sk-ant-none CLAUDE_CONFIG_DIR=$output/home/claude CLAUDE_CODE_USE_BEDROCK=1 MAESTRO_PORT=1 \
    scripts/check.sh used || failed+=("a quick round on a machine as users have it")

stage "browser tests"  # a run of their own, as Playwright's loop and pytest-asyncio's share no process; alone, as pages hurry
"$bin/python" -m pytest -q --durations=6 -n "${JOBS:-2}" --dist loadfile tests/browser || failed+=("browser tests")

[ ${#failed[@]} -eq 0 ] || fail "${failed[*]}"
printf '\nmake test: all passed\n'
