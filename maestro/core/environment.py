"""What workers and checks find in their environment: an allow-list, never the app's whole environment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from maestro.core.endpoint import OAUTH_TOKEN_VARIABLE, Endpoint

#: Passed on as they are. The rest of the app's environment stays with the app.
_ALLOWED = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM", "COLORTERM",
        "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "PIP_CERT",
        "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "SYSTEMROOT",
    }
)  # fmt: skip

#: Tells an agent the first of ``PORTS_PER_WORKTREE`` ports that no other worktree uses.
PORT_VARIABLE = "MAESTRO_PORT_BASE"
PORTS_PER_WORKTREE = 20
_FIRST_PORT = 20_000
_RANGES = 500

#: Bytecode of a check run must not look like the agent's work in a repository that ignores nothing.
_ALWAYS = {"PYTHONDONTWRITEBYTECODE": "1", "GIT_TERMINAL_PROMPT": "0"}

#: Installers of hooks write into the configuration and hooks that all worktrees share with the user's checkout.
#: These keep them from it; what does it all the same is put back (``worktrees.shelter``).
NO_HOOKS = {
    "HUSKY": "0", "HUSKY_SKIP_INSTALL": "1", "LEFTHOOK": "0", "SKIP_INSTALL_SIMPLE_GIT_HOOKS": "1",
    "SKIP_SIMPLE_GIT_HOOKS": "1", "CARGO_HUSKY_DONT_INSTALL_HOOKS": "true", "CAPTAINHOOK_DISABLE": "true",
}  # fmt: skip


def base_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The allow-listed part of an environment: for checks and set-up commands, which get no key."""
    kept = {k: v for k, v in environ.items() if k in _ALLOWED or k.startswith("LC_")}
    return NO_HOOKS | kept | _ALWAYS


def port_bases(task_id: str) -> Iterator[int]:
    """First ports of a task's own range, the preferred one first."""
    wanted = int(task_id[:8], 16)
    return (_FIRST_PORT + (wanted + n) % _RANGES * PORTS_PER_WORKTREE for n in range(_RANGES))


def place_environment(port_base: int, git_settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """What belongs to one worktree: a range of ports for its servers, its git's settings, no garbage collection.

    A collection that the agent's own git starts could prune objects that another worktree has just written.
    A folder of the repository that merely looks like a git directory must not be taken for one: its
    configuration names programs, and git would run them for a plain ``git status``.
    """
    settings = {"gc.auto": "0", "maintenance.auto": "false", "safe.bareRepository": "explicit", **(git_settings or {})}
    env = {PORT_VARIABLE: str(port_base), "GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def worker_environment(endpoint: Endpoint, demo_home: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """A worker's environment: the base, and the way into the model's endpoint.

    The demo gets a HOME of its own, so that no login or setting of the user takes part in it.
    """
    env = base_environment(environ) | {"DISABLE_AUTOUPDATER": "1"}
    if endpoint.kind == "demo":
        demo_home.mkdir(parents=True, exist_ok=True)
        env |= {"HOME": str(demo_home), "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    elif endpoint.kind == "claude_code" and environ.get(OAUTH_TOKEN_VARIABLE):
        env[OAUTH_TOKEN_VARIABLE] = environ[OAUTH_TOKEN_VARIABLE]
    # Talk to a configured endpoint only: the CLI's own telemetry and update checks would go elsewhere.
    if endpoint.base_url:
        env |= {"ANTHROPIC_BASE_URL": endpoint.base_url, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    if endpoint.auth_token:
        env["ANTHROPIC_AUTH_TOKEN"] = endpoint.auth_token
    elif endpoint.api_key:
        env["ANTHROPIC_API_KEY"] = endpoint.api_key
    return env
