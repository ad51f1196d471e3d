"""What a confined check or set-up is kept from in the network is asked about, with a way out; no attempt is used up."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from maestro.agents import confined as agents_confined
from maestro.agents.base import AgentSpec
from maestro.confinement import refusals
from maestro.core.kernel.agent_config import in_force
from maestro.core.workspaces import agents_place, confining, repository_environment
from maestro.core.workspaces.confining import Confined
from tests.landing import Bench, bench
from tests.repos import make_repo

_CHECK = "curl -sSf -m 10 http://files.example:%d/ && test -s shop.py"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@contextmanager
def _packages(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that is reached as files.example, as in the user's own network."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    looked_up = socket.getaddrinfo

    def here(host: Any, *rest: Any, **more: Any) -> Any:
        return looked_up("127.0.0.1" if host == "files.example" else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def _session(tmp_path: Path, *checks: str, **config: Any) -> Iterator[Bench]:
    plan = {"checks": list(checks), "tasks": [{"id": "t1", "title": "One", "description": "Do it"}]}
    repo = make_repo(tmp_path / "repo", {"shop.py": "x = 1\n"})
    with bench(tmp_path, repo, plan, permission_mode="sandboxed", **config) as b:
        yield b


def test_a_check_that_wants_the_network_is_asked_about_allowed_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _packages(monkeypatch) as port, _session(tmp_path, _CHECK % port) as b:
        b.measure_baseline()
        (asked,) = b.asked("infrastructure")
        assert "files.example" in asked.title
        assert asked.detail["network_for"] == "checks"
        task = b.work({"shop.py": "x = 2\n"})
        assert (task.attempt, task.status) == (1, "checking"), "no attempt is used up while nobody has answered"
        b.answer("allow_network", "infrastructure")
        assert b.session.agent_config["check_network"]
        b.measure_baseline()
        task = b.land()
        while b.asked("infrastructure"):  # the port is named once the proxy is asked for it
            b.answer("allow_network", "infrastructure")
            task = b.land()
        assert b.evidence("task")[0].passed, b.evidence("task")[0].output
        assert (task.attempt, task.status) == (1, "completed")
        kept = repository_environment.environment(b.rt, str(b.repo)).remembered
        assert kept is not None
        assert (kept.check_network, kept.network_hosts) == (True, b.session.agent_config["network_hosts"])


def test_maestros_own_port_stays_closed_to_names_that_the_user_allowed(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of the user's on this machine may be named; whoever reaches Maestro's port could answer for the user."""
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    with _packages(monkeypatch) as port:
        named = [f"files.example:{port}", f"127.0.0.1:{port}", f"localhost:{port}"]
        with _session(tmp_path, "true", check_network=True, network_hosts=named) as b:
            worktree = b.begin()

            def of_a_check() -> set[str]:
                with confining.confined(b.rt, b.session, worktree, env, "check") as inside:
                    return {host for host in named if _reached(inside.wrap, host, env)}

            def of_an_agent() -> set[str]:
                config = in_force(b.session.agent_config, b.rt.settings)
                spec = AgentSpec(
                    worker_id="w", session_id="s", task_id="t", task_key="t1", agent_type="command",
                    worktree=str(worktree), prompt="Do it",
                    confinement=agents_place.of_agent(b.rt, b.session, "t", worktree, config),
                )  # fmt: skip
                with agents_confined.wrapping(AgentSpec.from_json(spec.to_json()), lambda _host: None) as wrap:
                    return {host for host in named if _reached(wrap, host, env)}

            assert of_a_check() == of_an_agent() == set(named), "what the defense is for"
            b.rt.url = f"http://127.0.0.1:{port}"
            assert of_a_check() == set()
            assert of_an_agent() == set()


def test_what_set_up_may_reach_no_check_reaches(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    with _packages(monkeypatch) as port, _session(tmp_path, "true", network_hosts=[f"files.example:{port}"]) as b:
        worktree = b.begin()
        kinds: tuple[tuple[confining.Kind, bool], ...] = (("setup", True), ("check", False))
        for kind, reached in kinds:
            with confining.confined(b.rt, b.session, worktree, env, kind) as inside:
                assert _reached(inside.wrap, f"files.example:{port}", env) is reached


def _reached(wrap: Callable[[Sequence[str]], list[str]], host: str, env: dict[str, str]) -> bool:
    """Through the proxy: inside, this machine's own addresses are the command's own."""
    argv = wrap(["/bin/sh", "-c", 'curl -sS --noproxy "" -x "$PIP_PROXY" -m 10 "$0"', f"http://{host}/"])
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.stdout == "ok" or "refused" in done.stdout, done
    return done.stdout == "ok"


def test_a_no_counts_it_as_the_agents_and_is_not_asked_again(tmp_path: Path) -> None:
    with _session(tmp_path, "grep -q 1 shop.py || curl -sSf -m 5 http://files.example/") as b:
        b.measure_baseline()
        assert not b.asked(), "it passes before the work"
        b.work({"shop.py": "x = 2\n"})
        b.answer("deny", "infrastructure")
        task = b.land()
        assert (task.attempt, task.status) == (2, "running")
        assert not b.asked("infrastructure")
        assert "check_network" not in b.session.agent_config


def test_what_a_check_does_well_without_is_not_asked_about(tmp_path: Path) -> None:
    """Telemetry is refused each time, and says nothing of why the work fails."""
    check = (
        "https_proxy=$NPM_CONFIG_PROXY curl -s https://telemetry.example/; echo telemetry.example; grep -q 1 shop.py"
    )
    with _session(tmp_path, check) as b:
        b.measure_baseline()
        b.work({"shop.py": "x = 2\n"})
        assert not b.asked("infrastructure")
        assert "telemetry.example:443 was refused" in b.logs()


def test_a_set_up_that_is_refused_a_host_offers_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _packages(monkeypatch) as port, _session(tmp_path, "test -s got") as b:
        with b.rt.db.write() as tx:
            row = b.session
            row.agent_config = row.agent_config | {"setup": [f"curl -sSf -m 10 -o got http://files.example:{port}/"]}
            tx.db.add(row)
        b.measure_baseline()
        (asked,) = b.asked("infrastructure")
        assert asked.detail["network_for"] == "set-up"
        assert asked.detail["network_hosts"] == [f"files.example:{port}"]
        b.answer("allow_network", "infrastructure")
        assert "check_network" not in {k for k, v in b.session.agent_config.items() if v}, "checks stay offline"
        b.measure_baseline()
        assert not b.asked()
        assert b.evidence("baseline")[0].passed, b.evidence("baseline")[0].output


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("curl: (6) Could not resolve host: api.example.com", "api.example.com"),
        ("fatal: unable to access 'https://git.example.com/x.git/': Could not resolve host: git.example.com", "git.example.com"),
        ("Error: getaddrinfo EAI_AGAIN db.example.com", "db.example.com"),
        ("urllib3.exceptions.MaxRetryError: HTTPSConnectionPool(host='pypi.example', port=443): Max retries", "pypi.example:443"),
        ("dial tcp: lookup proxy.example.org on 127.0.0.53:53: server misbehaving", "proxy.example.org"),
        ("java.net.UnknownHostException: repo.example.org", "repo.example.org"),
        ("SocketException: Failed host lookup: 'pub.example.dev' (OS Error: Temporary failure)", "pub.example.dev"),
        ("aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host x.example:8080 ssl:default", "x.example:8080"),
        ('psycopg2.OperationalError: could not translate host name "db.example.org" to address', "db.example.org"),
        ("Failed to open TCP connection to gems.example:443 (getaddrinfo: Name or service not known)", "gems.example:443"),
        ("Error: connect ENETUNREACH 10.1.2.3:5432", "10.1.2.3:5432"),
        ("No such host is known. (nuget.example.org:443)", "nuget.example.org:443"),
        ("npm error network request failed, reason: getaddrinfo ENOTFOUND registry.npmjs.org", "registry.npmjs.org"),
    ],
)  # fmt: skip
def test_tools_name_the_host_in_many_ways(said: str, host: str) -> None:
    missed = Confined(active=True).missed(said, passed=False)
    assert missed is not None
    assert host in missed.hosts
    assert missed.told


@pytest.mark.parametrize(
    "said",
    ["AssertionError: 1 != 2", "E   ConnectionRefusedError: [Errno 111] 127.0.0.1:5432", "lookup table on line 3"],
)
def test_other_failures_are_not_about_the_network(said: str) -> None:
    assert Confined(active=True).missed(said, passed=False) is None
    assert not refusals.unnamed(said)
