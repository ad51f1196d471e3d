#!/bin/bash
# Everything that CI runs, quick things first; ends at the first stage that fails and says which.
#   scripts/check.sh        all
#   scripts/check.sh lint   lint, format, types and import contracts only
# JOBS=n: how many tests run side by side (default 2).
set -u
cd "$(dirname "$0")/.." || exit 1
bin=${VENV:-.venv}/bin
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

stage "browser"
"$bin/python" scripts/find_browser.py || fail "browser"

stage "unit, flow and fault tests"
"$bin/python" -m pytest -q --durations=12 -n "${JOBS:-2}" --dist worksteal --ignore tests/browser tests || fail "unit, flow and fault tests"

stage "browser tests"  # a run of their own: Playwright's loop and pytest-asyncio's do not share a process
"$bin/python" -m pytest -q --durations=6 -n "${JOBS:-2}" --dist loadfile tests/browser || fail "browser tests"

printf '\nmake test: all passed\n'
