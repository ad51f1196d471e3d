"""Which hosts and origins this app answers to."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from functools import cached_property

_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_HTTP_PORT = 80
_LAST_PORT = 65535
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
WILDCARDS = frozenset({"0.0.0.0", "::", "*"})  # noqa: S104 - recognised, not chosen


@dataclass(frozen=True)
class Served:
    """Where the app was told to serve: the configured host and the real port."""

    host: str
    port: int
    #: Further names (``MAESTRO_ALLOWED_HOSTS``), with or without a port, and whole origins (``MAESTRO_ALLOWED_ORIGINS``).
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def host_is_known(self, authority: str, local_address: str | None) -> bool:
        """Whether a ``Host`` header names this app.

        Names of this machine's own loopback count on any port (``ssh -L``), those that the user named as they are
        named, the configured host on its port; when it listens on every address, also the address the connection
        came in on and the machine's name. Any other name may be an attacker's that was pointed here (DNS rebinding).
        """
        match = _AUTHORITY.fullmatch(authority.lower())
        if match is None or int(match["port"] or _HTTP_PORT) > _LAST_PORT:
            return False
        name = match["host"]
        if name in _LOOPBACK or self.is_named(authority):
            return True
        if int(match["port"] or _HTTP_PORT) != self.port:
            return False
        if name in self._names:
            return True
        return self.host in WILDCARDS and local_address is not None and _same_address(name, local_address)

    def is_named(self, authority: str) -> bool:
        """Whether the user named this host, with this port or with none."""
        whole = authority.lower()
        return whole in self.hosts or (_AUTHORITY.fullmatch(whole) or {"host": None})["host"] in self.hosts

    def origin_is_known(self, origin: str, authority: str) -> bool:
        """Whether an ``Origin`` header is this app's own: that of the ``authority`` asked, or one that the user named.

        The port counts as well: what else runs on this machine is a stranger.
        """
        origin = origin.lower()
        if origin in self.origins:
            return True
        scheme, separator, asking = origin.partition("://")
        if not separator or _plain(scheme, asking) != _plain(scheme, authority.lower()):
            return False
        return scheme == "http" or (scheme == "https" and self.is_named(authority))

    @property
    def url(self) -> str:
        """An address a browser on this machine can open."""
        host = "127.0.0.1" if self.host in WILDCARDS else self.host
        return f"http://{_bracketed(host)}:{self.port}"

    @cached_property
    def _names(self) -> frozenset[str]:
        names = set(_LOOPBACK)
        if self.host in WILDCARDS:
            names.add(socket.gethostname().lower())
        else:
            names.add(_bracketed(self.host).lower())
        return frozenset(names)


def _plain(scheme: str, authority: str) -> str:
    return authority.removesuffix(":443" if scheme == "https" else ":80")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _same_address(one: str, other: str) -> bool:
    try:
        first, second = (ipaddress.ip_address(x.strip("[]").partition("%")[0]) for x in (one, other))
    except ValueError:
        return False
    return first == getattr(second, "ipv4_mapped", None) or first == second
