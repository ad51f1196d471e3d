"""Listening and serving: a socket bound before anything heavy is loaded, and uvicorn on it."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from maestro.api import connections
from maestro.api.hosts import WILDCARDS
from maestro.errors import InvalidInput, Unavailable

#: Larger WebSocket messages end the connection; the handlers refuse smaller ones politely.
_WS_MAX_BYTES = 4 * 1024 * 1024
#: So many are taken in at once: more would fill the descriptors before the first of them is looked at.
_BACKLOG = 64
#: How long open connections may take to end at the stop.
_GRACE_S = 3


def listen(host: str, port: int) -> socket.socket:
    """Bind and listen, so that the port is known and ours. Raises Unavailable with a sentence on what to do."""
    try:
        if host == "*" or (host == "::" and socket.has_dualstack_ipv6()):
            dual = socket.has_dualstack_ipv6()
            family = socket.AF_INET6 if dual else socket.AF_INET
            return socket.create_server(("", port), family=family, dualstack_ipv6=dual)
        choices = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = min(choices, key=lambda c: c[0] != socket.AF_INET)  # localhost: IPv4 first
        return socket.create_server(address[:2], family=family)
    except UnicodeError as error:  # a name that no name service could take
        raise Unavailable(f"Maestro cannot listen on {host}: that is not an address. See --host.") from error
    except OSError as error:
        raise Unavailable(_why(host, port, error)) from error


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program. Choose another one with --port or MAESTRO_PORT (0: any free one)."
    if error.errno == errno.EACCES:
        return f"Port {port} needs more permissions than you have. Choose one above 1023 with --port or MAESTRO_PORT."
    return f"Maestro cannot listen on {host} port {port}: {error.strerror or error}. See --host and --port."


class _Server(uvicorn.Server):
    """Says when it serves."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def serve(site: ASGIApp, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM. ``on_ready`` is called once requests are answered."""
    options: dict[str, Any] = {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "ws": "wsproto",  # what NiceGUI is made for
        "ws_max_size": _WS_MAX_BYTES,
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": _GRACE_S,
        "lifespan": "on",
        "http": connections.Patient,
        "backlog": _BACKLOG,
    }
    # uvicorn raises the signal that stopped it once more when it is done; by then it has been obeyed
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    _Server(uvicorn.Config(site, **options), on_ready).run(sockets=[listener])
    signal.signal(signal.SIGINT, signal.default_int_handler)


def allow(host: str, *, remote: bool) -> str | None:
    """What listening on ``host`` means, in words; None on this machine. Raises InvalidInput where nobody said yes to it."""
    if is_loopback(host):
        return None
    means = (
        f"Listening on {host}: other machines on this network can reach Maestro. Anyone with the access token can run "
        "commands as you, and without TLS (a proxy, a tunnel) the token can be intercepted."
    )
    if remote:
        return means
    raise InvalidInput(
        f"{means} Use --allow-remote (or MAESTRO_ALLOW_REMOTE=1) if you want that, or leave --host away.",
        {"host": "needs --allow-remote"},
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect."""
    return host not in WILDCARDS and (host == "localhost" or host == "::1" or host.startswith("127."))
