"""What a start loads, and what waits for its first use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.app_process import ROOT, clean_environment

#: Put together as ``python app.py`` does it, up to serving the first page.
_COMPOSED = """
import json, sys
import app
from maestro import deferred
deferred.put_off()
from maestro.settings import LoadedSettings
rt = app._open(LoadedSettings())
app._compose(rt, compress=False)
print(json.dumps(sorted(sys.modules)))
rt.db.close()
"""

_STAND_IN = """
import sys
from maestro import deferred
deferred.put_off()
from maestro.core.proving import checking
from maestro.core.proving import verdicts
print("before", "maestro.core.proving.checking" in sys.modules)
print("used", checking.run_and_judge.__module__)
print("now", "maestro.core.proving.checking" in sys.modules, "maestro.core.commands.answers" in sys.modules)
verdicts.STORED = 7
from maestro.core.proving.verdicts import STORED
print("stored", STORED)
try:
    verdicts.no_such_name
except AttributeError as error:
    print("missing", error)
deferred.load_all()
import pkgutil, importlib
for name in deferred.PACKAGES:
    package = importlib.import_module(name)
    for found in pkgutil.iter_modules(package.__path__):
        assert f"{name}.{found.name}" in sys.modules, found.name
        assert getattr(package, found.name) is sys.modules[f"{name}.{found.name}"], found.name
"""


def _python(code: str, tmp_path: Path) -> str:
    environment = clean_environment(
        tmp_path / "home", MAESTRO_DATA_DIR=str(tmp_path / "data"), MAESTRO_ASSISTANT="demo"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_page_loads_no_engine_and_no_library_that_only_others_need(tmp_path: Path) -> None:
    loaded = json.loads(_python(_COMPOSED, tmp_path))
    own = [name for name in loaded if name.split(".")[0] in {"maestro", "pages"}]
    assert len(own) < 200, own
    for package in ("integration", "proving", "execution", "supervisor", "planning", "brainstorm"):
        inside = [name for name in own if name.startswith(f"maestro.core.{package}.")]
        assert len(inside) <= 3, inside  # shapes that the queries give out
    for name in ("alembic", "plotly", "anthropic", "claude_agent_sdk", "apscheduler", "markdown_it", "git", "pygments"):
        assert name not in loaded


def test_a_put_off_module_is_itself_from_its_first_use_on(tmp_path: Path) -> None:
    assert _python(_STAND_IN, tmp_path).splitlines() == [
        "before False",
        "used maestro.core.proving.checking",
        "now True False",
        "stored 7",
        "missing module 'maestro.core.proving.verdicts' has no attribute 'no_such_name'",
    ]
