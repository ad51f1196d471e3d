"""Nobody else gets in: host, origin and token at every door of a running Maestro."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from maestro.api.access import Access
from maestro.api.hosts import Served
from tests.app_process import AppProcess

PAGE = {"Accept": "text/html,application/xhtml+xml"}
SOCKETS = ["/api/ws", "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"]
#: Pages, REST, its description, files of NiceGUI's and of ours, and socket.io's long polling.
DOORS = [
    "/",
    "/session",
    "/api/sessions",
    "/api/openapi.json",
    "/api/docs",
    "/api/nowhere",
    "/nowhere",
    "/_nicegui/3.18.0/static/nicegui.js",
    "/static/maestro/tokens.css",
    "/_nicegui_ws/socket.io/?EIO=4&transport=polling",
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    with AppProcess(tmp_path_factory.mktemp("doors") / "data", MAESTRO_ASSISTANT="demo") as process:
        yield process


@pytest.fixture
def signed_in(app: AppProcess) -> Iterator[httpx.Client]:
    with app.client() as client:
        yield client


@pytest.fixture
def stranger(app: AppProcess) -> Iterator[httpx.Client]:
    with app.stranger() as client:
        yield client


def port_of(app: AppProcess) -> int:
    return int(app.origin.rsplit(":", 1)[1])


def handshake(app: AppProcess, path: str, **headers: str) -> int:
    """The status that a WebSocket handshake is answered with; 101 when it succeeds."""
    host = headers.pop("Host", None)
    url = f"ws{app.origin.removeprefix('http')}{path}"
    options: dict[str, Any] = {"proxy": None, "additional_headers": headers}
    if host:  # the URL decides the Host header, so connect the socket ourselves
        options["sock"] = socket.create_connection(("127.0.0.1", port_of(app)))
        url = f"ws://{host}{path}"
    try:
        with connect(url, **options):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


# -- host ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", [*DOORS, "/api/health", "/signin"])
def test_an_unknown_host_is_refused_everywhere_even_with_the_token(signed_in: httpx.Client, door: str) -> None:
    answer = signed_in.get(door, headers={"Host": "rebound.example:80"})

    assert answer.status_code == 421
    assert answer.json()["title"] == "Unknown host"
    assert "rebound.example" not in answer.text + str(answer.headers)


def test_the_names_of_this_machine_are_served_and_no_others(app: AppProcess, signed_in: httpx.Client) -> None:
    port = port_of(app)

    def status(host: str) -> int:
        return signed_in.get("/api/sessions", headers={"Host": host}).status_code

    served = [
        f"127.0.0.1:{port}",
        f"localhost:{port}",
        f"LOCALHOST:{port}",
        f"[::1]:{port}",
        "localhost:9000",
        "127.0.0.1",
    ]
    assert {h: status(h) for h in served} == dict.fromkeys(served, 200)
    others = [
        "127.0.0.1:99999", f"localhost.:{port}", f"localhost:{port}.evil.example",
        f"evil.example:{port}", f"0.0.0.0:{port}", f"[::]:{port}", "", ":", f"user@localhost:{port}",
    ]  # fmt: skip
    assert {h: status(h) for h in others} == dict.fromkeys(others, 421)


def test_two_host_headers_are_none(app: AppProcess) -> None:
    port = port_of(app)
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(
            f"GET /api/sessions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n"
            f"Authorization: Bearer {app.token}\r\nConnection: close\r\n\r\n".encode()
        )
        status = int(raw.makefile("rb").readline().split()[1])
    assert status in {400, 421}


def test_listening_everywhere_serves_the_address_that_was_reached_and_no_other_name() -> None:
    served = Served("0.0.0.0", 8080)

    assert served.host_is_known("192.0.2.7:8080", "192.0.2.7")
    assert served.host_is_known(f"{socket.gethostname()}:8080", "192.0.2.7")
    assert not served.host_is_known("192.0.2.8:8080", "192.0.2.7")
    assert not served.host_is_known("evil.example:8080", "192.0.2.7")
    assert served.url == "http://127.0.0.1:8080"


# -- origin --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:3000", "http://127.0.0.1", ""],
)
def test_a_page_of_another_origin_is_refused_even_with_the_token(app: AppProcess, origin: str) -> None:
    foreign = {"Origin": origin.format(port=port_of(app))}
    with app.client(headers=foreign) as client:
        assert client.get("/api/sessions").status_code == 403
        assert client.post("/api/sessions/demo").status_code == 403
        assert client.post("/signin", data={"token": app.token}).status_code == 403
        assert client.get("/api/health").status_code == 403
    with app.client() as client:
        assert client.get("/api/sessions").json()["total"] == 0


def test_maestros_own_pages_may_ask(app: AppProcess, signed_in: httpx.Client) -> None:
    for host in ("127.0.0.1", "localhost"):
        own = f"{host}:{port_of(app)}"
        assert signed_in.get("/api/sessions", headers={"Host": own, "Origin": f"http://{own}"}).status_code == 200


def test_what_another_site_makes_the_browser_fetch_is_refused(app: AppProcess, signed_in: httpx.Client) -> None:
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
    framed = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

    assert signed_in.get("/api/sessions", headers=embedded).status_code == 403
    assert signed_in.get("/", headers=framed).status_code == 403
    page = signed_in.get("/session", headers=followed | PAGE)
    assert page.status_code == 403
    assert 'href="/session"' in page.text  # a user may go on, with a click on a page of ours


def test_a_link_with_the_token_works_from_anywhere_and_keeps_the_strict_cookie(
    app: AppProcess, stranger: httpx.Client
) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    page = stranger.get(f"/session?token={app.token}&q=a", headers=followed | PAGE)

    assert page.status_code == 200  # a redirect would go on without the cookie
    assert '<meta http-equiv="refresh" content="0;url=/session?q=a">' in page.text
    assert app.token not in page.text
    assert f"maestro_{port_of(app)}" in page.cookies


# -- token ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_without_the_token_every_door_is_shut(stranger: httpx.Client, app: AppProcess, door: str) -> None:
    wrong: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {app.token}"},
        {"Authorization": f"Bearer {app.token}x"},
        {"Cookie": f"maestro_{port_of(app)}=wrong"},
        {"Cookie": f"maestro_{port_of(app)}={app.token}"},
    ]
    for headers in wrong:
        answer = stranger.get(door, headers=headers)
        assert answer.status_code == 401, headers
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == "Bearer"


def test_health_is_open_and_tells_strangers_little(stranger: httpx.Client, signed_in: httpx.Client) -> None:
    open_to_all = {k for k, v in stranger.get("/api/health").json().items() if v is not None}
    assert open_to_all == {"status", "version", "instance_id"}
    assert signed_in.get("/api/health").json()["assistant"] == "demo"


def test_the_printed_address_signs_a_browser_in(app: AppProcess, stranger: httpx.Client) -> None:
    answer = stranger.get(app.url, headers=PAGE)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert app.token not in str(answer.headers)
    cookie = SimpleCookie(answer.headers["set-cookie"])[f"maestro_{port_of(app)}"]
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "strict"
    assert cookie["path"] == "/"
    assert stranger.get("/", headers=PAGE).status_code == 200  # httpx sends the cookie by itself now
    assert stranger.get("/api/sessions").status_code == 200
    stranger.cookies.clear()


def test_a_wrong_token_in_the_address_signs_nobody_in(stranger: httpx.Client) -> None:
    answer = stranger.get("/?token=wrong", headers=PAGE)

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert 'role="alert"' in answer.text


def test_a_ticket_for_the_browsers_command_line_works_once() -> None:
    access = Access("secret-token", 8080)
    ticket = access.ticket()

    assert [access.opens(t) for t in (ticket, ticket, "secret-token", "secret-token", "")] == [
        True, False, True, True, False,
    ]  # fmt: skip


def test_a_browser_without_the_cookie_gets_the_sign_in_page(stranger: httpx.Client) -> None:
    answer = stranger.get("/session/x/plan", headers=PAGE)

    assert answer.status_code == 401
    assert '<input type="hidden" name="next" value="/session/x/plan">' in answer.text
    assert not re.search(r"""(?:src|href|url\()=?["']?(?:https?:)?//""", answer.text)  # complete in itself
    page = stranger.get("/signin")
    assert page.status_code == 200
    # under “no-referrer” a browser posts the form with “Origin: null”, and the door stays shut
    assert page.headers["referrer-policy"] == answer.headers["referrer-policy"] == "same-origin"


def test_signing_in_by_hand(app: AppProcess, stranger: httpx.Client) -> None:
    wrong = stranger.post("/signin", data={"token": "wrong", "next": "/session"})
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)

    right = stranger.post("/signin", data={"token": f" {app.token}\n", "next": "/session"})
    assert (right.status_code, right.headers["location"]) == (303, "/session")
    assert stranger.get("/api/sessions").status_code == 200
    stranger.cookies.clear()


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/signin"])
def test_signing_in_leads_nowhere_else(app: AppProcess, stranger: httpx.Client, elsewhere: str) -> None:
    answer = stranger.post("/signin", data={"token": app.token, "next": elsewhere})
    assert answer.headers["location"] == "/"
    stranger.cookies.clear()


def test_the_token_is_in_no_log(app: AppProcess, stranger: httpx.Client) -> None:
    stranger.get(f"/api/nowhere?token={app.token}")
    stranger.get("/nowhere", headers={"Authorization": f"Bearer {app.token}"})
    stranger.cookies.clear()

    assert app.token not in (app.data_dir / "logs" / "maestro.log").read_text()
    assert app.output.count(app.token) == 1  # the ready line


# -- WebSockets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOCKETS)
def test_websockets_have_the_same_door(app: AppProcess, path: str) -> None:
    bearer = {"Authorization": f"Bearer {app.token}"}
    port = port_of(app)

    assert handshake(app, path) == 401
    assert handshake(app, path, Authorization="Bearer wrong") == 401
    assert handshake(app, path, **bearer, Origin="http://evil.example") == 403
    assert handshake(app, path, **bearer, Origin=f"http://127.0.0.1:{port + 1}") == 403
    assert handshake(app, path, **bearer, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert handshake(app, path, **bearer, Host=f"evil.example:{port}") == 421
    assert handshake(app, f"{path}{'&' if '?' in path else '?'}token={app.token}") == 401
    assert handshake(app, path, **bearer, Origin=app.origin) == 101
    cookie = f"maestro_{port}={Access(app.token, port).cookie_value}"
    assert handshake(app, path, Cookie=cookie, Origin=app.origin) == 101


# -- what goes out and what is let in ------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["/", "/api/sessions", "/static/maestro/tokens.css", "/api/nowhere"])
def test_every_answer_carries_the_security_headers(app: AppProcess, signed_in: httpx.Client, door: str) -> None:
    headers = signed_in.get(door).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))

    if door.startswith("/api"):
        assert policy["default-src"] == "'none'"
    else:
        own = f"127.0.0.1:{port_of(app)}"
        assert policy["img-src"] == "'self' data: blob:"
        assert policy["connect-src"] == f"'self' ws://{own} wss://{own}"
        assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_a_body_over_the_limit_is_refused_whether_announced_or_not(signed_in: httpx.Client) -> None:
    big = json.dumps({"repo_path": "/tmp", "description": "x" * 5_000_000}).encode()

    def in_pieces() -> Iterator[bytes]:
        for start in range(0, len(big), 100_000):
            yield big[start : start + 100_000]

    for content in (big, in_pieces()):
        answer = signed_in.post("/api/sessions", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
        assert answer.json()["title"] == "Too large"
    assert signed_in.get("/api/sessions").json()["total"] == 0


@pytest.mark.parametrize("path", ["/api/sessions/%00", "/api/sessions?q=a%00b", "/%00", "/?x=%00"])
def test_nul_bytes_in_the_address_are_refused(signed_in: httpx.Client, path: str) -> None:
    assert signed_in.get(path).status_code == 422
