"""Checks and set-up commands of a session in mode ``sandboxed``: what a worker wrote runs in them, and gets nowhere."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.base import AgentSpec
from maestro.agents.command import Command
from maestro.confinement import probing
from maestro.core.kernel.agent_config import in_force, parse_agent_config
from maestro.core.workspaces import agents_place, confining, sheltered
from maestro.errors import InvalidInput, Unavailable
from maestro.settings import Settings
from tests.landing import Bench, bench
from tests.repos import make_repo, run_git

_SHOP = {
    "shop.py": "def total(prices):\n    return sum(prices)\n",
    "tests/test_shop.py": "from shop import total\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
    "conftest.py": "",
}
_CHECK = "python -m pytest -q"

#: What a worker writes into ``tests/__init__.py``: each line that gets through leaves its name in ``through``.
_HOSTILE = """
import os, pathlib, socket, subprocess
home, app, port, repo = pathlib.Path({home!r}), {pid}, {port}, pathlib.Path({repo!r})
through = []

def attempt(name):
    def run(f):
        try:
            if f():
                through.append(name)
        except Exception:
            pass
    return run

@attempt("wrote home")
def _(): (home / "pwned").write_text("x")
@attempt("read ssh key")
def _(): return (home / ".ssh" / "id_ed25519").read_text()
@attempt("read cloud key")
def _(): return (home / ".aws" / "credentials").read_text()
@attempt("read environ of the app")
def _(): return pathlib.Path(f"/proc/{{app}}/environ").read_bytes()
@attempt("reached the port")
def _(): return socket.create_connection(("127.0.0.1", port), 2)
@attempt("wrote a hook")
def _(): return (repo / ".git/hooks/post-checkout").write_text("x")
@attempt("wrote the configuration")
def _(): return not subprocess.run(["git", "config", "core.fsmonitor", "x"]).returncode
@attempt("moved a branch")
def _(): return not subprocess.run(["git", "update-ref", "refs/heads/main", "HEAD~0", "--create-reflog"]).returncode
@attempt("committed")
def _(): return not subprocess.run(["git", "commit", "--allow-empty", "-qm", "x"]).returncode
@attempt("read the database")
def _(): return (pathlib.Path({data!r}) / "maestro.db").read_bytes()
@attempt("saw other worktrees")
def _(): return [p for p in pathlib.Path({data!r}, "worktrees").rglob("*") if p.name == "secret-of-another"]
@attempt("read the user's checkout")
def _(): return (repo / ".env").read_text()
@attempt("signalled the app")
def _(): os.kill(app, 0); return True
open({through!r}, "w").write("\\n".join(through))
"""


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with keys."""
    home = tmp_path / "home"
    for name in (".ssh/id_ed25519", ".aws/credentials"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text("KEY")
    monkeypatch.setenv("HOME", str(home))
    return home


def sandboxed(tmp_path: Path, repo: Path, *checks: str, **config: Any) -> Any:
    plan = {"checks": list(checks), "tasks": [{"id": "t1", "title": "One", "description": "Do it"}]}
    return bench(tmp_path, repo, plan, permission_mode="sandboxed", **config)


def test_what_a_worker_wrote_into_the_tests_gets_nowhere(tmp_path: Path, user: Path) -> None:
    repo = make_repo(tmp_path / "repo", {**_SHOP, ".gitignore": "__pycache__/\n.pytest_cache/\nthrough\n"})
    (repo / ".env").write_text("STRIPE")
    before = _of_repository(repo)
    with sandboxed(tmp_path, repo, _CHECK) as b, socket.create_server(("127.0.0.1", 0)) as listening:
        (b.rt.data_dir / "worktrees/x").mkdir(parents=True)
        (b.rt.data_dir / "worktrees/x/secret-of-another").write_text("x")
        b.measure_baseline()
        told = {
            "home": str(user), "pid": os.getpid(), "port": listening.getsockname()[1], "repo": str(repo),
            "data": str(b.rt.data_dir), "through": "through",
        }  # fmt: skip
        hostile = _HOSTILE.format(**told) + 'print("THROUGH", through)\nassert not through, through\n'
        task = b.work({"tests/__init__.py": hostile, "shop.py": _SHOP["shop.py"] + "\n\ndef more(): return 1\n"})
        (evidence,) = b.evidence("task")[:1]
        assert evidence.passed, evidence.output
        assert task.status != "failed"
    assert not (user / "pwned").exists()
    assert _of_repository(repo) == before


def _of_repository(repo: Path) -> tuple[bytes, str, list[str]]:
    """What nothing confined may change: configuration, the user's branches, hooks."""
    hooks = sorted(path.name for path in (repo / ".git/hooks").iterdir())
    own = [line for line in run_git(repo, "show-ref").splitlines() if "/maestro/" not in line]
    return (repo / ".git/config").read_bytes(), "\n".join(own), hooks


def test_the_attempts_do_get_through_without_confinement(tmp_path: Path, user: Path) -> None:
    """The test above would say nothing if its attempts were wrong."""
    repo = make_repo(tmp_path / "repo", {**_SHOP, ".gitignore": "__pycache__/\n"})
    with bench(tmp_path, repo, {"checks": [_CHECK], "tasks": [{"id": "t1", "title": "One", "description": "x"}]}) as b:
        worktree = b.begin()
        outcome = sheltered.run(
            b.rt, b.session, "cat ~/.ssh/id_ed25519; touch ~/pwned", worktree, _env(user), 60, lambda: False
        )
        assert "KEY" in outcome.output
    assert (user / "pwned").exists()


def _env(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"]}


def _run(b: Bench, user: Path, command: str, **more: Any) -> Any:
    return sheltered.run(b.rt, b.session, command, b.begin(), _env(user), 60, lambda: False, **more)


def test_a_check_tells_its_tests_and_has_a_folder_of_its_own(tmp_path: Path, user: Path) -> None:
    """Hooks of test runners, TMPDIR, ports and servers on loopback work inside."""
    repo = make_repo(
        tmp_path / "repo", {**_SHOP, "tests/test_server.py": _SERVER, ".gitignore": "__pycache__/\n.pytest_cache/\n"}
    )
    with sandboxed(tmp_path, repo, _CHECK) as b:
        b.measure_baseline()
        (row,) = b.evidence("baseline")
        assert row.passed, row.output
        assert (row.tests_summary or {})["passed"] == 2


_SERVER = """
import http.server, os, tempfile, threading, urllib.request

def test_server():
    port = int(os.environ["MAESTRO_PORT_BASE"])
    with http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        assert urllib.request.urlopen(f"http://localhost:{port}/shop.py").status == 200
        made.shutdown()
    with tempfile.NamedTemporaryFile(dir=os.environ["TMPDIR"]) as file:
        assert file.name.startswith(os.environ["TMPDIR"])
    open(os.path.expanduser("~/.cache-of-mine"), "w").write("x")
"""


def test_network_is_off_for_checks_and_the_evidence_says_which_host(tmp_path: Path, user: Path) -> None:
    repo = make_repo(tmp_path / "repo", _SHOP)
    with sandboxed(tmp_path, repo, _CHECK) as b:
        asked = _run(
            b, user, "python -m pip download --no-deps --retries 0 --index-url https://packages.example/simple x"
        )
        assert not asked.passed
        assert "Network is off for checks: packages.example:443 was refused." in asked.output
        assert "Checks may use the network" in asked.output
        plain = _run(b, user, "curl -sS -m 5 https://other.example/")
        assert "other.example was refused" in plain.output
        assert "packages.example:443 was refused" in b.logs()
        quiet = _run(b, user, "echo Could not resolve host: some.example")
        assert quiet.output == "Could not resolve host: some.example\n", "what passes is left alone"


def test_set_up_reaches_registries_and_what_it_fetches_is_there_for_checks(tmp_path: Path, user: Path) -> None:
    repo = make_repo(tmp_path / "repo", {**_SHOP, "pyproject.toml": "[project]\nname = 'shop'\n", "package.json": "{}"})
    with sandboxed(tmp_path, repo, _CHECK, network_hosts=["files.example:8443"]) as b:
        config = in_force(b.session.agent_config, b.rt.settings)
        reached = {str(host) for host in confining.reachable(config, b.begin())}
        assert {"pypi.org:443", "registry.npmjs.org:443", "files.example:8443"} <= reached
        assert "index.crates.io:443" not in reached
        refused = _run(b, user, "curl -sS -m 5 https://evil.example/", kind="setup")
        assert "Evil.example:443 was refused" in refused.output
        assert "network_hosts" in refused.output
        fetch = "mkdir -p ~/.npm/_npx && echo fetched | tee ~/.npm/_npx/x > ~/.cache/yarn/x; echo y > ~/own"
        assert _run(b, user, fetch, kind="setup").passed
        assert _run(b, user, "cat ~/.npm/_npx/x ~/.cache/yarn/x ~/own").output == "fetched\nfetched\ny\n"
        assert not _run(b, user, "echo poisoned > ~/.cache/yarn/x").passed
        assert not _run(b, user, "echo poisoned > ~/.npm-of-set-up/_npx/x").passed
        assert _run(b, user, "echo poisoned > ~/.npm/_npx/x").passed, "npm writes where it looks something up"
        assert _run(b, user, "cat ~/.npm/_npx/x", kind="setup").output == "fetched\n"
        assert not (user / ".npm").exists()


def test_configuration_is_seen_without_its_keys(tmp_path: Path, user: Path) -> None:
    (user / ".npmrc").write_text("registry=https://ada:geheim@npm.example/\n//npm.example/:_authToken=npm_SECRET\n")
    (user / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n[credential]\n\thelper = store\n[core]\n\tfsmonitor = x\n\teol = lf\n"
    )
    repo = make_repo(tmp_path / "repo", _SHOP)
    with sandboxed(tmp_path, repo, _CHECK) as b:
        seen = _run(b, user, "cat ~/.npmrc ~/.gitconfig; cat ~/.ssh/id_ed25519").output
    assert "registry=https://npm.example/" in seen
    assert "[user]\n\tname = Ada\n[core]\n\teol = lf\n" in seen
    assert "SECRET" not in seen
    assert "geheim" not in seen


def test_a_time_limit_ends_all_that_was_started(tmp_path: Path, user: Path) -> None:
    repo = make_repo(tmp_path / "repo", _SHOP)
    with sandboxed(tmp_path, repo, _CHECK) as b:
        worktree = b.begin()
        script = "(setsid env -i sh -c 'while sleep 0.02; do echo >> ticks; done' &) ; sleep 600"
        outcome = sheltered.run(b.rt, b.session, script, worktree, _env(user), 1, lambda: False)
        assert outcome.stopped == "time limit"
        before = (worktree / "ticks").stat().st_size
        _run(b, user, "sleep 0.2")
        assert (worktree / "ticks").stat().st_size == before


def test_a_command_agent_runs_confined(tmp_path: Path, user: Path) -> None:
    import asyncio

    repo = make_repo(tmp_path / "repo", _SHOP)
    with sandboxed(tmp_path, repo, _CHECK) as b:
        worktree = b.begin()
        config = in_force(b.session.agent_config, b.rt.settings)
        script = "touch made; touch ~/pwned; cat ~/.ssh/id_ed25519; curl -sS -m 5 https://evil.example/; exit 0"
        spec = AgentSpec(
            worker_id="w", session_id="s", task_id="t", task_key="t1", agent_type="command", worktree=str(worktree),
            prompt="Do it", permission_mode="sandboxed", command=["/bin/sh", "-c", script],
            confinement=agents_place.of_agent(b.rt, b.session, "t", worktree, config),
        )  # fmt: skip
        link = _Link()
        result = asyncio.run(Command().run(AgentSpec.from_json(spec.to_json()), link))  # type: ignore[arg-type]
    assert result.outcome == "success", link.said
    assert (worktree / "made").exists()
    assert not (user / "pwned").exists()
    assert "KEY" not in "".join(link.said)
    assert any("evil.example:443 was refused" in line for line in link.said)


class _Link:
    def __init__(self) -> None:
        self.said: list[str] = []

    def log(self, _kind: str, message: str, **_more: Any) -> None:
        self.said.append(message)

    async def stop_requested(self) -> str:
        import asyncio

        await asyncio.Event().wait()
        return ""


def test_auto_is_sandboxed_where_the_machine_can_and_stays_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auto = Settings(permission_mode="auto")
    assert in_force({}, auto).permission_mode == "sandboxed"
    assert in_force({"permission_mode": "edits"}, auto).permission_mode == "edits"
    assert in_force({"permission_mode": "auto"}, Settings(permission_mode="ask")).permission_mode == "sandboxed"
    repo = make_repo(tmp_path / "repo", _SHOP)
    plan = {"checks": ["true"], "tasks": [{"id": "t1", "title": "One", "description": "x"}]}
    with bench(tmp_path, repo, plan, permission_mode="auto") as b:
        assert b.session.agent_config["permission_mode"] == "sandboxed"
        without = probing.Support(False, "bubblewrap is missing.", "sudo apt install bubblewrap")
        monkeypatch.setattr(probing, "available", lambda: without)
        assert in_force({}, auto).permission_mode == "edits"
        assert in_force(b.session.agent_config, b.rt.settings).permission_mode == "sandboxed", (
            "it does not change midway"
        )
        with pytest.raises(Unavailable, match="sudo apt install bubblewrap"), _confined(b):
            pass


def _confined(b: Bench) -> Any:
    return confining.confined(b.rt, b.session, b.repo, {}, "check")


def test_network_hosts_are_hosts() -> None:
    with pytest.raises(InvalidInput, match=r"network_hosts"):
        parse_agent_config({"network_hosts": ["http://x/"]})
