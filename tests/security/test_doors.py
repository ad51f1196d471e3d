"""The doors: who may listen, which names and origins count, floods, addresses that no page has, what a page may load."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from nicegui import ui

from maestro.api import serving
from maestro.api.hosts import Served
from maestro.errors import InvalidInput
from maestro.settings import LoadedSettings
from pages.components.markdown import to_html
from tests.app_process import AppProcess, wait_for

assert ui


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    more = {
        "MAESTRO_ALLOWED_HOSTS": "box.tailnet.example, maestro.example:8443",
        "MAESTRO_ALLOWED_ORIGINS": "https://proxy.example",
    }
    with AppProcess(tmp_path_factory.mktemp("doors") / "data", MAESTRO_ASSISTANT="demo", **more) as process:
        yield process


def asked(app: AppProcess, **headers: str) -> int:
    with app.client(headers=headers) as client:
        return client.get("/api/sessions").status_code


# -- listening -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "*", "192.168.1.4", "box.tailnet.example"])
def test_other_machines_need_a_yes(host: str) -> None:
    with pytest.raises(InvalidInput, match="--allow-remote"):
        serving.allow(host, remote=False)
    assert "access token" in (serving.allow(host, remote=True) or "")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_needs_none(host: str) -> None:
    assert serving.allow(host, remote=False) is None


# -- names and origins ---------------------------------------------------------------------------------------------------


def test_named_hosts_and_forwarded_ports_are_served(app: AppProcess) -> None:
    good = ["localhost:9000", "127.0.0.1:1", "[::1]:9000", "box.tailnet.example", "BOX.tailnet.example:99",
            "maestro.example:8443"]  # fmt: skip
    assert {h: asked(app, Host=h) for h in good} == dict.fromkeys(good, 200)
    bad = [
        "maestro.example",
        "maestro.example:80",
        "x.box.tailnet.example",
        "proxy.example",
        "evil.example",
        "localhost.evil:9000",
    ]
    assert {h: asked(app, Host=h) for h in bad} == dict.fromkeys(bad, 421)


def test_a_forwarded_port_still_asks_for_the_token(app: AppProcess) -> None:
    with app.stranger() as client:
        assert client.get("/api/sessions", headers={"Host": "localhost:9000"}).status_code == 401


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost:9000", "http://localhost:9000", 200),
        ("localhost:9000", "http://localhost:3000", 403),
        ("localhost:9000", "https://localhost:9000", 403),
        ("box.tailnet.example", "https://box.tailnet.example", 200),
        ("box.tailnet.example", "http://box.tailnet.example", 200),
        ("box.tailnet.example", "https://evil.example", 403),
        ("maestro.example:8443", "https://maestro.example:8443", 200),
        ("maestro.example:8443", "https://maestro.example", 403),
        ("127.0.0.1:8080", "https://proxy.example", 200),
        ("127.0.0.1:8080", "http://proxy.example", 403),
        ("127.0.0.1:8080", "https://proxy.example.evil.example", 403),
        ("127.0.0.1:8080", "null", 403),
    ],
)
def test_a_page_counts_when_it_is_the_one_asked_or_named(app: AppProcess, host: str, origin: str, status: int) -> None:
    assert asked(app, Host=host, Origin=origin) == status


@pytest.mark.parametrize("value", ["evil.example/path", "http://evil.example", "a b", "host:port", "*", "user@host"])
def test_what_is_no_host_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(InvalidInput, match="ALLOWED_HOSTS"):
        LoadedSettings(environment={"MAESTRO_ALLOWED_HOSTS": value}, dotenv=None)


@pytest.mark.parametrize("value", ["evil.example", "https://evil.example/path", "*", "null", "file://x"])
def test_what_is_no_origin_is_refused_at_the_start(value: str) -> None:
    with pytest.raises(InvalidInput, match="ALLOWED_ORIGINS"):
        LoadedSettings(environment={"MAESTRO_ALLOWED_ORIGINS": value}, dotenv=None)


def test_default_ports_are_the_same_with_and_without_their_number() -> None:
    served = Served("127.0.0.1", 8080, hosts=("maestro.example",))
    assert served.origin_is_known("https://maestro.example", "maestro.example:443")
    assert not served.origin_is_known("https://maestro.example:80", "maestro.example")


# -- floods --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("descriptors", "requests"), [(256, 400), (1024, 1200)])
def test_half_requests_do_not_shut_the_owner_out(tmp_path: Path, descriptors: int, requests: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard < 2 * requests else max(soft, 2 * requests), hard))
    with AppProcess(tmp_path / "data", MAESTRO_ASSISTANT="demo") as app:
        process = psutil.Process(app.pid)
        process.rlimit(psutil.RLIMIT_NOFILE, (descriptors, descriptors))
        port = int(app.origin.rsplit(":", 1)[1])
        flood = []
        try:
            for _ in range(requests):
                one = socket.create_connection(("127.0.0.1", port), timeout=10)
                one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
                flood.append(one)
            with app.client() as owner:
                assert [owner.get("/api/sessions").status_code for _ in range(5)] == [200] * 5
            wait_for(lambda: process.num_fds() < descriptors * 0.8, 120, "the oldest connections to end")
        finally:
            for one in flood:
                one.close()


# -- addresses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["/api/", "/api/sessions/", "/", "/session/"])
@pytest.mark.parametrize(
    "part", ["%0A", "x%0Ay", "%0d%0a", "%00", "%1b[31m", "%7f", "%c2%85", "%ff%fe", "a" * 3000, "%e2%80%a8"]
)
def test_an_address_that_cannot_be_is_a_problem_document(app: AppProcess, place: str, part: str) -> None:
    with app.client() as client:
        answer = client.get(place + part)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


# -- what a page may load ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/sessions", "/api/nowhere", "/api/health"])
def test_answers_of_the_api_may_load_nothing(app: AppProcess, path: str) -> None:
    with app.client() as client:
        headers = client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_only_the_pages_of_nicegui_may_evaluate(app: AppProcess) -> None:
    with app.client() as client, app.stranger() as stranger:
        policies = {
            path: one.get(path, headers={"Accept": "text/html"}).headers["content-security-policy"]
            for one, path in [(client, "/"), (client, "/api/docs"), (stranger, "/signin"), (stranger, "/session")]
        }
    assert [path for path, policy in policies.items() if "unsafe-eval" in policy] == ["/"]
    assert all("frame-ancestors 'none'" in policy for policy in policies.values())
    assert all(p.startswith("default-src 'none'") for path, p in policies.items() if path != "/")


@pytest.mark.parametrize(
    "words",
    [
        "<style>*{}</style>", "<svg onload=alert(1)>", "<form action=//evil.example><input name=token></form>",
        "<iframe src=//evil.example></iframe>", "![x](https://evil.example/p.png)", "[x](javascript:alert(1))",
        "[x](data:text/html,hi)", "[x](vbscript:x)", "[x](JaVaScRiPt:alert(1))", "[x](java\tscript:alert(1))",
        "<a href='javascript:x'>x</a>", "[x](&#106;avascript:alert(1))", '[x](https://a.example "onmouseover=x")',
        "<https://a.example/\"onclick=x>", "<img src=x onerror=alert(1)>", "```x\" onload=y\n<script>\n```",
        "| a |\n|:-:|\n| <b style=x>b</b> |", "<math><mi>x</mi></math>", "<object data=x>", "<base href=//evil.example>",
        "<meta http-equiv=refresh content=0>", "<!--<script>-->", "[x]: javascript:y\n[x]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("inline", [True, False])
def test_what_models_write_brings_no_element_of_its_own(words: str, inline: bool) -> None:
    made = to_html(words, inline=inline)
    tags = {part.split(maxsplit=1)[0].strip("/>").split(">")[0].lower() for part in made.split("<")[1:]}
    assert not tags & {"style", "svg", "form", "iframe", "img", "script", "object", "base", "meta", "math", "b"}
    inside = " ".join(part.partition(">")[0] for part in made.split("<")[1:]).lower()
    assert not any(
        bad in inside for bad in ("javascript:", "data:", "vbscript:", " style", " onload", " onerror", " onclick=")
    )


@pytest.mark.parametrize("words", ["a <em>b</em>", "<a href='/x'>b</a>", "<table><tr><td>b", "<!-- b -->"])
def test_html_in_text_is_shown_as_it_was_written(words: str) -> None:
    """Also elements that the sanitizer lets through, and comments: nothing that was written is out of sight."""
    assert words.replace("<", "&lt;").replace(">", "&gt;") in to_html(words)


def test_the_sanitizer_stands_behind_the_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.components import markdown

    monkeypatch.setattr(markdown._renderer(), "render", lambda words, _env: words)
    made = to_html("<style>x</style><p onclick=x>a</p><svg><a>b</a></svg><a href='javascript:x'>c</a><iframe></iframe>")
    assert made == "<p>a</p><a>c</a>"
