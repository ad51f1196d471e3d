"""What an agent in the sandbox has for itself while it runs: a git folder of its own, a home and a ``/tmp``.

The git folder stands in for the repository's shared one (``worktrees.private_git``); what was committed in it is brought
over when the agent has ended, before anything looks at the worktree. The rest goes with it.
"""

from __future__ import annotations

import logging
import mmap
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

from maestro.confinement.profile import Profile
from maestro.confinement.wrapping import command
from maestro.core.kernel.agent_config import EffectiveConfig, in_force
from maestro.core.kernel.runtime import Runtime
from maestro.core.workspaces import confining, policy_hosts
from maestro.core.workspaces.environ import base_environment, place_environment
from maestro.db import models
from maestro.errors import GitError, MaestroError
from maestro.worktrees import agents_git, private_git
from maestro.worktrees.deleting import delete_tree
from maestro.worktrees.git import GitResult
from maestro.worktrees.private_worktree import Confined
from maestro.worktrees.refs import recovered_ref

_log = logging.getLogger(__name__)
_ROOT = "agents"
_GIT_S = 600
#: The most that git may write of what an agent has made: a pack of 4 GB (in blocks of 512 bytes), and lists.
_LIMITED = ("/bin/sh", "-c", 'ulimit -f 8388608; exec "$@"', "maestro-limit")
_LISTED_BYTES, _TOLD_BYTES = 64 << 20, 64 << 10
_TMP = Path("/tmp")  # noqa: S108 - the agent's own stands there


def ready(rt: Runtime, task_id: str, profile: Profile) -> Profile:
    """The profile with a place for the agent, made anew. Raises GitError and OSError."""
    at = _at(rt, task_id)
    private_git.make(profile.worktree, at)
    for name in ("home", "tmp"):
        (at / name).mkdir()
    return replace(
        _with_git(profile, at),
        own_home=at / "home",
        variables={**profile.variables, "TMPDIR": str(_TMP), "HOME": str(profile.home)},
    )


def keeps_inside(rt: Runtime, session: models.Session) -> bool:
    """Whether the commands of a session's agents can change nothing in the user's checkout."""
    return (
        sys.platform.startswith("linux") and in_force(session.agent_config, rt.settings).permission_mode == "sandboxed"
    )


def tidy(rt: Runtime, tasks: Collection[str]) -> None:
    """At start: clear what is left of all but these tasks."""
    root = rt.data_dir / _ROOT
    for folder in root.iterdir() if root.is_dir() else []:
        if not any(folder.name.startswith(task_id) for task_id in tasks):
            with suppress(OSError, MaestroError):
                delete_tree(folder)


def take_in(rt: Runtime, session: models.Session, task: models.Task) -> None:
    """Bring over what the task's agent did in its git folder; nothing where it has none. Its processes have ended.

    What cannot be brought over is put aside and told; the files of the worktree stay as they are.
    """
    at = _at(rt, task.id)
    worktree = Path(task.worktree_path or "")
    if not private_git.is_made(at) or not task.branch:
        return
    if not (worktree / ".git").exists():
        delete_tree(at)
        return
    beside = recovered_ref(session.id, f"beside-{task.key}")
    try:
        taken = private_git.take_in(worktree, at, task.branch, _confined(rt, session, worktree, at), beside)
    except (MaestroError, OSError) as error:
        aside = private_git.set_aside(worktree, at, task.branch)
        _log.warning("commits of %s cannot be imported: %s", task.key, error)
        _report(
            rt,
            session,
            task,
            f"The agent's commits cannot be imported ({error}), but its files can. The commits are in {aside}.",
        )
        return
    for name, ref in taken.beside:
        _report(
            rt, session, task, f"The agent left work on {name}, which is not the task's branch. It is kept as {ref}."
        )


def _at(rt: Runtime, task_id: str) -> Path:
    return rt.data_dir / _ROOT / task_id


def _with_git(profile: Profile, at: Path) -> Profile:
    mounts = private_git.mounts(profile.worktree, at)
    return replace(
        profile,
        writable=(*profile.writable, at / "tmp"),
        overlaid={**mounts.read, **profile.overlaid},  # git's settings are seen without passwords
        caches={**profile.caches, **mounts.written, _TMP: at / "tmp"},
    )


def _confined(rt: Runtime, session: models.Session, worktree: Path, at: Path) -> Confined:
    """Git on what the agent wrote, as the agent itself would run it: it reaches nothing but that."""
    env = base_environment() | place_environment(0, agents_git.ALWAYS)
    profile = _with_git(confining.profile_of(rt, session, worktree, env), at)

    def run(arguments: Sequence[str], given: bytes) -> GitResult:
        argv = [*_LIMITED, *command(profile, ["git", *arguments])]
        with tempfile.TemporaryFile(dir=at) as said, tempfile.TemporaryFile(dir=at) as complaint:
            done = subprocess.run(
                argv, input=given, env=env, stdout=said, stderr=complaint, check=False, timeout=_GIT_S
            )
            complaint.seek(0)
            return GitResult(done.returncode, _content(said, arguments[0]), complaint.read(_TOLD_BYTES))

    return run


def _content(said: IO[bytes], what: str) -> bytes:
    """What git printed. A pack is read from the disk as it is needed: an agent may make one of any size."""
    size = said.seek(0, 2)
    said.seek(0)
    if size and what == "pack-objects":
        return cast(bytes, mmap.mmap(said.fileno(), 0, access=mmap.ACCESS_READ))
    if size > _LISTED_BYTES:
        raise GitError(f"git {what} lists more than {_LISTED_BYTES // 2**20} MB in the agent's git folder.")
    return said.read()


def _report(rt: Runtime, session: models.Session, task: models.Task, words: str) -> None:
    with rt.db.write() as tx:
        if tx.db.get(models.Task, task.id) is not None:
            tx.log(session.id, words, level="warn", kind="git", source="git", task_id=task.id)


def of_agent(
    rt: Runtime, session: models.Session, task_id: str, folder: Path, config: EffectiveConfig
) -> dict[str, Any]:
    """What an agent's commands see and reach, for its spec: as set-up commands, in a place of their own.

    Raises GitError and OSError.
    """
    base = confining.profile_of(rt, session, folder, base_environment())
    if sys.platform.startswith("linux"):
        base = ready(rt, task_id, base)
    allowed = policy_hosts.under(config.policy, confining.reachable(config, folder))
    reached = [[host.name, host.port, host.private] for host in sorted(allowed)]
    return {"profile": base.to_json(), "hosts": reached}
