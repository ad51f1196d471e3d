"""Modules that are loaded when somebody first uses them: the first page needs a third of what Maestro is made of.

What is put off is declared here, by package; nothing changes inside of it. ``from maestro.core.proving import checking``
binds a stand-in, and the first ``checking.something`` loads the module, under the interpreter's own import locks. A module of
which names are imported (``from … import name``) is loaded as ever. Only ``app.py`` puts off; tests, tools and workers do not.
"""

from __future__ import annotations

import pkgutil
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from pydantic import BaseModel

#: The engine, which works on sessions, as against what shows them (``views``, ``queries``, the pages); and parts of pages.
PACKAGES = (
    "maestro.agents",
    "maestro.assistants",
    "maestro.confinement",
    "maestro.core.approvals",
    "maestro.core.brainstorm",
    "maestro.core.commands",
    "maestro.core.execution",
    "maestro.core.guards",
    "maestro.core.integration",
    "maestro.core.integration.hooks",
    "maestro.core.limits",
    "maestro.core.planning",
    "maestro.core.proving",
    "maestro.core.proving.reports",
    "maestro.core.supervisor",
    "maestro.core.tasks",
    "maestro.core.workspaces",
    "maestro.worker",
    "maestro.worktrees",
    "pages.components",
)


class _Deferred(ModuleType):
    """Stands for a module until, and after, it is loaded."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)

    def __setattr__(self, name: str, value: Any) -> None:
        vars(import_module(self.__name__))[name] = value


def put_off() -> None:
    """From now on load the modules of ``PACKAGES`` on first use, and build the validators of models then too."""
    BaseModel.model_config["defer_build"] = True
    for package in map(import_module, PACKAGES):
        for found in pkgutil.iter_modules(package.__path__):
            name = f"{package.__name__}.{found.name}"
            if not found.ispkg and name not in sys.modules:
                vars(package)[found.name] = _Deferred(name)


def load_all() -> None:
    """Load what is still put off, so that nobody waits for it later."""
    for package in map(import_module, PACKAGES):
        for found in pkgutil.iter_modules(package.__path__):
            if not found.ispkg and isinstance(getattr(package, found.name, None), _Deferred):
                import_module(f"{package.__name__}.{found.name}")
