#!/bin/sh
# Writes requirements.lock and requirements-dev.lock from pyproject.toml: every package with its version and hashes, for
# Linux and macOS, Python 3.11 and newer. They name no registry, so any index or mirror that holds the packages serves.
set -eu
cd "$(dirname "$0")/.."

compile() {  # output, arguments...
    output=$1
    shift
    "${UV:-${VENV:-.venv}/bin/uv}" pip compile --quiet --universal --python-version 3.11 --system-certs \
        --generate-hashes --no-emit-index-url --no-annotate --no-header \
        --group build pyproject.toml --output-file "$output" "$@"
    if grep -nE '://|^-|/opt/' "$output"; then
        echo "$output names a place to download from (above); locks must not" >&2
        exit 1
    fi
}

compile requirements.lock "$@"
compile requirements-dev.lock --extra dev --constraint requirements.lock "$@"
