"""What workers, checks and set-up commands find in their environment: lists of names, never the app's whole environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from maestro import claude_home, programs, variables
from maestro.core.kernel.endpoint import Endpoint
from maestro.settings import Settings

#: Tells an agent the first of ``PORTS_PER_WORKTREE`` ports that no other worktree uses.
PORT_VARIABLE = "MAESTRO_PORT_BASE"
PORTS_PER_WORKTREE = 20
_FIRST_PORT = 20_000
_RANGES = 500

#: Environments that tools would put elsewhere, by the worktree's path: in it they go with it, and none is left behind.
_IN_THE_WORKTREE = {
    "POETRY_VIRTUALENVS_IN_PROJECT": "true", "PIPENV_VENV_IN_PROJECT": "1", "PDM_VENV_IN_PROJECT": "true",
    "UV_PROJECT_ENVIRONMENT": ".venv",
}  # fmt: skip

#: Bytecode must not look like the agent's work in a repository that ignores nothing.
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
_ALWAYS = {_NO_BYTECODE: "1", "GIT_TERMINAL_PROMPT": "0"}

#: Installers of hooks write into the configuration and hooks that all worktrees share with the user's checkout.
#: These keep them from it; what does it all the same is put back (``worktrees.shelter``).
NO_HOOKS = {
    "HUSKY": "0", "HUSKY_SKIP_INSTALL": "1", "LEFTHOOK": "0", "SKIP_INSTALL_SIMPLE_GIT_HOOKS": "1",
    "SKIP_SIMPLE_GIT_HOOKS": "1", "CARGO_HUSKY_DONT_INSTALL_HOOKS": "true", "CAPTAINHOOK_DISABLE": "true",
}  # fmt: skip

#: Checks and set-up run where nobody watches: no watch mode, no question, no snapshot written because it was missing.
_UNATTENDED = {"CI": "1"}


def base_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The machine and its tools: for everything that is started for a repository. It holds no key of a model."""
    kept = variables.of_the_machine(environ)
    if "PATH" in kept:
        kept["PATH"] = _path_of_the_user(kept["PATH"], environ)
    return NO_HOOKS | kept | _IN_THE_WORKTREE | _ALWAYS


def command_environment(
    settings: Settings, agent_config: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What a check or a set-up command of a session gets: the base, unattended, and what the user passes on by name.

    Where its bytecode goes is told where it runs (``execution.command_place``).
    """
    base = {name: value for name, value in base_environment(environ).items() if name != _NO_BYTECODE}
    return base | _UNATTENDED | _passed_on(settings, agent_config, environ)


def worker_environment(
    endpoint: Endpoint,
    demo_home: Path,
    environ: Mapping[str, str] = os.environ,
    *,
    settings: Settings | None = None,
    agent_config: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """A worker's environment: the base, what the user passes on by name, and the way into the model's endpoint.

    The demo gets a HOME of its own, so that no login or setting of the user takes part in it.
    """
    env = base_environment(environ) | {"DISABLE_AUTOUPDATER": "1"}
    if "PATH" in env:  # the agent's program looks for git and the like in the worktree else, outside of any sandbox
        env["PATH"] = programs.whole_path(env["PATH"])
    if settings is not None:
        env |= _passed_on(settings, agent_config or {}, environ)
    if endpoint.kind == "demo":
        demo_home.mkdir(parents=True, exist_ok=True)
        env |= {"HOME": str(demo_home), "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
        env.pop(variables.CLAUDE_HOME, None)
    else:
        env |= _way_in_of_the_user(endpoint, environ)
    # Talk to a configured endpoint only: the CLI's own telemetry and update checks would go elsewhere.
    if endpoint.base_url:
        env |= {"ANTHROPIC_BASE_URL": endpoint.base_url, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    if endpoint.auth_token:
        env["ANTHROPIC_AUTH_TOKEN"] = endpoint.auth_token
    elif endpoint.api_key:
        env["ANTHROPIC_API_KEY"] = endpoint.api_key
    return env


def only_for_the_model(
    env: Mapping[str, str],
    settings: Settings,
    agent_config: Mapping[str, Any],
    environ: Mapping[str, str] = os.environ,
) -> list[str]:
    """Variables of a worker's environment that open the way to the model: nothing for the agent's commands.

    What the user passes on by name is meant for them.
    """
    ways_in = {*variables.for_claude(environ, claude_home.cloud(environ)), *variables.MODEL_KEYS}
    passed = _passed_on(settings, agent_config, environ)
    return sorted(name for name in ways_in if name in env and name not in passed and variables.is_secret(name))


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
    settings = {
        "gc.auto": "0",
        "maintenance.auto": "false",
        "safe.bareRepository": "explicit",
        "core.logAllRefUpdates": "true",  # commits that it leaves on no branch are found by it
        # Nobody is there to type a passphrase or to edit a message; Maestro makes the commits that stay.
        "commit.gpgSign": "false",
        "tag.gpgSign": "false",
        "core.editor": "true",
        "sequence.editor": "true",
        **(git_settings or {}),
    }
    env = {PORT_VARIABLE: str(port_base), "GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def _way_in_of_the_user(endpoint: Endpoint, environ: Mapping[str, str]) -> dict[str, str]:
    """Claude Code's own login or cloud as the user's shell has it; an endpoint in Maestro's settings comes before a cloud."""
    cloud = None if endpoint.base_url else claude_home.cloud(environ)
    if endpoint.kind == "claude_code" or cloud:
        return variables.for_claude(environ, cloud)
    # The user's Claude settings and plug-ins live there.
    return {name: environ[name] for name in (variables.CLAUDE_HOME,) if environ.get(name)}


def _passed_on(settings: Settings, agent_config: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    names: Iterable[str] = agent_config.get("pass_env") or ()
    return variables.passed_on(environ, {*settings.pass_env, *names})


def _path_of_the_user(path: str, environ: Mapping[str, str]) -> str:
    """The path without Maestro's own environment, where a runner (``uv run``, ``poetry run``) put it there.

    Who activated it in the shell has it there on purpose: activation sets a prompt, runners do not.
    """
    own = environ.get("VIRTUAL_ENV")
    if not own or environ.get("VIRTUAL_ENV_PROMPT") is not None or Path(own).resolve() != Path(sys.prefix).resolve():
        return path
    programs = Path(own).resolve() / ("Scripts" if os.name == "nt" else "bin")
    return os.pathsep.join(part for part in path.split(os.pathsep) if not part or Path(part).resolve() != programs)
