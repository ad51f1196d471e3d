"""Whether and how Claude Code is signed in for this user. Cheap looks; the CLI itself has the last word.

Besides a login of its own it works through a cloud (Bedrock, Vertex, Foundry), chosen by a variable in the
environment or in the user's own Claude settings, which hold keys and helpers as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maestro import variables

_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", variables.OAUTH_TOKEN)
_LARGEST_SETTINGS = 1_000_000


def has_login(home: Path | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether Claude Code can reach a model as this user has it."""
    if environ.get(variables.OAUTH_TOKEN) or cloud(environ, home):
        return True
    folder = config_folder(environ, home)
    if (folder / ".credentials.json").exists():
        return True
    settings = user_settings(folder)
    if settings.get("apiKeyHelper") or any(_environment(settings).get(name) for name in _KEYS):
        return True
    return sys.platform == "darwin" and _keychain_has_login()


def cloud(environ: Mapping[str, str] = os.environ, home: Path | None = None) -> str | None:
    """The variable of ``variables.CLOUDS`` that is switched on; None without a cloud."""
    # What the user's Claude settings say wins over the shell, as in the CLI.
    both = {**environ, **_environment(user_settings(config_folder(environ, home)))}
    return next((name for name in variables.CLOUDS if variables.is_on(both.get(name))), None)


def assistant_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the CLI needs to sign in when it runs without the user's settings, as the assistant does."""
    chosen = cloud(environ)
    both = {**environ, **_environment(user_settings(config_folder(environ, None)))} if chosen else environ
    return variables.for_claude(both, chosen)


def describe(environ: Mapping[str, str] = os.environ) -> str:
    """How the CLI signs in, for words to the user: ``Claude Code works through Amazon Bedrock (CLAUDE_CODE_USE_…)``."""
    chosen = cloud(environ)
    if chosen is not None:
        return f"Claude Code works through {variables.CLOUDS[chosen][0]} ({chosen})"
    where = f" ({variables.CLAUDE_HOME}={environ[variables.CLAUDE_HOME]})" if environ.get(variables.CLAUDE_HOME) else ""
    return f"Claude Code is signed in{where}"


def config_folder(environ: Mapping[str, str] = os.environ, home: Path | None = None) -> Path:
    """Where Claude Code keeps its login and the user's settings."""
    named = environ.get(variables.CLAUDE_HOME)
    return Path(named).expanduser() if named else (home or Path.home()) / ".claude"


def user_settings(folder: Path) -> dict[str, Any]:
    """The user's own Claude settings; empty where there are none that can be read."""
    file = folder / "settings.json"
    try:
        if file.stat().st_size > _LARGEST_SETTINGS:
            return {}
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _environment(settings: Mapping[str, Any]) -> dict[str, str]:
    found = settings.get("env")
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _keychain_has_login() -> bool:
    look = ["/usr/bin/security", "find-generic-password", "-s", "Claude Code-credentials"]
    return subprocess.run(look, capture_output=True, check=False, timeout=5).returncode == 0
