"""What a kind of repository is: a function that makes one below a folder and says what should come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.repos import run_git

FILES: dict[str, str | bytes] = {"README.md": "Hello\n", "src/app.py": "print(1)\n", ".gitignore": "*.log\n"}


def nothing() -> None:
    """Nothing happens."""


@dataclass
class Kind:
    """What the user gives, and what should come of it."""

    path: Path
    root: Path | None = None  # the checkout it means, where that is not ``path`` itself
    base: str | None = None
    target: str | None = None
    refused: str = ""  # words of the refusal at the door; empty: it works to the end
    since: Callable[[], object] = nothing  # what happens between the creation and the merge
    blocked: str = ""  # words of the refusal of the merge
    free: Callable[[], object] = nothing  # what the user does then
    work: str = ""  # more of the agent's work, as shell
    wanted: dict[str, bytes] = field(default_factory=dict)  # files of the target after the merge

    @property
    def checkout(self) -> Path:
        return self.root or self.path


KINDS: dict[str, Callable[[Path], Kind]] = {}


def kind(make: Callable[[Path], Kind]) -> Callable[[Path], Kind]:
    """Put a kind into the table."""
    KINDS[make.__name__] = make
    return make


def trap(tmp: Path) -> str:
    """A program that leaves a trace when it runs, and passes on what it gets."""
    program = tmp / "trap.sh"
    if not program.exists():
        program.write_text(f'#!/bin/sh\necho "$0 $*" >> "{tmp}/TRAPPED"\nexec cat\n')
        program.chmod(0o755)
    return str(program)


def set_globally(tmp: Path, *args: str) -> None:
    """Set something in the user's own configuration (HOME is ``tmp/home`` in these tests)."""
    home = tmp / "home"
    home.mkdir(exist_ok=True)
    run_git(tmp, "config", "--global", *args, env={"HOME": str(home)})
