"""Five rounds of ``benchmarks/chaos.py``: whatever is killed, nothing is lost."""

from __future__ import annotations

import pytest

from benchmarks import chaos


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("seed", "agent"), [(1, "command"), (2, "command"), (3, "command"), (5, "command"), (4, "claude_code")]
)
def test_nothing_is_lost_whatever_is_killed(seed: int, agent: str) -> None:
    broken, game = chaos.play(seed, agent, kills=3, layers=1 if agent == "claude_code" else 2)
    assert not broken, f"{broken}; killed {game.hits}"
