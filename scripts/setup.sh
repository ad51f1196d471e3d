#!/bin/sh
# Makes .venv ready and says nothing when it already is.
#   scripts/setup.sh run   what Maestro needs (requirements.lock)
#   scripts/setup.sh dev   that, and what its tests need (requirements-dev.lock)
# PYTHON=/path/to/python3 chooses the interpreter of a new environment; VENV another folder than .venv.
set -eu
cd "$(dirname "$0")/.."

kind=${1:-run}
venv=${VENV:-.venv}
case $kind in
run) lock=requirements.lock ;;
dev) lock=requirements-dev.lock ;;
*) echo "usage: scripts/setup.sh run|dev" >&2; exit 2 ;;
esac

fail() {
    printf 'Maestro: %s\n' "$*" >&2
    exit 1
}

# Asking by running it: a name on PATH may be a version manager's stand-in for something that is not installed.
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

find_python() {
    without_venv=
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
        is_new_enough "$candidate" || continue
        if can_make_venv "$candidate"; then
            echo "$candidate"
            return
        fi
        without_venv=$candidate
    done
    if [ -n "$without_venv" ]; then
        version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        fail "$without_venv lacks the venv module. On Debian or Ubuntu: apt-get install python$version-venv"
    fi
    fail "needs Python 3.11 or newer; this is not: ${PYTHON:-python3.13, python3.12, python3.11, python3}." \
        "Install it (Debian: apt-get install python3 python3-venv; macOS: brew install python@3.13)" \
        "or name one: make run PYTHON=/path/to/python3"
}

if ! is_new_enough "$venv/bin/python" || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "Maestro: making $venv with $("$python" -V)"
    "$python" -m venv --clear "$venv" || fail "$python could not make $venv"
fi

pip() { "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@"; }

# A stamp is a copy of the lock that was installed. The dev lock holds all of the other, so its stamp serves both.
up_to_date() { cmp -s "requirements-dev.lock" "$venv/.requirements-dev.lock" || cmp -s "$lock" "$venv/.$lock"; }

if ! up_to_date; then
    echo "Maestro: installing the packages of $lock (the first time this takes a minute or two)"
    rm -f "$venv/.project.toml" "$venv"/.requirements*.lock
    pip install --quiet --no-deps --require-hashes -r "$lock" || fail "pip could not install the packages of $lock; what it said is above"
    cp "$lock" "$venv/.$lock"
fi

if ! cmp -s pyproject.toml "$venv/.project.toml"; then
    pip install --quiet --no-deps --no-build-isolation --editable . || fail "pip could not install Maestro itself; what it said is above"
    pip check >/dev/null || { pip check >&2 || true; fail "$lock does not hold what pyproject.toml asks for: run make lock"; }
    cp pyproject.toml "$venv/.project.toml"
fi
