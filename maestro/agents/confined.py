"""Running an agent's programs as the spec confines them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from maestro.agents.base import AgentSpec
from maestro.confinement.profile import Profile
from maestro.confinement.proxy import Host, Proxy, upstream_of
from maestro.confinement.wrapping import command


@contextmanager
def wrapping(
    spec: AgentSpec, refused: Callable[[str], None], readable: Sequence[Path] = ()
) -> Iterator[Callable[[Sequence[str]], list[str]]]:
    """What makes of an argv one that runs confined, while the block lasts; as it is where the spec confines nothing.

    ``refused`` is told each host that was not let through, from another thread. ``readable`` is seen as well.
    """
    if spec.confinement is None:
        yield list
        return
    hosts = [Host(str(name), int(port), bool(private)) for name, port, private in spec.confinement["hosts"]]
    profile = Profile.from_json(spec.confinement["profile"])
    with Proxy(hosts, refused, upstream_of(os.environ), profile.closed_ports) as proxy:
        confined = replace(profile, proxy=proxy.path, readable=(*profile.readable, *readable))
        yield lambda argv: command(confined, argv)
