"""Which tool chains this machine has, and whether it has those that a repository's set-up and checks begin with."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from maestro.worktrees import repository, setup_detection

#: By community: programs that its repositories call. The first is the one without which nothing goes.
CHAINS = {
    "Python": ("python3", "uv", "poetry", "pdm", "tox", "nox"),
    "JavaScript": ("node", "npm", "pnpm", "yarn", "bun", "deno"),
    "Go": ("go",),
    "Rust": ("cargo", "rustc"),
    "Java": ("java", "mvn", "gradle"),
    "C and C++": ("cc", "cmake", "make", "ninja"),
    "Ruby": ("ruby", "bundle"),
    "PHP": ("php", "composer"),
    ".NET": ("dotnet",),
    "Elixir": ("elixir", "mix"),
}
#: Those that do not know ``--version``.
_ASK = {"go": ["version"], "java": ["-version"]}
_TIMEOUT_S = 20
_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]*|\b\d+\b")


@dataclass(frozen=True, slots=True)
class Tool:
    """A program on PATH; ``version`` None: it is there and does not run (a shim without a version, a stub)."""

    name: str
    path: str
    version: str | None

    @property
    def words(self) -> str:
        """``node 20.11.1``, ``java (does not run)``."""
        return f"{self.name} {self.version}" if self.version is not None else f"{self.name} (does not run)"


def tool(name: str) -> Tool | None:
    """The program of this name, asked for its version; None when it is not on PATH."""
    path = shutil.which(name)
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *_ASK.get(name, ["--version"])],
            capture_output=True, encoding="utf-8", errors="replace", check=False, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return Tool(name, path, None)
    if done.returncode != 0:
        return Tool(name, path, None)
    found = _VERSION.search(done.stdout) or _VERSION.search(done.stderr)
    return Tool(name, path, found[0] if found else "")


def chains() -> Iterator[tuple[str, list[Tool]]]:
    """Each community with those of its programs that are there."""
    names = [name for programs in CHAINS.values() for name in programs]
    with ThreadPoolExecutor(8) as pool:
        found = dict(zip(names, pool.map(tool, names), strict=True))
    for community, programs in CHAINS.items():
        yield community, [there for name in programs if (there := found[name]) is not None]


@dataclass(frozen=True, slots=True)
class Need:
    """A command that a repository's work begins with, and what stands in its way ("": nothing)."""

    command: str
    reason: str
    trouble: str


def of_repository(path: Path) -> list[Need]:
    """What a repository's set-up and checks need. Raises InvalidInput for what is no repository with a commit."""
    info = repository.inspect(str(path.expanduser().resolve()))
    _branch, commit = repository.resolve_base(info, None)
    found = [f for f in setup_detection.detect(Path(info.root), commit) if f.tool is not None and not f.second]
    tools = {name: tool(name) for name in dict.fromkeys(f.tool for f in found if f.tool)}
    return [Need(f.value, f.reason, _trouble(str(f.tool), tools[str(f.tool)])) for f in found]


def _trouble(name: str, found: Tool | None) -> str:
    if found is None:
        return f"{name} is not on PATH"
    return f"{found.path} does not run" if found.version is None else ""
