"""Where Claude Code keeps the user's login and settings, and what stands in them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maestro import variables

_LARGEST_SETTINGS = 1_000_000


def folder(environ: Mapping[str, str] = os.environ, home: Path | None = None) -> Path:
    """The folder itself; it need not be there."""
    named = environ.get(variables.CLAUDE_HOME)
    return Path(named).expanduser() if named else (home or Path(environ.get("HOME") or Path.home())) / ".claude"


def settings(at: Path) -> dict[str, Any]:
    """The user's own Claude settings in that folder; empty where there are none that can be read."""
    file = at / "settings.json"
    try:
        if file.stat().st_size > _LARGEST_SETTINGS:
            return {}
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def hooks(at: Path) -> list[str]:
    """The events that the user has hooks of their own for, like ``Stop``."""
    found = settings(at).get("hooks")
    return sorted(str(event) for event, given in found.items() if given) if isinstance(found, dict) else []


def environment(given: Mapping[str, Any]) -> dict[str, str]:
    """The variables that settings set for Claude Code."""
    found = given.get("env")
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def cloud(environ: Mapping[str, str] = os.environ, home: Path | None = None) -> str | None:
    """The variable of ``variables.CLOUDS`` that is switched on; None without a cloud."""
    # What the user's Claude settings say wins over the shell, as in the CLI.
    both = {**environ, **environment(settings(folder(environ, home)))}
    return next((name for name in variables.CLOUDS if variables.is_on(both.get(name))), None)
