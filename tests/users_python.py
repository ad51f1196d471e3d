"""The Python of a user's machine: ``python`` and ``pytest`` as tests find them on PATH, without what only our own tests need.

Checks in tests run pytest some thousand times. With the plugins of our own environment each start takes three times
as long; and compiling the standard library and pytest anew for each worktree, which Maestro gives its own folder of
compiled modules, takes as long again. So there is an environment with pip, pytest and ruff alone, and its modules once compiled.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

_PLACE = Path(sys.prefix) / f"maestro-test-python-{version('pytest')}"
_COMPILED = _PLACE / "compiled"  # there when all else is
#: What checks of tests import most; a failing test loads what a passing one does not.
_WARM_UP = (
    "import asyncio, dataclasses, decimal, doctest, fractions, http.server, json, random, shlex, sqlite3, tomllib\n"
    "import unittest.mock, xml.dom.minidom\n\nimport pytest\n\n\ndef test_a():\n    pass\n\n\n"
    "@pytest.mark.xfail\ndef test_b():\n    assert {'a': 1} == {'a': 2}\n"
)
_SCRIPT = "#!{python}\nimport sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n"


def programs() -> Path:
    """The folder with its ``python`` and ``pytest``; made where it is missing."""
    with _PLACE.with_name(f"{_PLACE.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _COMPILED.exists():
            shutil.rmtree(_PLACE, ignore_errors=True)
            _make()
            _compile()
    return _PLACE / "bin"


def put_compiled(prefix: Path) -> None:
    """Put its compiled modules below ``prefix``, a new ``PYTHONPYCACHEPREFIX``."""
    shutil.copytree(_COMPILED, prefix, dirs_exist_ok=True)


def _make() -> None:
    venv.create(_PLACE, symlinks=True)
    (packages,) = _PLACE.glob("lib/python*/site-packages")
    for name in _needed("pytest") | {"pip", "ruff"}:
        found = distribution(name)
        for file in found.files or []:
            if ".." not in file.parts:
                target = packages / file
                target.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):  # a compiled module that nobody has needed
                    shutil.copy2(found.locate_file(file), target)
        for each in found.entry_points.select(group="console_scripts"):
            script = _PLACE / "bin" / each.name
            script.write_text(_SCRIPT.format(python=_PLACE / "bin/python", module=each.module, function=each.attr))
            script.chmod(0o755)
    (_PLACE / "bin/ruff").symlink_to(Path(sys.executable).with_name("ruff"))  # a program of its own


def _needed(name: str) -> set[str]:
    """The package and what it depends on here."""
    needed = {name}
    for line in distribution(name).requires or []:
        if "extra ==" not in line and (match := re.match(r"[\w.-]+", line)):
            with suppress(PackageNotFoundError):  # of another platform
                needed |= _needed(match[0])
    return needed


def _compile() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_it.py").write_text(_WARM_UP)
        prefix = Path(folder) / "compiled"
        env = {"PATH": os.defpath, "HOME": folder, "PYTHONPYCACHEPREFIX": str(prefix)}
        command = [_PLACE / "bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=it.xml"]
        subprocess.run(command, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(prefix / Path(folder).resolve().relative_to("/"))
        shutil.move(prefix, _COMPILED)
