"""Judge and shell read the same words: seconds of the fuzzers; ``scripts/fuzz_gates.py`` runs them for longer."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.security.gate_fuzz import Ground, differences_in_words, random_line

#: Seconds that the fuzzer of effects runs here, in pieces that go side by side with other tests. Its seeds are the same each
#: time, so that a failure can be repeated.
_SECONDS = float(os.environ.get("MAESTRO_FUZZ_SECONDS", "120"))
_SEEDS = (4, 5, 6, 7)

#: What was once free and did harm, or was read otherwise than bash reads it.
_KEPT_WORDS = [
    "prog0 ''~/q",
    "prog0 a=~/q",
    "prog0 'a'\u00a0b",
    "echo $?\u00a0x",
    "prog0 .*",
    "prog0 a\x0bb",
    "prog0 '*'?",
    'echo "$?"**',
    "echo $?/*",
    "prog0 ?$(nproc)&&*",
    "prog0 *; prog1  '\n' | echo",
]
_KEPT_COMMANDS = [
    "cat src/a.py > \u00a0/dev/null",
    "cat src/a.py >\u00a0/dev/null",
    "grep -R '' s*",
    "grep -R '' chain",
    "grep -R '' inne*",
    "grep '' dash/* -r",
    "cd dash && grep x *",
    "cd dash && wc *",
    "cat .*/outside/secret",
    "sort --files0-from=list0",
    "sort --files0=list0",
    "wc --files0-from=list0",
    "du --files0-from=list0",
    "diff -r inner src",
    "diff inner chain",
    "cp -rL inner new",
    "cd src; du -L ../inner",
    "ls -RL",
    "cat ''~/.ssh/id_rsa",
    "cat ~/.ssh/id_rsa",
    "echo ~/.ss*/*",
    "grep -fsshkey src/a.py",
    "sort -osshkey src/a.py",
    "cat **/secret",
    "grep - ~/.ss*/*",
    "grep - ~/.ssh/id_rsa",
    "grep -- -x ~/.ssh/id_rsa",
    "rg -- -x ~/.ssh/id_rsa",
    "grep */*",
    "grep */* > new && head",
    "echo x > dash/-R && cd dash && grep x *",
    "grep **",
    "grep ** x",
    "grep ~/.ss*/*",
    "grep ~/.ss*/* -rn",
    "echo $?/*",
    "grep --exclude-from sshkey x src/a.py",
    "rg --ignore-file sshkey x",
]


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    made = Ground(tmp_path.resolve() / "ground")
    made.lay()
    monkeypatch.setenv("HOME", str(made.home))
    return made


def test_bash_reads_the_words_that_we_read(ground: Ground) -> None:
    rng = random.Random(9)
    lines = [*_KEPT_WORDS, *(random_line(rng) for _ in range(6000))]
    assert differences_in_words(lines, ground.worktree, ground.home) == []


@pytest.mark.parametrize("line", _KEPT_COMMANDS)
def test_what_did_harm_once_asks_or_does_none(ground: Ground, line: str) -> None:
    assert not ground.is_free(line) or not ground.harm(line)


@pytest.mark.timeout(60 + 2 * _SECONDS)
@pytest.mark.parametrize("seed", _SEEDS)
def test_what_is_free_reads_and_writes_in_the_worktree_only(ground: Ground, seed: int) -> None:
    rng, end, free = random.Random(seed), time.monotonic() + _SECONDS / len(_SEEDS), 0
    while time.monotonic() < end:
        line = ground.random_command(rng)
        if ground.is_free(line):
            free += 1
            assert not (harm := ground.harm(line)), (line, harm)
    assert free > 0


def test_the_fuzzer_sees_harm(ground: Ground) -> None:
    seen = {
        line: ground.harm(line)
        for line in ("cat link/secret", "echo x > ~/.bashrc", "touch .git/x", "env id", "true", "cat src/a.py")
    }
    assert [bool(harm) for harm in seen.values()] == [True, True, True, True, False, False], seen
