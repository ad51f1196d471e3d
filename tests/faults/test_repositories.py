"""Each kind of repository through a whole session: it works to the merge and back, or the door says what to do first."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from maestro.core import queries
from maestro.core.commands import control, delivery
from maestro.core.commands.sessions import NewSession, create_session
from maestro.core.kernel.runtime import Runtime
from maestro.errors import MaestroError
from tests.engine import engine
from tests.faults.commands import task
from tests.faults.kinds import KINDS, Kind
from tests.landing import bench
from tests.repos import run_git
from tests.scripted import scenario

#: These go the whole way, with supervisor, worker process and a command as the agent (two seconds each). For the others
#: the test does the agent's work: everything that touches the repository is the same.
WITH_A_WORKER = {"dirty", "odd_path", "linked_worktree", "submodule_as_the_path", "programs_in_the_configuration"}

_PLAN = {"summary": "Test", "checks": ["test -s t1.txt"], "tasks": [task()]}


def state(root: Path) -> dict[str, bytes]:
    """What a user would miss, byte for byte: files and their modes, HEAD, index, configuration, branches."""
    found = {}
    for path in sorted(root.rglob("*")):
        name, mode = str(path.relative_to(root)), path.lstat().st_mode
        if not name.startswith(".git/"):
            data = b""
            if stat.S_ISREG(mode):
                data = path.read_bytes()
            elif stat.S_ISLNK(mode):
                data = str(path.readlink()).encode()
            found[name] = f"{mode:o} ".encode() + data
    pointer = root / ".git"
    git_dir = (root / pointer.read_text()[8:].strip()) if pointer.is_file() else pointer
    for name in ("HEAD", "index", "config", "MERGE_HEAD", "BISECT_LOG", "index.lock"):
        if (git_dir / name).exists():
            found[f"git: {name}"] = (git_dir / name).read_bytes()
    refs = run_git(root, "for-each-ref", check=False).splitlines()
    found["git: refs"] = "\n".join(r for r in refs if "maestro/" not in r.split("\t")[-1]).encode()
    return found


def settled(found: dict[str, bytes]) -> dict[str, bytes]:
    """The same without the index's own bytes, which hold time stamps."""
    return {name: data for name, data in found.items() if name != "git: index"}


@contextmanager
def completed(tmp_path: Path, kind: Kind, *, worker: bool) -> Iterator[tuple[Runtime, str]]:
    """A session on this repository whose work is done and proven."""
    work = f"{kind.work or ':'}; echo t1 > t1.txt"
    if not worker:
        with bench(tmp_path, kind.path, _PLAN, base=kind.base) as b:
            b.measure_baseline()
            subprocess.run(["sh", "-c", work], cwd=b.begin(), check=True)
            b.end()
            assert b.land().status == "completed", b.logs()
            assert b.complete() == "completed", b.logs()
            yield b.rt, b.id
        return
    with engine(tmp_path, scenario()) as e:
        config = {"command": ["/bin/sh", "-c", work], "permission_mode": "bypass"}
        new = NewSession(
            description="Build it", repo_path=str(kind.path), base_branch=kind.base,
            agent_type="command", agent_config=config,
        )  # fmt: skip
        session = create_session(e.rt, new)
        e.approve(session.id, _PLAN)
        control.execute(e.rt, session.id)
        e.until("state_changed", to="completed")
        yield e.rt, session.id


@pytest.mark.parametrize("name", KINDS)
def test_a_repository_works_to_the_merge_and_back_or_is_refused_with_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", os.environ["PATH"])  # a kind may put a program in front
    kind = KINDS[name](tmp_path)
    before = state(kind.checkout)
    if kind.refused:
        with pytest.raises(MaestroError) as refusal, completed(tmp_path, kind, worker=False):
            pass
        kind.free()
        assert refusal.value.status == 422
        assert kind.refused in refusal.value.detail
        assert state(kind.checkout) == before
    else:
        with completed(tmp_path, kind, worker=name in WITH_A_WORKER) as (rt, session_id):
            assert queries.get_session(rt, session_id).repo_path == str(kind.checkout.resolve())
            assert state(kind.checkout) == before
            _merge_and_back(rt, session_id, kind)
    assert not (tmp_path / "TRAPPED").exists(), (tmp_path / "TRAPPED").read_text()


def _merge_and_back(rt: Runtime, session_id: str, kind: Kind) -> None:
    root = kind.checkout
    kind.since()
    if kind.blocked:
        known = state(root)
        with pytest.raises(MaestroError, match=re.escape(kind.blocked)):
            delivery.merge(rt, session_id)
        assert state(root) == known
        kind.free()
    known = settled(state(root))
    merged: dict[str, Any] = {"t1.txt": b"t1\n"} | kind.wanted
    delivery.merge(rt, session_id, target=kind.target)
    target = kind.target or kind.base or run_git(root, "symbolic-ref", "HEAD").removeprefix("refs/heads/")
    for path, content in merged.items():
        assert run_git(root, "cat-file", "blob", f"refs/heads/{target}:{path}").encode() == content.rstrip(b"\n")
    delivery.unmerge(rt, session_id)
    assert settled(state(root)) == known
