"""Each tool chain in the mode ``sandboxed``: set-up reaches its registries, checks run without the network, all is as outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ecosystems import test_chains as unconfined
from tests.ecosystems.chain import Chain
from tests.landing import bench, plan_of

#: They make their environments in the check itself; Maestro asks about the network once, and its switch is the answer.
_INSTALL_IN_CHECKS = {"hatch", "tox", "nox"}


@pytest.mark.parametrize("chain", unconfined.parameters())
@pytest.mark.timeout(900)
def test_a_tool_chain_works_confined(tmp_path: Path, chain: Chain) -> None:
    repo = unconfined.repository(tmp_path / "calc", chain)
    with bench(tmp_path, repo, plan_of({"id": "look"}, checks=["true"])) as b:
        setup, checks = unconfined.offered(b, chain)
        plan = plan_of({"id": "honest"}, {"id": "broken"}, checks=checks)
        online = chain.name in _INSTALL_IN_CHECKS
        b.another(plan, setup=setup, checks=checks, copy_files=[], permission_mode="sandboxed", check_network=online)
        b.measure_baseline()
        named = unconfined.named(b)
        for name in chain.names:
            outputs = "\n".join(e.output for e in b.evidence("baseline"))
            assert any(name in test for test in named), f"{sorted(named)[:20]} {b.asked()} {b.logs()} {outputs}"
        honest = b.work(dict(chain.honest), "honest")
        assert honest.status == "completed", f"{b.asked()} {honest.prompt} {b.logs()}"
        broken = b.work(dict(chain.broken), "broken")
        assert broken.status == "running", f"broken work was not sent back: {broken.status} {b.logs()}"
        assert not b.asked(), b.asked()
