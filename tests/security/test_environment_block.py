"""Keys given in the environment are in no block that another program of the user can read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from maestro.worker import proctable
from tests.scripted import DUMMY_KEY, WorkerRun

SHOWS = """
import os, subprocess
from maestro import privacy
privacy.close_to_others()
privacy.empty_environment_block()
print(os.environ["ANTHROPIC_API_KEY"], subprocess.check_output(["sh", "-c", "echo $MAESTRO_TOKEN"]).decode().strip())
input()
"""


def test_the_block_is_empty_and_the_values_stay_at_hand() -> None:
    environment = {**os.environ, "ANTHROPIC_API_KEY": DUMMY_KEY, "MAESTRO_TOKEN": "tok-1234567890"}
    arguments = [sys.executable, "-c", SHOWS]
    with subprocess.Popen(
        arguments, env=environment, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().split() == [DUMMY_KEY.encode(), b"tok-1234567890"]
        if os.geteuid() == 0 or sys.platform != "linux":  # others are not let in at all
            block = Path(f"/proc/{process.pid}/environ").read_bytes()
            assert b"PATH=/" in block
            assert DUMMY_KEY.encode() not in block
            assert b"tok-1234567890" not in block
        process.communicate(b"\n")


def test_a_worker_shows_no_key_and_is_known_all_the_same(tmp_path: Path) -> None:
    waits = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
    run = WorkerRun(tmp_path, "http://127.0.0.1:9", agent_type="command", command=waits)
    try:
        run.until(lambda: "up" in run.logs("text"))
        assert proctable.mark(run.known.pid) == run.spec.worker_id
        if os.geteuid() == 0:
            assert DUMMY_KEY.encode() not in Path(f"/proc/{run.known.pid}/environ").read_bytes()
    finally:
        run.end()
