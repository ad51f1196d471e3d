"""What can be offered where a lock file's own tool is not on this machine: pip for uv and its like, npm for pnpm and its."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from maestro.worktrees import check_detection, python_detection
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


def stand_ins(at: Manifests, tools: set[str], checks: list[str]) -> tuple[list[StandIn], list[StandIn]]:
    """Set-up and checks for a folder whose lock files want ``tools``; none where those are there.

    They take the newest versions that the manifest allows, not the locked ones: the reason says so.
    """
    setup: list[StandIn] = []
    instead: list[StandIn] = []
    python = next((tool for tool in _PYTHON if tool in tools), None)
    if python and _missing(python) and check_detection.speaks_python(at):
        plan = python_detection.plan(at, None)
        if plan.setup:
            setup.append(StandIn(plan.setup, _why(python, "pip"), "python3"))
        if plan.setup and plan.check:
            instead.append(StandIn(plan.check, f"The same, without {python}", plan.tool))
    node = next((tool for tool in _NODE if tool in tools), None)
    text = at.text("package.json")
    alone = "workspace:" not in text and not at.has("pnpm-workspace.yaml")  # npm knows nothing of such members
    if node and _missing(node) and not _missing("npm") and at.json("package.json") and alone:
        setup.append(StandIn(_NPM, _why(node, "npm"), "npm"))
        if any(check.endswith(f"{node} test") for check in checks) and node not in text:
            instead.append(StandIn("npm test", f"The same, without {node}", "npm"))
    return setup, instead


def _missing(tool: str) -> bool:
    return shutil.which(tool) is None


def _why(tool: str, instead: str) -> str:
    return f"{tool} is not on Maestro’s PATH: {instead} installs the newest versions allowed, not the locked ones"
