"""A package manager that is not on this machine, fetched by npx at the version that the repository asks for."""

from __future__ import annotations

import re
import shlex

from maestro.worktrees.manifests import Manifests

#: By the version that a pnpm lock file says it is of, the pnpm that wrote it.
_PNPM_OF_LOCK = (("5", "7"), ("6", "8"), ("7", "9"), ("9", "9"))
#: The same of Yarn's.
_YARN_OF_LOCK = (("4", "2"), ("5", "3"), ("6", "3"), ("7", "3"))
_VERSION = re.compile(r"(?:pnpm|yarn)@(\d[\w.-]*)(?:\+.*)?")
_RELEASE = re.compile(r"^yarnPath:\s*['\"]?([\w./-]+)", re.MULTILINE)


def is_later_yarn(at: Manifests) -> bool:
    """Whether a folder's lock file is of Yarn 2 or later."""
    return at.has(".yarnrc.yml") or "__metadata:" in at.text("yarn.lock")


def starts_with(at: Manifests, manager: str) -> str | None:
    """How ``pnpm`` or ``yarn`` is started without being installed; None for another."""
    named = at.json("package.json").get("packageManager")
    told = _VERSION.fullmatch(named) if isinstance(named, str) and named.startswith(f"{manager}@") else None
    if manager == "pnpm":
        # npx reads workspaces of npm's form, and ends where two of them have one name: pnpm does not mind.
        aside = " --prefix /tmp" if at.json("package.json").get("workspaces") else ""
        return f"npx --yes{aside} pnpm@{told[1] if told else _of_lock(at, 'pnpm-lock.yaml', _PNPM_OF_LOCK, '10')}"
    if manager != "yarn":
        return None
    if not is_later_yarn(at):
        return f"npx --yes yarn@{told[1] if told and told[1].startswith('1.') else '1'}"
    release = _RELEASE.search(at.text(".yarnrc.yml"))
    if release and at.has(release[1]):
        return f"node {shlex.quote(release[1])}"
    version = told[1] if told else _of_lock(at, "yarn.lock", _YARN_OF_LOCK, "4")
    return f"npx --yes -p @yarnpkg/cli-dist@{version} yarn"


def _of_lock(at: Manifests, lock: str, versions: tuple[tuple[str, str], ...], newest: str) -> str:
    told = re.search(r"^(?:lockfileVersion|\s+version): *['\"]?(\d+)", at.text(lock)[:2000], re.MULTILINE)
    return next((version for of, version in versions if told and told[1] == of), newest)
