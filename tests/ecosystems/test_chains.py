"""Each tool chain, for real: offer, set-up, baseline by name, honest work lands unasked, lies do not, merge, unmerge."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from sqlmodel import select

from maestro.core.commands import delivery
from maestro.core.workspaces import repository_environment as offers
from maestro.db import models
from tests.ecosystems import compiled_chains, node_chains, other_chains, python_chains
from tests.ecosystems.chain import Chain
from tests.ecosystems.footprint import footprint, without_times
from tests.landing import Bench, bench, plan_of
from tests.repos import make_repo, run_git, write_files

CHAINS = (*python_chains.CHAINS, *node_chains.CHAINS, *compiled_chains.CHAINS, *other_chains.CHAINS)


def parameters() -> list[object]:
    """Those that this machine can run; `conftest.py` tells of the others."""
    return [
        pytest.param(chain, id=chain.name, marks=[pytest.mark.ecosystem] if chain.installs else [])
        for chain in CHAINS
        if not chain.missing
    ]


@pytest.mark.parametrize("chain", parameters())
@pytest.mark.timeout(900)
def test_a_tool_chain_from_the_offer_to_the_way_back(tmp_path: Path, chain: Chain) -> None:
    repo = repository(tmp_path / "calc", chain)
    with bench(tmp_path, repo, plan_of({"id": "look"}, checks=["true"])) as b:
        setup, checks = offered(b, chain)
        assert checks, "no check is offered"
        before = footprint(repo)
        plan = plan_of({"id": "honest"}, {"id": "broken"}, {"id": "dropped"}, checks=checks)
        b.another(plan, setup=setup, checks=checks, copy_files=[])
        b.measure_baseline()
        told = named(b)
        for name in chain.names:
            assert any(name in test for test in told), f"{name} is not among {sorted(told)[:20]}; {b.logs()}"

        honest = b.work(dict(chain.honest), "honest")
        assert honest.status == "completed", f"{b.asked()} {honest.prompt} {b.logs()}"

        broken = b.work(dict(chain.broken), "broken")
        assert broken.status == "running", f"broken work was not sent back: {broken.status} {b.logs()}"
        assert "known" not in (broken.error_message or "")
        _put_right(b, chain, "broken")

        dropped = b.work({chain.tests: None}, "dropped")
        assert dropped.status in {"waiting", "running"}, f"dropped tests landed: {b.logs()}"
        if dropped.status == "waiting":
            b.answer("deny")
            assert b.land("dropped").status == "running"
        _put_right(b, chain, "dropped")

        assert b.complete() == "completed", f"{b.asked()} {b.logs()}"
        assert footprint(repo) == before
        delivery.merge(b.rt, b.id)
        for name, text in chain.honest.items():
            assert (repo / name).read_text() == text
        delivery.unmerge(b.rt, b.id)
        assert without_times(footprint(repo)) == without_times(before)


def test_a_machine_with_nothing_but_python_and_make_runs_some_of_them() -> None:
    bare = {chain.name for chain in CHAINS if not chain.installs and {*chain.programs} <= {"python3", "make"}}
    assert bare == {"unittest", "unittest below src", "make test"}
    assert not any(chain.missing for chain in CHAINS if chain.name in bare)


def repository(path: Path, chain: Chain) -> Path:
    """The chain's repository, with its lock file."""
    write_files(path, dict(chain.files))
    if chain.lock:
        done = subprocess.run(chain.lock.split(), cwd=path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        shutil.rmtree(path / "node_modules", ignore_errors=True)
    return make_repo(path, {})


def offered(b: Bench, chain: Chain) -> tuple[list[str], list[str]]:
    """The set-up and the checks that Maestro offers, or the chain's own."""
    found = offers.environment(b.rt, str(b.repo)).found
    usable = [f for f in found if f.tool_there and not f.second]
    setup = [f.value for f in usable if f.kind == "setup"] if chain.setup is None else list(chain.setup)
    checks = [f.value for f in usable if f.kind == "checks"] if chain.checks is None else list(chain.checks)
    return setup, checks


def named(b: Bench) -> set[str]:
    """The tests that the baseline tells by name."""
    query = select(models.CheckRun).where(models.CheckRun.session_id == b.id, models.CheckRun.phase == "baseline")
    with b.rt.db.read() as db:
        return {name for run in db.exec(query).all() for name in run.tests or {}}


def _put_right(b: Bench, chain: Chain, key: str) -> None:
    """The agent's next attempt undoes the lie and writes something harmless instead."""
    worktree = b.begin(key)
    for name in {*chain.broken, chain.tests}:
        run_git(worktree, "checkout", "-q", str(b.task(key).start_commit), "--", name)
    (worktree / f"{key}.md").write_text("A note.\n")
    b.end(key)
    landed = b.land(key)
    assert landed.status == "completed", f"{key}: {b.asked()} {landed.prompt} {b.logs()}"
    assert subprocess.run(["git", "-C", str(b.repo), "status", "--porcelain"], capture_output=True).stdout == b""
