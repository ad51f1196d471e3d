"""Loaded by the Python of an app under test (PYTHONPATH): a read of log lines, once done, is held back on demand.

While the file ``$HELD_READS`` is there, each answer waits until it is gone, and says so in ``$HELD_READS.held``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

HOLD = Path(os.environ["HELD_READS"])


class _Holding(MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "maestro.core.queries":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        assert spec
        assert spec.loader
        execute = spec.loader.exec_module

        def then_wrap(module: ModuleType) -> None:
            execute(module)
            vars(module)["list_logs"] = _held(module.list_logs)

        vars(spec.loader)["exec_module"] = then_wrap
        return spec


def _held(list_logs: Callable[..., Any]) -> Callable[..., Any]:
    def read(*args: Any, **more: Any) -> Any:
        rows = list_logs(*args, **more)
        if HOLD.exists():
            HOLD.with_suffix(".held").touch()
        while HOLD.exists():
            time.sleep(0.01)
        return rows

    return read


sys.meta_path.insert(0, _Holding())
