"""What a command's output says of a network that was not there, where it did not ask the proxy."""

from __future__ import annotations

import re

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
    )
)
_UNNAMED = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Network is unreachable|ENETUNREACH|EAI_AGAIN|ENOTFOUND"
    r"|nodename nor servname provided|Could not resolve host|getaddrinfo failed|UnknownHostException"
)
_MOST = 10


def named(output: str) -> list[str]:
    """The hosts that a command says it did not reach, as ``host`` or ``host:port``; without this machine."""
    found: dict[str, None] = {}
    for pattern in _NAMED:
        for match in pattern.finditer(output):
            port = match.groupdict().get("port")
            found[f"{match['host'].lower()}{f':{port}' if port else ''}"] = None
            if len(found) >= _MOST:
                return list(found)
    return [host for host in found if not host.startswith("127.")]


def unnamed(output: str) -> bool:
    """Whether it says that there is no network, whatever it wanted there."""
    return _UNNAMED.search(output) is not None
