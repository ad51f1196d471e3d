"""The list of an attacker who has a night: what a check tries in the mode ``sandboxed`` gets nowhere.

The same attempts get through where nothing confines them (else they would prove nothing), and each defence that is taken
out lets through what it is there for.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from maestro.confinement import linux
from maestro.core.workspaces import bytecode, sheltered
from tests.landing import Bench, bench, plan_of
from tests.repos import commit, make_repo, run_git
from tests.security import attacker

#: In home: keys, logins, what Maestro keeps there.
SECRETS = (
    ".ssh/id_ed25519", ".ssh/config", ".aws/credentials", ".aws/sso/cache/token.json", ".config/gcloud/credentials.db",
    ".azure/msal_token_cache.json", ".kube/config", ".docker/config.json", ".config/gh/hosts.yml", ".netrc",
    ".git-credentials", ".npmrc", ".pypirc", ".cargo/credentials.toml", ".gnupg/private-keys-v1.d/x.key", ".password-store/x.gpg",
    ".claude/.credentials.json", ".claude.json", ".config/maestro/config.toml", ".local/share/maestro/maestro.db",
    ".local/share/keyrings/login.keyring", ".bash_history", ".m2/settings.xml", ".gradle/gradle.properties",
    ".cache/huggingface/token", ".terraform.d/credentials.tfrc.json", ".vault-token", ".pgpass", "Documents/taxes.txt",
    "code/other/.env", ".config/op/config", ".bundle/config", ".composer/auth.json", ".gem/credentials",
    ".mozilla/cookies.sqlite",
)  # fmt: skip
#: In the data folder.
OF_MAESTRO = (
    "token", "maestro.db", "workers/w-other/spec.json", "workers/w-other/inbox.jsonl", "workers/w-other/events.jsonl",
    "worktrees/other/secret.py", "logs/app.log", "assistant/x.json",
)  # fmt: skip

#: These do not get through unconfined either: the keeper ends what a check leaves, no proxy is there.
ELSEWHERE = {
    "leave a daemon",
    "reach it through the proxy",
    "reach the machine's metadata",
    "read files through a parent's root",
}
ELSEWHERE |= {"open the kernel's trigger"}  # not there in every container
if not os.access("/proc/sys/kernel/core_pattern", os.W_OK):  # only root could, and not in every container
    ELSEWHERE |= {"write the kernel's settings"}


@dataclass
class Field:
    """What is to be attacked, and a check that does."""

    bench: Bench
    home: Path
    told: dict[str, str]

    def attack(self) -> list[str]:
        """Run it as a check of the session; what got through."""
        worktree = self.bench.begin() if not self._worktree else self._worktree
        self._worktree = worktree
        shutil.copy(attacker.__file__, worktree / "attacker.py")
        check = f"{shlex.quote(sys.executable)} attacker.py {shlex.quote(json.dumps(self.told))}"
        before = {name: _content(path) for name, path in self.written.items()}
        env = {"HOME": str(self.home), "PATH": os.environ["PATH"]}
        outcome = sheltered.run(self.bench.rt, self.bench.session, check, worktree, env, 120, lambda: False)
        assert outcome.passed, outcome.output
        told: list[str] = json.loads(outcome.output.split("THROUGH ")[1].splitlines()[0])
        through = [name for name in told if name not in before or before[name] != _content(self.written[name])]
        return through + (["leave a daemon"] if self._grows(worktree / self.told["ticks"]) else [])

    @property
    def written(self) -> dict[str, Path]:
        """What an attempt writes: inside there may be another file in its place, and only the real one counts."""
        data, repo = Path(self.told["data"]), Path(self.told["repo"])
        return {
            "write a profile": self.home / ".bashrc",
            "write beside a key": self.home / ".ssh/authorized_keys",
            "write into the data folder": data / "maestro.db",
            "answer a gate": data / "workers/w-other/inbox.jsonl",
            "write the checkout": repo / "shop.py",
            "leave a file in /tmp": Path(self.told["drop"]),
        }

    _worktree: Path | None = None

    def _grows(self, ticks: Path) -> bool:
        """A daemon's file is looked at twice with more than one of its beats between."""
        before = ticks.stat().st_size if ticks.exists() else 0
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            if (ticks.stat().st_size if ticks.exists() else 0) != before:
                return True
            threading.Event().wait(0.05)
        return False


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


@pytest.fixture
def field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Field]]:
    home = tmp_path / "home"
    for name in SECRETS:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("token = s3cr3t\n" if not name.endswith(".xml") else "<servers>s3cr3t</servers>")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-x")
    with _listening(tmp_path) as (port, abstract):
        benches: list[Bench] = []

        def make(mode: str) -> Field:
            repo = make_repo(tmp_path / "repo", {"shop.py": "x = 1\n", ".gitignore": "attacker.py\nticks\n"})
            other = run_git(repo, "rev-parse", "HEAD").strip()
            commit(repo, {"shop.py": "x = 2\n"})
            (repo / ".env").write_text("STRIPE")
            run_git(repo, "remote", "add", "origin", "https://ada:hunter2@git.example/shop.git")
            opened = bench(tmp_path, repo, plan_of({"id": "t1"}, checks=["true"]), permission_mode=mode)
            b = opened.__enter__()
            contexts.append(opened)
            benches.append(b)
            for name in OF_MAESTRO:
                path = b.rt.data_dir / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch() if name == "maestro.db" else path.write_text("MAESTRO")
            told = {
                "home": home, "data": b.rt.data_dir, "repo": repo, "pid": os.getpid(), "port": port, "abstract": abstract,
                "app": Path("/proc/self/cmdline").read_text(),
                "secrets": " ".join(SECRETS), "of_maestro": " ".join(OF_MAESTRO), "other": other, "ticks": "ticks",
                "commit": run_git(repo, "rev-parse", "HEAD").strip(), "drop": tmp_path / "dropped",
            }  # fmt: skip
            return Field(b, home, {name: str(value) for name, value in told.items()})

        contexts: list[object] = []
        yield make
        for opened in contexts:
            opened.__exit__(None, None, None)  # type: ignore[attr-defined]


@contextmanager
def _listening(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """As Maestro does on its port, and some service of the user's session on an abstract socket."""
    name = f"maestro-test-{tmp_path.name}-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0), backlog=64) as port, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0" + name)
        abstract.listen(64)
        yield port.getsockname()[1], name


def _state(f: Field) -> list[object]:
    repo, data = Path(f.told["repo"]), Path(f.told["data"])
    files = [repo / ".git/config", repo / ".git/packed-refs", repo / "shop.py", f.home / ".bashrc", data / "token"]
    return [run_git(repo, "show-ref"), *(path.read_bytes() if path.exists() else None for path in files)]


def test_nothing_gets_through(field: Callable[..., Field]) -> None:
    f = field("sandboxed")
    f._worktree = f.bench.begin()
    before = _state(f)
    assert f.attack() == []
    assert _state(f) == before
    assert not Path(f.told["drop"]).exists()


def test_unconfined_the_attempts_do_what_they_say(field: Callable[..., Field]) -> None:
    f = field("edits")
    missing = set(attacker.attempts(f.told)) - set(f.attack()) - ELSEWHERE
    assert missing == set()


def _shown(argv: list[str], place: str) -> list[str]:
    """A command that sees a place as it is, where it saw nothing or something else."""
    for n, word in enumerate(argv):
        if word == place and argv[n - 1] == "--tmpfs":
            argv[n - 3 : n + 1] = ["--bind", place, place, ""] if argv[n - 3] == "--perms" else argv[n - 3 : n + 1]
        elif word == place and argv[n - 2] == "--bind":
            argv[n - 1] = place
    return [word for word in argv if word]


@pytest.mark.parametrize(
    ("taken_out", "lets_through"),
    [
        ("home", {"read ~/.ssh/id_ed25519", "read ~/.aws/credentials", "read ~/Documents/taxes.txt"}),
        ("data", {"read data/token", "read data/maestro.db", "read data/workers/w-other/spec.json", "list another spool"}),
        ("checkout", {"read the user's checkout"}),
        ("git settings", {"read a credential in git's settings", "read it through git"}),
        ("read-only", {"write a hook", "write a reference", "move the user's branch", "write an object"}),
        ("the kernel's own", {"write the kernel's settings"} - ELSEWHERE),
        ("own network", {"reach Maestro's port", "reach it by name", "reach an abstract socket"}),
        ("own processes", {"see the app", "signal the app"}),
    ],
)  # fmt: skip
def test_each_defence_is_what_stops_its_attempts(
    taken_out: str, lets_through: set[str], field: Callable[..., Field], monkeypatch: pytest.MonkeyPatch
) -> None:
    f = field("sandboxed")
    whole = linux.command
    places = {"home": [f.home], "data": [Path(f.told["data"])], "checkout": [Path(f.told["repo"])]}
    removed = {"own network": "--unshare-net", "own processes": "--unshare-pid"}

    def weaker(*args: object, **more: object) -> list[str]:
        argv = whole(*args, **more)  # type: ignore[arg-type]
        if taken_out in removed:
            argv.remove(removed[taken_out])
        for place in places.get(taken_out, []):
            argv = _shown(argv, str(place))
        if taken_out == "git settings":
            config = str(Path(f.told["repo"]) / ".git/config")
            at = next(n for n, word in enumerate(argv) if word == config and argv[n - 2] == "--ro-bind")
            del argv[at - 2 : at + 1]
        if taken_out == "the kernel's own":
            for n in [n for n, word in enumerate(argv) if word.startswith("/proc/") and argv[n - 2] == "--ro-bind"]:
                argv[n - 2 : n + 1] = ["", "", ""]
            argv = [word for word in argv if word]
        if taken_out == "read-only":
            argv = ["--bind" if word == "--ro-bind" else word for word in argv]
        return argv

    monkeypatch.setattr(linux, "command", weaker)
    assert lets_through <= set(f.attack())


def test_links_that_a_command_leaves_lead_the_next_one_nowhere(field: Callable[..., Field]) -> None:
    """What commands write in one run is mounted, read and tidied up for the next: a link in its place must not be followed."""
    f = field("sandboxed")
    b = f.bench
    worktree = b.begin()
    kept = f.home / "Documents"
    env = {
        "HOME": str(f.home),
        "PATH": os.environ["PATH"],
        bytecode.VARIABLE: str(bytecode.ready(b.rt, b.id, worktree)),
    }

    def run(script: str, kind: Literal["check", "setup"] = "check") -> str:
        return sheltered.run(b.rt, b.session, script, worktree, env, 60, lambda: False, kind=kind).output

    above = worktree.parent.relative_to("/")
    in_place_of_home = f'cd "${bytecode.VARIABLE}" && {{ mv .home .old; ln -s {kept} .home; }}'
    run(f"{in_place_of_home} && mkdir -p {above} && ln -s {kept} {above}/{worktree.name}")
    links = f"rm -rf ~/.npm/*; ln -s {kept} ~/.npm/_npx; ln -s {kept} ~/.npm/_cacache; echo x > ~/.npm/x"
    run(links, "setup")
    bytecode.ready(b.rt, b.id, worktree)
    assert "s3cr3t" not in run(
        "cat ~/* ~/.npm/_npx/* ~/.npm/_cacache/* ~/.npm-of-set-up/*/* 2>&1; echo evil > ~/taxes.txt"
    )
    bytecode.forget(b.rt, b.id, worktree)
    assert [path.name for path in kept.iterdir()] == ["taxes.txt"]
    assert "s3cr3t" in (kept / "taxes.txt").read_text()
