"""Inside of the confinement: a port on the command's own loopback that leads to the proxy outside, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

#: On the command's own loopback: no port of the machine's.
PORT = 61_080

#: The listener belongs to nobody: a program that waits for all its children must not meet one it never started.
_SCRIPT = """
socket=$1; shift
( socat "TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=128" "UNIX-CONNECT:$socket" </dev/null >/dev/null 2>&1 & )
options="-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort={port} -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={port}"
export MAVEN_OPTS="${{MAVEN_OPTS:-}} $options" GRADLE_OPTS="${{GRADLE_OPTS:-}} $options" SBT_OPTS="${{SBT_OPTS:-}} $options"
n=0
while ! grep -qi '0100007F:{hex} 00000000:0000 0A' /proc/net/tcp 2>/dev/null && [ $n -lt 200 ]; do n=$((n+1)); sleep 0.01; done
exec "$@"
""".strip().format(port=PORT, hex=f"{PORT:04X}")

_LOCAL = "localhost,127.0.0.1,::1,.localhost"


def inside(socket: Path, argv: Sequence[str]) -> list[str]:
    """What runs in the network namespace: the bridge, then the command in its place."""
    return ["/bin/sh", "-c", _SCRIPT, "maestro-bridge", str(socket.resolve()), *argv]


def variables(*, everything: bool, port: int = PORT) -> dict[str, str]:
    """What sends programs to the proxy; without ``everything`` only package managers, so that no test sees a proxy."""
    address = f"http://127.0.0.1:{port}"
    tools = {
        "PIP_PROXY": address, "NPM_CONFIG_PROXY": address, "NPM_CONFIG_HTTPS_PROXY": address, "NPM_CONFIG_NOPROXY": _LOCAL,
        "YARN_HTTP_PROXY": address, "YARN_HTTPS_PROXY": address, "CARGO_HTTP_PROXY": address,
        # Whether the tools themselves are of yesterday is none of the task's business, and would be refused aloud.
        "NPM_CONFIG_UPDATE_NOTIFIER": "false", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }  # fmt: skip
    if not everything:
        # What the set-up has fetched is used as it is, without asking whether there is something newer.
        return tools | {
            "NPM_CONFIG_PREFER_OFFLINE": "true",
            "NPM_CONFIG_LOGS_MAX": "0",
        }
    general = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return (
        tools
        | {spelled: address for name in general for spelled in (name, name.lower())}
        | {"NO_PROXY": _LOCAL, "no_proxy": _LOCAL, "NODE_USE_ENV_PROXY": "1"}
    )
