"""How long from starting the process to the first page, against a bare NiceGUI page on the same machine.

Both are started in turn (A B A B …), each on a free port, and asked until the first HTTP 200; Maestro with an empty data
folder every time, so that it makes its database too. One round of each goes before, unmeasured.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "benchmark-benchmark-benchmark-benchmark"
GOAL = 1.5
BARE = """
import sys
from nicegui import ui

@ui.page("/")
def index() -> None:
    ui.label("Hello")

ui.run(host="127.0.0.1", port=int(sys.argv[1]), show=False, reload=False)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/", headers={"Authorization": f"Bearer {TOKEN}"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def seconds_to_first_answer(command: list[str], port: int, folder: Path, timeout_s: float = 120) -> float:
    """Start the command and ask its port until it gives a page. Raises SystemExit with its output when it does not."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "MAESTRO_TOKEN": TOKEN,
        "MAESTRO_ASSISTANT": "demo",
    }
    with (folder / "output").open("w+b") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        try:
            while not answers(port):
                if process.poll() is not None or time.perf_counter() - began > timeout_s:
                    output.seek(0)
                    sys.exit(f"{command} gave no page\n{output.read().decode(errors='replace')}")
                time.sleep(0.005)
            return time.perf_counter() - began
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def measure_bare() -> float:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        (folder / "bare.py").write_text(BARE)
        return seconds_to_first_answer([sys.executable, "bare.py", str(port)], port, folder)


def measure_maestro() -> float:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        command = [sys.executable, str(ROOT / "app.py"), "--no-browser", "--port", str(port), "--data-dir", "data"]
        return seconds_to_first_answer(command, port, folder)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", "--rounds", type=int, default=10, help="measured rounds of each (default 10)")
    arguments.add_argument("--check", action="store_true", help=f"exit with 1 when the ratio is over {GOAL:g}")
    given = arguments.parse_args()

    measure_bare()
    measure_maestro()
    bare: list[float] = []
    maestro: list[float] = []
    for _ in range(given.rounds):
        bare.append(measure_bare())
        maestro.append(measure_maestro())

    ratio = statistics.median(maestro) / statistics.median(bare)
    for name, times in (("bare NiceGUI page", bare), ("Maestro", maestro)):
        print(
            f"{name:18} median {statistics.median(times):.2f} s   "
            f"least {min(times):.2f} s   most {max(times):.2f} s   ({len(times)} rounds)"
        )
    print(f"ratio of the medians {ratio:.2f} (goal: at most {GOAL:g})")
    if given.check and ratio > GOAL:
        sys.exit(1)


if __name__ == "__main__":
    main()
