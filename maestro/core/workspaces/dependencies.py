"""Set-up commands that only install run once for the same manifests, tools and variables; other worktrees get copies."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from maestro import untrusted
from maestro.core.kernel.locks import WorkCancelled
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Keyed, Service
from maestro.core.workspaces import confining
from maestro.db import models
from maestro.errors import MaestroError
from maestro.worktrees import installers, kept_folders, sparse
from maestro.worktrees.git import common_dir, own_git_dir

#: Lock files of large projects are long.
_LOCK_BYTES = 64_000_000
_STORE = "kept"
_VERSION_S = 20
_POLL_S = 0.2

#: What was kept in this app's life, as it was then.
_SEALS = Service(dict[Path, str])
#: By the folder where things are kept, and the name there.
_LOCKS: Service[Keyed[tuple[Path, str], threading.Lock]] = Service(lambda: Keyed(lambda _kept: threading.Lock()))

#: Version managers and rustup run what the worktree names: confined as all that runs there.
_Wrap = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Installation:
    """What some commands install in a worktree; ``store`` and ``name`` tell where it is kept.

    ``seals``: what was kept in this app's life, as it was then. They are in no file that agents or checks could write.
    """

    store: Path
    name: str
    worktree: Path
    seals: dict[Path, str]

    def bring(self) -> list[str]:
        """The folders that were copied from an earlier set-up; none: the commands have to run."""
        seal = self.seals.get(self.store / self.name)
        found = kept_folders.bring(self.store, self.name, self.worktree, seal) if seal else []
        if not found:  # another start's, an old one, or somebody wrote there
            kept_folders.forget(self.store, self.name)
        return found

    def keep(self, before: set[str]) -> None:
        """Keep what the commands have made since ``before``; what cannot be kept is installed again next time."""
        try:
            seal = kept_folders.keep(self.store, self.name, self.worktree, before)
            if seal is not None:
                self.seals[self.store / self.name] = seal
        except (OSError, MaestroError, subprocess.SubprocessError):
            kept_folders.forget(self.store, self.name)


@contextmanager
def installation(
    rt: Runtime,
    session: models.Session,
    worktree: Path,
    commands: Sequence[str],
    copied: Sequence[str],
    env: Mapping[str, str],
    stop: Callable[[], bool],
) -> Iterator[Installation | None]:
    """The installation that ``commands`` make here, held so that the same one is made once; None: in each worktree anew.

    Raises WorkCancelled when ``stop`` says so while another worktree's is waited for.
    """
    name = None
    if rt.settings.reuse_dependencies:
        with confining.confined(rt, session, worktree, env, "check") as confined:
            name = _name(worktree, commands, copied, env, confined.wrap)
    if name is None:
        yield None
        return
    repo = hashlib.sha256(os.fsencode(common_dir(worktree).resolve())).hexdigest()[:12]
    store = worktree.parent.parent / _STORE / repo
    lock = rt.service(_LOCKS).of((store, name))
    while not lock.acquire(timeout=_POLL_S):
        if stop():
            raise WorkCancelled
    try:
        yield Installation(store, name, worktree, rt.service(_SEALS))
    finally:
        lock.release()


def _name(
    worktree: Path, commands: Sequence[str], copied: Sequence[str], env: Mapping[str, str], wrap: _Wrap
) -> str | None:
    """What the outcome depends on, as one name; None where it may depend on anything else."""
    found = [installer for command in commands for installer in installers.recognized(command)]
    if sparse.is_sparse(own_git_dir(worktree)) or installers.builds_sources(worktree, found):
        return None
    versions = {program: _version(program, worktree, env, wrap) for i in found for program in i.programs}
    if None in versions.values():
        return None
    told = {
        "commands": list(commands),
        "manifests": installers.manifests(worktree),
        "copied": [[path, _content(worktree / path)] for path in copied],
        "versions": versions,
        "environment": sorted(env.items()),
        "root": str(worktree.parent.parent),
        "machine": os.uname().machine,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _version(program: str, worktree: Path, env: Mapping[str, str], wrap: _Wrap) -> str | None:
    """Which program it is, and what it says of itself, here: version managers look at the folder."""
    path = shutil.which(program, path=env.get("PATH"))
    if path is None:
        return None
    try:
        done = subprocess.run(
            wrap([path, "--version"]), cwd=worktree, env=dict(env), capture_output=True, check=False, timeout=_VERSION_S,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = (done.stdout + done.stderr).decode("utf-8", "replace")
    return f"{Path(path).resolve()} {words}" if done.returncode == 0 else None


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(untrusted.read(path, _LOCK_BYTES)).hexdigest()
    except OSError:
        return ""
