"""Whether and how Claude Code is signed in for this user. Cheap looks; the CLI itself has the last word.

Besides a login of its own it works through a cloud (Bedrock, Vertex, Foundry), chosen by a variable in the
environment or in the user's own Claude settings, which hold keys and helpers as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from maestro import claude_home, variables
from maestro.claude_home import cloud

_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", variables.OAUTH_TOKEN)


def has_login(home: Path | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether Claude Code can reach a model as this user has it."""
    if environ.get(variables.OAUTH_TOKEN) or cloud(environ, home):
        return True
    folder = claude_home.folder(environ, home)
    if (folder / ".credentials.json").exists():
        return True
    settings = claude_home.settings(folder)
    if settings.get("apiKeyHelper") or any(claude_home.environment(settings).get(name) for name in _KEYS):
        return True
    return sys.platform == "darwin" and _keychain_has_login()


def assistant_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the CLI needs to sign in when it runs without the user's settings, as the assistant does."""
    chosen = cloud(environ)
    both = (
        {**environ, **claude_home.environment(claude_home.settings(claude_home.folder(environ, None)))}
        if chosen
        else environ
    )
    return variables.for_claude(both, chosen)


def describe(environ: Mapping[str, str] = os.environ) -> str:
    """How the CLI signs in, for words to the user: ``Claude Code works through Amazon Bedrock (CLAUDE_CODE_USE_…)``."""
    chosen = cloud(environ)
    if chosen is not None:
        return f"Claude Code works through {variables.CLOUDS[chosen][0]} ({chosen})"
    where = f" ({variables.CLAUDE_HOME}={environ[variables.CLAUDE_HOME]})" if environ.get(variables.CLAUDE_HOME) else ""
    return f"Claude Code is signed in{where}"


def _keychain_has_login() -> bool:
    look = ["/usr/bin/security", "find-generic-password", "-s", "Claude Code-credentials"]
    return subprocess.run(look, capture_output=True, check=False, timeout=5).returncode == 0
