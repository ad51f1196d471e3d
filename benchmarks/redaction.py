"""What it costs to take the secrets out of a log: CPU of one core, at 10,000 lines a second.

Lines as agents and checks print them (prose, paths, test names, diffs, JSON, hashes), one of a thousand with a secret,
each redacted by itself as the ingest does. The aim: under 5 % of a core.

    .venv/bin/python benchmarks/redaction.py [--lines 200000]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from maestro import secrets

_RATE = 10_000
_KEY = "sk-ant-api03-q7Jd9xT2bZk4mVw8sRy1LcHn6EaPf0GuXoBiDtCj5KhMl3NvQrSzWe8sRy1LcHn6EaPf0GuXoBiDtCj5KhMl3NvQr"
_TOLD = (_KEY, "TkN0123456789abcdefghijklmnopqrstuvwxyzABCD", "123456789:AAEabcdefghijklmnopqrstuvwxyz12345")
_KINDS = (
    "I'll look at how the writer handles empty rows before I change anything in it.",
    "tests/flow/test_writer.py::test_rows_with_quotes_are_escaped[semicolon-{n}] PASSED          [ {p}%]",
    '  File "/home/ann/.maestro/worktrees/4f1c/t{n}/src/app/services/writer.py", line {n}, in write_rows',
    "+    return [row for row in rows if row is not None and len(row) > {n}]",
    "2026-01-31T12:00:{p}.123Z INFO  app.services.writer request_id=8f14e45f-ceea-467f-a9c2-{n:012d} done",
    '{{"level": "info", "event": "request", "path": "/api/v1/items/{n}", "status": 200, "ms": {p}}}',
    "    {n} passed, 2 skipped in {p}.12s",
    "commit 3b18e512dba79e4c8300dd08aeb37f8e728b8d{p:02d}",
    "npm http fetch GET 200 https://registry.example/lodash/-/lodash-4.17.{p}.tgz {n}ms (cache hit)",
    "DEBUG auth: token_type=bearer key_id=app-{p} credentials of request {n:032d} are taken from the cache",
    "",
)


def lines(count: int) -> list[str]:
    """So many lines of a log, always the same."""
    draw = random.Random(1)
    made = [draw.choice(_KINDS).format(n=draw.randrange(10_000), p=draw.randrange(100)) for _ in range(count)]
    for at in range(0, count, 1000):
        made[at] = f"using {_KEY} for https://ann:pa55word@example.com"
    return made


def main() -> None:
    """Measure, and say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=200_000)
    made = lines(parser.parse_args().lines)
    secrets.register("benchmark", _TOLD)
    begun = time.process_time()
    shown = [secrets.clean(line) for line in made]
    spent = time.process_time() - begun
    found = sum(secrets.HIDDEN in line for line in shown)
    each = spent / len(made)
    print(f"{len(made):,} lines, {found:,} with a secret, {each * 1e6:.2f} µs each")
    print(f"{each * _RATE:.1%} of a core at {_RATE:,} lines a second")


if __name__ == "__main__":
    main()
