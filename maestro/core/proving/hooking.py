"""How the test runners of a check are asked for their reports, however deep in scripts they are started.

By the environment alone, so that the command stays as it is: each language loads a small hook of ours before a
program (``hooks/``), which finds its test runner and notes how each test ended; programs that take no hook stand
behind one of the same name, first on the PATH, that adds the runner's own report option. All reports go to one
temporary folder. What a runner prints, and its exit code, stay its own.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

_HOOKS = Path(__file__).parent / "hooks"

#: A path that needs no quoting in any of the variables below.
_PLAIN = re.compile(r"[\w./+@%=,-]+")

#: Of a program, its sub-command that runs tests, what it must not be asked along with, and what it is asked.
_SHIM = """\
#!/bin/sh
if [ -d "$MAESTRO_REPORTS" ] && [ -z "$MAESTRO_REPORTING" ]; then
  case " $* " in
    {refuses}) ;;
    {takes})
      if {able}; then {export}exec {real} "$@" {options}; fi ;;
  esac
fi
exec {real} "$@"
"""
_DASHES = '*" -- "*'
_ASKED = {
    "bun": ('" test "*', f'*" --reporter"*|*" --watch "*|{_DASHES}', '--reporter=junit --reporter-outfile="{file}"'),
    "deno": ('" test "*', f'*" --junit-path"*|*" --watch "*|*" --no-run "*|{_DASHES}', '--junit-path="{file}"'),
    "ctest": (
        "*",
        '*" --output-junit"*|*" -N "*|*" --show-only"*|*" --print-labels "*|*" --help"*|*" --version "*|*" -H "*'
        '|*" -S "*|*" -SP "*|*" --script"*|*" -D "*|*" -T "*|*" -M "*|*" --build-and-test "*|*" --dashboard"*',
        '--output-junit "{file}"',
    ),
}
#: A script may set NODE_OPTIONS anew (``NODE_OPTIONS=--experimental-vm-modules jest``).
_NODE_SHIM = """\
#!/bin/sh
hook="$MAESTRO_REPORTS/hooks/node.cjs"
case "$NODE_OPTIONS" in
  *"--require=$hook"*) ;;
  *) [ -f "$hook" ] && export NODE_OPTIONS="$NODE_OPTIONS --require=$hook" ;;
esac
exec {real} "$@"
"""
_GO_SHIM = """\
#!/bin/sh
hook="$MAESTRO_REPORTS/hooks/go_test.py"
case " $* " in
  " test "*|" -C "*" test "*) [ -f "$hook" ] && exec {python} -I -S "$hook" {real} "$@" ;;
esac
exec {real} "$@"
"""

#: What else lets runners tell of tests, or keeps them from telling of an earlier run instead.
_ALWAYS = {"TURBO_FORCE": "true", "NX_SKIP_NX_CACHE": "true"}

#: tox hands on what it is told to only.
_TOX = "testenv.pass_env+=PYTEST_ADDOPTS,PYTHONPATH,NODE_OPTIONS,MAESTRO_REPORTS,MAESTRO_REPORTING"


def environment(folder: Path, environ: Mapping[str, str], shims: Path) -> dict[str, str]:
    """The variables that ask for reports in ``folder``, joined with what ``environ`` says; hooks are put there too.

    ``shims``: a folder that stays, for the programs on the PATH: a build (CMake, configure) may remember where it found
    one, and has to find it there the next time, when nothing is asked of it.
    """
    hooks = folder / "hooks"
    if not _PLAIN.fullmatch(str(folder)):
        return {
            "PYTEST_ADDOPTS": _joined(environ, "PYTEST_ADDOPTS", f"--junitxml={shlex.quote(str(folder))}/junit.xml")
        }
    shutil.copytree(_HOOKS, hooks)
    (hooks / "php" / "reports.ini").write_text(f"auto_prepend_file = {hooks}/php/phpunit.php\n")
    (folder / "perl").mkdir()
    # A path with a colon cannot be on the PATH.
    bin_ = _shims(folder / "shims" if os.pathsep in str(shims) else shims, environ.get("PATH") or os.defpath)
    return _ALWAYS | {
        "MAESTRO_REPORTS": str(folder),
        "PATH": f"{bin_}:{environ.get('PATH') or os.defpath}",
        "TOX_OVERRIDE": _joined(environ, "TOX_OVERRIDE", _TOX, ";"),
        "PYTEST_ADDOPTS": _joined(environ, "PYTEST_ADDOPTS", f"--junitxml={folder}/junit.xml"),
        "PYTHONPATH": _joined(environ, "PYTHONPATH", str(hooks / "python"), ":"),
        "NODE_OPTIONS": _joined(environ, "NODE_OPTIONS", f"--require={hooks / 'node.cjs'}"),
        "RUBYOPT": _joined(environ, "RUBYOPT", f"-r{hooks / 'ruby.rb'}"),
        "PHP_INI_SCAN_DIR": f"{environ.get('PHP_INI_SCAN_DIR', '')}:{hooks / 'php'}",
        "PERL_TEST_HARNESS_DUMP_TAP": str(folder / "perl"),
    }


def with_own_path(command: str, folder: Path) -> str:
    """The command, where it sets a PYTHONPATH of its own, with the hook's folder first in it."""
    hook = folder / "hooks" / "python"
    return re.sub(r"(?<![\w$])PYTHONPATH=", f"PYTHONPATH={hook}:", command) if hook.is_dir() else command


def _joined(environ: Mapping[str, str], name: str, added: str, by: str = " ") -> str:
    there = environ.get(name)
    return f"{added}{by}{there}" if there else added


def _shims(shims: Path, path: str) -> Path:
    """The folder with a program before each real one that ``path`` leads to; the same for the same programs."""
    texts = {
        name: _shim(name, shlex.quote(found)) for name in (*_ASKED, "node", "go") if (found := _real(name, path, shims))
    }
    named = shims / hashlib.sha256(repr(sorted(texts.items())).encode()).hexdigest()[:16]
    if not named.is_dir():
        shims.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=shims))
        for name, text in texts.items():
            (made / name).write_text(text)
            (made / name).chmod(0o755)
        try:
            made.rename(named)
        except OSError:  # another check was faster
            shutil.rmtree(made)
    return named


def _real(name: str, path: str, shims: Path) -> str | None:
    """The program itself, were Maestro started by a check of another Maestro."""
    outside = [folder for folder in path.split(os.pathsep) if not Path(folder).is_relative_to(shims)]
    return shutil.which(name, path=os.pathsep.join(outside))


def _shim(name: str, real: str) -> str:
    if name == "node":
        return _NODE_SHIM.format(real=real)
    if name == "go":
        return _GO_SHIM.format(python=shlex.quote(sys.executable), real=real)
    takes, refuses, options = _ASKED[name]
    # What ctest starts may be a runner that names its own tests; and it can report from 3.21 on.
    able = f"{real} --help | grep -q -e --output-junit" if name == "ctest" else ":"
    export = "" if name == "ctest" else f"export MAESTRO_REPORTING={name}; "
    options = options.format(file=f"$MAESTRO_REPORTS/{name}-$$.xml")
    return _SHIM.format(able=able, export=export, takes=takes, refuses=refuses, options=options, real=real)
