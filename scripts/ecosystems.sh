#!/bin/bash
# Real tool chains, from what Maestro offers for a repository to the way back from a merge; see tests/ecosystems.
#   scripts/ecosystems.sh [-k NAME]    further arguments are pytest's
# What PyPI and npm give is installed beside the virtual environment; compilers and the like are used where the machine
# has them (Debian: apt-get install golang-go cmake maven ruby-rspec phpunit). The result is written to docs/ECOSYSTEMS.md.
set -eu
cd "$(dirname "$0")/.."
venv=$PWD/${VENV:-.venv}
tools=$venv/ecosystem-tools

if [ ! -x "$tools/python/bin/just" ]; then
    echo "Maestro: installing poetry, tox, nox, hatch and just"
    "$venv/bin/python" -m venv --clear "$tools/python"
    "$tools/python/bin/python" -m pip install --quiet --disable-pip-version-check poetry tox nox hatch rust-just
fi
mkdir -p "$tools/bin"
for program in poetry tox nox hatch just; do ln -sf "$tools/python/bin/$program" "$tools/bin/$program"; done
ln -sf "$venv/bin/uv" "$tools/bin/uv"
if command -v npm >/dev/null && [ ! -x "$tools/node/bin/deno" ]; then
    echo "Maestro: installing pnpm, bun and deno"
    npm install --silent --no-fund --no-audit --global --prefix "$tools/node" pnpm@9 bun deno
fi
PATH=$tools/bin:$tools/node/bin:$PATH \
    exec "$venv/bin/python" -m pytest -q -p no:cacheprovider -o "addopts=--strict-markers --import-mode=importlib" \
    -o faulthandler_timeout=1200 \
    --table docs/ECOSYSTEMS.md tests/ecosystems "$@"
