"""What a commit's manifests say, for guesses about set-up and checks: read as data, nothing of the repository runs."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maestro.errors import MaestroError
from maestro.worktrees.tracked_files import list_files, read_file

_READ_BYTES = 2_000_000


@dataclass(frozen=True)
class Manifests:
    """One folder of a commit; ``folder`` is "" for the root. Whatever cannot be read or parsed counts as empty."""

    repo: Path
    commit: str
    folder: str
    tracked: frozenset[str]  # all paths of the commit
    _texts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, repo: Path, commit: str, folder: str = "") -> Manifests:
        """The folder's view of a commit."""
        return cls(repo, commit, folder, frozenset(list_files(repo, commit)))

    def below(self, folder: str) -> Manifests:
        """The same for another folder of the commit."""
        return Manifests(self.repo, self.commit, folder, self.tracked)

    def path(self, name: str) -> str:
        """A file of this folder, from the root of the repository."""
        return f"{self.folder}/{name}" if self.folder else name

    def command(self, command: str) -> str:
        """The command as it is run from the root of the repository."""
        return f"cd {shlex.quote(self.folder)} && {command}" if self.folder else command

    def has(self, *names: str) -> bool:
        """Whether one of these files is tracked in this folder."""
        return any(self.path(name) in self.tracked for name in names)

    def files(self) -> list[str]:
        """Paths of all tracked files in this folder and below, from this folder."""
        start = f"{self.folder}/" if self.folder else ""
        return sorted(path.removeprefix(start) for path in self.tracked if path.startswith(start))

    def text(self, name: str) -> str:
        """The beginning of a file; empty when it is not there."""
        path = self.path(name)
        if path not in self._texts:
            try:
                text = read_file(self.repo, self.commit, path, _READ_BYTES) if path in self.tracked else b""
            except MaestroError:
                text = b""
            self._texts[path] = text.decode("utf-8", "replace")
        return self._texts[path]

    def toml(self, name: str) -> dict[str, Any]:
        """A TOML file's content."""
        try:
            return tomllib.loads(self.text(name))
        except (tomllib.TOMLDecodeError, RecursionError):
            return {}

    def json(self, name: str) -> dict[str, Any]:
        """A JSON file's object."""
        try:
            data = json.loads(self.text(name) or "{}")
        except (ValueError, RecursionError):
            return {}
        return data if isinstance(data, dict) else {}


def table(data: Any, *names: str) -> dict[str, Any]:
    """A table some levels down; empty where there is none."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def package_name(requirement: object) -> str:
    """The normalized name that a requirement (PEP 508) begins with; "" where it has none."""
    found = re.match(r"\s*([A-Za-z0-9][\w.-]*)", requirement) if isinstance(requirement, str) else None
    return re.sub(r"[-_.]+", "-", found[1]).lower() if found else ""
