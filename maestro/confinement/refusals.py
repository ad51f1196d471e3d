"""What a command's output says of a network that was not there, where it did not ask the proxy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_HOST = r"[A-Za-z0-9][\w.-]*\.[A-Za-z]{2,}|\d+\.\d+\.\d+\.\d+"
#: How tools name the host they did not reach.
_NAMED = tuple(
    re.compile(pattern.replace("HOST", f"(?P<host>{_HOST})").replace("PORT", r"(?P<port>\d{1,5})"))
    for pattern in (
        r"Could not resolve host(?:name)?:? '?HOST",
        r"(?:getaddrinfo|queryA|queryAaaa) E(?:NOTFOUND|AI_AGAIN) HOST(?::PORT)?",
        r"host='HOST', port=PORT",
        r"(?:lookup|dial tcp:? lookup) HOST(?: on|: )",
        r"Failed to resolve '?HOST",
        r"NameResolutionError.{0,40}HOST",
        r"UnknownHostException: HOST",
        r"unable to resolve host address .HOST",
        r"connect ENETUNREACH HOST:PORT",
        r"nodename nor servname provided.{0,60}HOST",
        r"Could not resolve: HOST",
        r"dns error.{0,80}HOST",
        r"Name or service not known[ :(]*HOST",
        r"unable to access 'https?://(?:[^@/]*@)?HOST(?::PORT)?/",
        r"Failed host lookup: '?HOST",
        r"No such host is known\.? \(HOST:PORT\)",
        r"Resource temporarily unavailable \(HOST:PORT\)",
        r"Failed to open TCP connection to HOST:PORT",
        r"cannot connect to HOST:PORT",
        r"host=\"HOST\",? port=PORT",
        r"[Cc]ould not translate host name .HOST",
        r"[Cc]annot connect to host HOST:PORT",
        r"https?://HOST(?::PORT)?[^\s]* .{0,60}(?:EAI_AGAIN|ENOTFOUND|ENETUNREACH|nxdomain|dns error)",
    )
)
_UNNAMED = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Network is unreachable|ENETUNREACH|EAI_AGAIN|ENOTFOUND"
    r"|nodename nor servname provided|Could not resolve host|getaddrinfo failed|UnknownHostException|NoRouteToHostException"
    r"|failed to lookup address information|[:( ]nxdomain|Failed host lookup|No such host is known|Network unreachable"
    r"|Maestro's confinement refused"
)
#: What programs say to whom the proxy said no, where they do not name the host.
_OF_A_PROXY = re.compile(
    r"\b403\b|Forbidden|[Tt]unnel|[Pp]roxy|fetch failed|[Cc]onnection (?:error|failed|was refused)|[Nn]etwork|"
    r"[Dd]ownload|Max retries|[Uu]nable to (?:connect|resolve|fetch)|[Cc]ould not (?:connect|resolve|fetch|download|get)"
)
_MOST = 10


@dataclass(frozen=True, slots=True)
class Missed:
    """What of the network a confined command failed without.

    ``told``: its output says so. ``way``: allowing it would help (else it is allowed, and the command went another way).
    """

    words: str
    hosts: tuple[str, ...]  # host:port or host, as far as they are known
    told: bool
    way: bool


def named(output: str) -> list[str]:
    """The hosts that a command says it did not reach, as ``host`` or ``host:port``; without this machine."""
    found: dict[str, None] = {}
    for pattern in _NAMED:
        for match in pattern.finditer(output):
            port = match.groupdict().get("port")
            found[f"{match['host'].lower()}{f':{port}' if port else ''}"] = None
    return [host for host in found if not host.startswith(("127.", "0."))][:_MOST]


def may_be_of(output: str, refused: Iterable[str]) -> bool:
    """Whether a command's output speaks of hosts that it was refused."""
    return any(host.split(":")[0] in output for host in refused) or _OF_A_PROXY.search(output) is not None


def unnamed(output: str) -> bool:
    """Whether it says that there is no network, whatever it wanted there."""
    return _UNNAMED.search(output) is not None
