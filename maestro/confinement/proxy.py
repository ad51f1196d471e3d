"""The only way out of the confinement: a proxy that lets named hosts through, by name and port, and remembers the others.

It speaks HTTP ``CONNECT`` and plain HTTP on a unix socket of its own (on macOS on loopback as well), one thread a
connection. A name is compared as it is asked for, its addresses are looked up here, once, and the connection goes to
an address that was looked at: a name that leads to this machine or its network is refused, however it got there.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import os
import re
import shutil
import socket
import socketserver
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

#: Why a host is refused that is allowed by its name.
LEADS_INSIDE = "leads into this machine or its network"
_HEAD_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_CONNECT_S = 20.0
_IDLE_S = 300.0
_LOOKED_UP_S = 30.0
_LOOK_UPS = 4
_MOST_REFUSED = 200
_MOST_CONNECTIONS = 128
_PORTS = (443, 80)
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_HOP = re.compile(rb"(?im)^(proxy-[\w-]*|connection|keep-alive|te|upgrade)[ \t]*:.*\r?\n")


@dataclass(frozen=True, slots=True, order=True)
class Host:
    """A destination that is allowed. ``private``: the user named it, so it may lie in the user's own network."""

    name: str
    port: int
    private: bool = False

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Upstream:
    """The proxy of a network that has no other way out."""

    host: str
    port: int
    authorization: str = ""  # the value of Proxy-Authorization


def upstream_of(environ: Mapping[str, str]) -> Upstream | None:
    """The proxy that the user's environment names; one that does not speak HTTP is none."""
    names = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY")
    for named in filter(None, map(environ.get, names)):
        parts = urlsplit(named if "://" in named else f"http://{named}")
        with contextlib.suppress(ValueError):
            if parts.scheme == "http" and parts.hostname:
                words = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
                basic = f"Basic {base64.b64encode(words.encode()).decode()}" if parts.username else ""
                return Upstream(parts.hostname, parts.port or 80, basic)
    return None


def hosts(words: Iterable[str], *, private: bool = False) -> frozenset[Host]:
    """``example.org`` (ports 443 and 80) or ``example.org:8443``, as the user writes them. Raises ValueError for others."""
    found: set[Host] = set()
    for word in words:
        name, port = _split(word.strip())
        found |= {Host(name, number, private) for number in ([port] if port else _PORTS)}
    return frozenset(found)


class Proxy:
    """The proxy while the ``with`` block lasts. ``refused`` holds what was asked for and not let through, as host:port.

    ``hear`` is called with each such host once, from another thread.
    """

    def __init__(
        self,
        allowed: Iterable[Host],
        hear: Callable[[str], None] = lambda _host: None,
        upstream: Upstream | None = None,
        closed_ports: Iterable[int] = (),
    ) -> None:
        self._allowed = {(host.name, host.port): host for host in allowed}
        self._hear = hear
        self._upstream = upstream
        self._closed = frozenset(closed_ports)  # of this machine: never reached, whatever name leads there
        self._lock = threading.Lock()
        self._looking_up: dict[Host, threading.Lock] = {}
        self._known: dict[Host, tuple[float, list[tuple[int, Any]]]] = {}  # when it was looked up, and what was found
        self._servers: list[socketserver.BaseServer] = []
        self._open: set[socket.socket] = set()
        self._slots = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self.refused: dict[str, str] = {}  # and why, as a clause
        self.folder = Path()

    @property
    def path(self) -> Path:
        """What goes into a profile."""
        return self.folder / "socket"

    def __enter__(self) -> Proxy:
        self.folder = Path(tempfile.mkdtemp(prefix="maestro-net-")).resolve()
        try:
            self._serve(_Unix(str(self.path), self._handler()))
            if sys.platform == "darwin":  # no namespace of its own there: the bridge is a port
                tcp = _Tcp(("127.0.0.1", 0), self._handler())
                (self.folder / "port").write_text(str(tcp.server_address[1]))
                self._serve(tcp)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        with self._lock:
            left = list(self._open)
        for one in left:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _serve(self, server: socketserver.BaseServer) -> None:
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), name="maestro-net", daemon=True).start()

    def _handler(self) -> type[socketserver.BaseRequestHandler]:
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    proxy._answer(self.request)

        return Handler

    def _answer(self, client: socket.socket) -> None:
        if not self._slots.acquire(blocking=False):
            return
        try:
            client.settimeout(_IDLE_S)
            with self._kept(client):
                self._relay(client)
        finally:
            self._slots.release()

    def _relay(self, client: socket.socket) -> None:
        head, rest = _head(client)
        method, target, version = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        tunnel = method == "CONNECT"
        name, port = _asked(target, tunnel=tunnel)
        host = self._allowed.get((name, port))
        if host is None:
            self._refuse(client, name, port, "is not allowed")
            return
        try:
            server = self._reach(host)
        except PermissionError as error:
            self._refuse(client, name, port, str(error))
            return
        except OSError as error:
            _say(client, 502, f"{host} cannot be reached: {error}")
            return
        with server, self._kept(server):
            if not tunnel:
                server.sendall(_plain_request(method, target, version, head, self._upstream))
                _send_body(client, server, head, rest)
                _carry(server, client)
                return
            if self._upstream is not None and not _through(server, host, self._upstream):
                _say(client, 502, f"{host} cannot be reached: the network's proxy refused it")
                return
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            if rest:
                server.sendall(rest)
            _pump(client, server)

    def _reach(self, host: Host) -> socket.socket:
        """Raises PermissionError for an address that must not be reached, OSError when there is no connection."""
        if self._upstream is not None:
            return socket.create_connection((self._upstream.host, self._upstream.port), _CONNECT_S)
        error: OSError = OSError("it has no address")
        for family, address in self._addresses(host):
            if not self._may_reach(str(address[0]), host):
                error = PermissionError(LEADS_INSIDE)
                continue
            try:
                server = socket.socket(family, socket.SOCK_STREAM)
                server.settimeout(_CONNECT_S)
                server.connect(address)  # this very address: a second look-up could say another
            except OSError as failed:
                error = failed
                server.close()
                continue
            server.settimeout(_IDLE_S)
            return server
        raise error

    def _addresses(self, host: Host) -> list[tuple[int, Any]]:
        """Where a name leads. Package managers open dozens of connections at once: it is asked for once in a while."""
        with self._lock:
            one_at_a_time = self._looking_up.setdefault(host, threading.Lock())
        with one_at_a_time:
            known = self._known.get(host)
            if known is None or time.monotonic() - known[0] > _LOOKED_UP_S:
                known = time.monotonic(), _look_up(host)
                self._known[host] = known
            return known[1]

    def _may_reach(self, address: str, host: Host) -> bool:
        found = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(found, ipaddress.IPv6Address):
            found = found.ipv4_mapped or found.sixtofour or found
        if found.is_link_local or found.is_multicast or found.is_unspecified:
            return False  # cloud metadata (169.254.169.254) has keys
        if host.private:
            return host.port not in self._closed
        return found.is_global

    def _refuse(self, client: socket.socket, name: str, port: int, why: str) -> None:
        words = f"{name}:{port}"
        with self._lock:
            fresh = words not in self.refused and len(self.refused) < _MOST_REFUSED
            if fresh:
                self.refused[words] = why
        if fresh:
            self._hear(words)
        _say(client, 403, f"Maestro's confinement refused {words}: it {why}.")

    @contextlib.contextmanager
    def _kept(self, one: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(one)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(one)


def _look_up(host: Host) -> list[tuple[int, Any]]:
    """Family and address. A name server that is busy is asked again; raises OSError when it knows none."""
    for attempt in range(_LOOK_UPS):
        try:
            found = socket.getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno != socket.EAI_AGAIN or attempt == _LOOK_UPS - 1:
                raise
            time.sleep(attempt + 1)
        else:
            return [(family, address) for family, _kind, _number, _name, address in found]
    return []


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def server_bind(self) -> None:
        before = os.umask(0o077)
        try:
            super().server_bind()
        finally:
            os.umask(before)


class _Tcp(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = client.recv(_CHUNK)
        if not chunk or len(data) > _HEAD_BYTES:
            raise ValueError("no request")
        data += chunk
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n", rest


def _asked(target: str, *, tunnel: bool) -> tuple[str, int]:
    if tunnel:
        name, port = _split(target)
        return name, port or 443
    parts = urlsplit(target)
    if parts.scheme != "http" or parts.hostname is None or parts.username is not None:
        raise ValueError("not for a proxy")
    return _split(parts.hostname)[0], parts.port or 80


def _split(word: str) -> tuple[str, int | None]:
    """A host and its port, in the one spelling that is compared. Raises ValueError for what is none."""
    name, port = word, ""
    if word.startswith("["):
        name, _, port = word[1:].partition("]")
        port = port.removeprefix(":")
    elif word.count(":") == 1:
        name, port = word.split(":")
    name = name.rstrip(".")
    if not name.isascii():
        name = name.encode("idna").decode()
    name = name.lower()
    if (not _NAME.fullmatch(name) and not _is_address(name)) or len(name) > 253:
        raise ValueError(f"{word[:100]} is not a host: use a form like example.org or example.org:8443")
    if port and not (port.isdecimal() and port.isascii() and 0 < int(port) < 65_536):
        raise ValueError(f"{word[:100]} has no valid port")
    return name, int(port) if port else None


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _through(server: socket.socket, host: Host, upstream: Upstream) -> bool:
    """Whether the network's own proxy lets the connection through; what it says otherwise ends here."""
    lines = [f"CONNECT {host} HTTP/1.1", f"Host: {host}"]
    if upstream.authorization:
        lines.append(f"Proxy-Authorization: {upstream.authorization}")
    server.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    said = b""
    while not said.endswith(b"\r\n\r\n") and len(said) < _HEAD_BYTES:
        byte = server.recv(1)  # not more: what follows belongs to the tunnel
        if not byte:
            return False
        said += byte
    return re.match(rb"HTTP/1\.[01] 2\d\d[ \r]", said) is not None


def _plain_request(method: str, target: str, version: str, head: bytes, upstream: Upstream | None) -> bytes:
    """One request and no more on this connection: the next one may name another host."""
    parts = urlsplit(target)
    path = target if upstream is not None else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = _HOP.sub(b"", head.split(b"\r\n", 1)[1])
    headers = re.sub(rb"(?im)^host[ \t]*:.*\r?\n", b"", headers)
    own = f"{method} {path} {version}\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
    if upstream is not None and upstream.authorization:
        own += f"Proxy-Authorization: {upstream.authorization}\r\n"
    return own.encode("latin-1") + headers + b"\r\n"


def _say(client: socket.socket, status: int, words: str) -> None:
    reason = {403: "Forbidden", 502: "Bad Gateway"}[status]
    body = words.encode("utf-8", "replace") + b"\n"
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    client.sendall(head.encode("ascii") + body)


def _send_body(client: socket.socket, server: socket.socket, head: bytes, rest: bytes) -> None:
    """As much as the request says and no more: what follows would be another request, which nobody has looked at."""
    told = re.search(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*\r?$", head)
    left = int(told[1]) if told else 0
    if re.search(rb"(?im)^transfer-encoding[ \t]*:", head):
        raise ValueError("a body of unknown length")
    while left > 0 and (chunk := rest or client.recv(_CHUNK)):
        server.sendall(chunk[:left])
        left, rest = left - len(chunk), b""


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _pump(client: socket.socket, server: socket.socket) -> None:
    """Both ways until both have ended."""
    back = threading.Thread(target=_carry, args=(server, client), name="maestro-net-back", daemon=True)
    back.start()
    _carry(client, server)
    back.join()
