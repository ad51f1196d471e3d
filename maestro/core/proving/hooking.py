"""How the test runners of a check are asked for their reports, however deep in scripts they are started.

By the environment alone, so that the command stays as it is: each language loads a small hook of ours before a
program (``hooks/``), which finds its test runner and notes how each test ended; programs that take no hook stand
behind one of the same name, first on the PATH, that adds the runner's own report option. All reports go to one
temporary folder. What a runner prints, and its exit code, stay its own.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

_HOOKS = Path(__file__).parent / "hooks"

#: A path that needs no quoting in any of the variables below.
_PLAIN = re.compile(r"[\w./+@%=,-]+")

#: Of a program, its sub-command that runs tests, what it must not be asked along with, and what it is asked.
_SHIM = """\
#!/bin/sh
if [ -z "$MAESTRO_REPORTING" ]; then
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
case "$NODE_OPTIONS" in
  *{hook}*) ;;
  *) export NODE_OPTIONS="$NODE_OPTIONS --require={hook}" ;;
esac
exec {real} "$@"
"""
_GO_SHIM = """\
#!/bin/sh
case " $* " in
  " test "*|" -C "*" test "*) exec {python} -I -S {hook} {real} "$@" ;;
esac
exec {real} "$@"
"""

#: What else lets runners tell of tests, or keeps them from telling of an earlier run instead.
_ALWAYS = {"TURBO_FORCE": "true", "NX_SKIP_NX_CACHE": "true"}

#: tox hands on what it is told to only.
_TOX = "testenv.pass_env+=PYTEST_ADDOPTS,PYTHONPATH,NODE_OPTIONS,MAESTRO_REPORTING"


def environment(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that ask for reports in ``folder``, joined with what ``environ`` says; hooks are put there too."""
    hooks, bin_ = folder / "hooks", folder / "bin"
    if not _PLAIN.fullmatch(str(folder)):
        return {
            "PYTEST_ADDOPTS": _joined(environ, "PYTEST_ADDOPTS", f"--junitxml={shlex.quote(str(folder))}/junit.xml")
        }
    shutil.copytree(_HOOKS, hooks)
    (hooks / "php" / "reports.ini").write_text(f"auto_prepend_file = {hooks}/php/phpunit.php\n")
    (folder / "perl").mkdir()
    bin_.mkdir()
    _write_shims(bin_, hooks, folder, environ.get("PATH") or os.defpath)
    return _ALWAYS | {
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


def _write_shims(bin_: Path, hooks: Path, folder: Path, path: str) -> None:
    for name in (*_ASKED, "node", "go"):
        found = shutil.which(name, path=path)
        if found is None:
            continue
        real = shlex.quote(found)
        if name == "node":
            text = _NODE_SHIM.format(hook=hooks / "node.cjs", real=real)
        elif name == "go":
            text = _GO_SHIM.format(python=shlex.quote(sys.executable), hook=hooks / "go_test.py", real=real)
        else:
            takes, refuses, options = _ASKED[name]
            options = options.format(file=f"{folder}/{name}-$$.xml")
            # What ctest starts may be a runner that names its own tests; and it can report from 3.21 on.
            able = f"{real} --help | grep -q -e --output-junit" if name == "ctest" else ":"
            export = "" if name == "ctest" else f"export MAESTRO_REPORTING={name}; "
            text = _SHIM.format(able=able, export=export, takes=takes, refuses=refuses, options=options, real=real)
        (bin_ / name).write_text(text)
        (bin_ / name).chmod(0o755)
