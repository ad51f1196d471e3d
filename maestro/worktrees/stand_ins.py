"""What can be offered where a lock file's own tool is not on this machine: pip for uv and its like, npx or npm for pnpm."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from maestro.worktrees import check_detection, fetched_managers, python_detection
from maestro.worktrees.manifests import Manifests

_PYTHON = ("uv", "poetry", "pdm", "pipenv")
_NODE = ("pnpm", "yarn", "bun")
_NPM = "npm install --no-package-lock --no-audit --no-fund"


@dataclass(frozen=True, slots=True)
class StandIn:
    """A command in place of one whose program is missing."""

    command: str
    reason: str
    tool: str | None


def stand_ins(at: Manifests, setup: dict[str, str], checks: list[str]) -> tuple[list[StandIn], list[StandIn]]:
    """Set-up and checks for a folder whose set-up wants tools that are missing; none where they are there.

    What pip and npm install are the newest versions that the manifest allows, not the locked ones: the reason says so.
    ``setup``: by tool, the folder's own command of it; ``checks``: its checks; both as they are run in the folder.
    """
    instead: list[StandIn] = []
    checked: list[StandIn] = []
    python = next((tool for tool in _PYTHON if tool in setup), None)
    if python and _missing(python) and check_detection.speaks_python(at) and python_detection.pip_can(at):
        plan = python_detection.plan(at, None)
        if plan.setup:
            instead.append(StandIn(plan.setup, _why(python, "pip"), "python3"))
        if plan.setup and plan.check:
            checked.append(StandIn(plan.check, f"The same, without {python}", plan.tool))
    node = next((tool for tool in _NODE if tool in setup), None)
    if node and _missing(node) and (at.json("package.json") or at.has("pnpm-workspace.yaml")):
        more, more_checks = _of_node(at, node, setup[node], _tests(checks, node))
        instead += more
        checked += more_checks
    return instead, checked


def _of_node(at: Manifests, node: str, install: str, tests: list[str]) -> tuple[list[StandIn], list[StandIn]]:
    started = fetched_managers.starts_with(at, node)
    if started is None:
        text = at.text("package.json")
        if "workspace:" in text or "workspaces" in text:  # npm knows nothing of such members
            started = f"npx --yes {node}@1"
            return ([], []) if _missing("npx") else _fetched(started, node, install, tests)
        runs = [StandIn("npm test", f"The same, without {node}", "npm")] if tests and node not in text else []
        return ([StandIn(_NPM, _why(node, "npm"), "npm")], runs) if not _missing("npm") else ([], [])
    return ([], []) if _missing(started.split(" ")[0]) else _fetched(started, node, install, tests)


def _fetched(started: str, node: str, install: str, tests: list[str]) -> tuple[list[StandIn], list[StandIn]]:
    tool = started.split(" ")[0]
    whence = "npx fetches it" if tool == "npx" else "the repository contains it"
    setup = StandIn(f"{started}{install.removeprefix(node)}", f"{node} is not on Maestro’s PATH: {whence}", tool)
    same = f"The same, with the {node} that {'npx fetches' if tool == 'npx' else 'the repository holds'}"
    return [setup], [StandIn(f"{started}{check.removeprefix(node)}", same, tool) for check in tests]


def _tests(checks: list[str], node: str) -> list[str]:
    return [check for check in checks if check.startswith(f"{node} ") and check.endswith("test")]


def _missing(tool: str) -> bool:
    return shutil.which(tool) is None


def _why(tool: str, instead: str) -> str:
    return f"{tool} is not on Maestro’s PATH: {instead} installs the newest versions allowed, not the locked ones"
