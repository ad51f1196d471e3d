"""Keys given in the environment are in no block that another program of the user can read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from maestro import privacy
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


#: As one user: a process that closes itself, and another that looks. Only what ships with Python, from a copy all can read.
_CLOSED = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("privacy", sys.argv[1])
privacy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(privacy)
if sys.argv[2] == "closed":
    privacy.close_to_others()
print("up", flush=True)
input()
"""
_READS = """
import sys
for name in ("environ", "mem", "maps"):
    try:
        with open(f"/proc/{sys.argv[1]}/{name}", "rb") as found:
            print(name, found.read(0) == b"")
    except OSError:
        pass
"""


@pytest.mark.parametrize(("how", "seen"), [("closed", set()), ("open", {"environ", "mem", "maps"})])
def test_a_program_of_the_same_user_does_not_read_the_memory(how: str, seen: set[str]) -> None:
    """Of a user who is not root: where tests run as root, as nobody."""
    if sys.platform != "linux":
        return  # other systems have no /proc
    as_root = os.geteuid() == 0
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] if as_root else []
    python = "/usr/bin/python3" if as_root else sys.executable
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = Path(folder) / "privacy.py"
        shutil.copy(privacy.__file__, copy)
        copy.chmod(0o644)
        arguments = [*user, python, "-I", "-c", _CLOSED, str(copy), how]
        with subprocess.Popen(arguments, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            reading = [*user, python, "-I", "-c", _READS, str(process.pid)]
            said = subprocess.run(reading, cwd="/", capture_output=True, text=True, check=True).stdout
            process.communicate(b"\n")
    assert {line.split()[0] for line in said.splitlines()} == seen


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
