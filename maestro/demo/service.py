"""The demo's model: the scripted server with the demo's scenario, started on first use."""

from __future__ import annotations

from pathlib import Path

from maestro.demo.scenario import Scenario
from maestro.demo.server import ScriptedServer

#: Taken when it is free, so that workers that outlive the app find their model again after its restart.
_USUAL_PORT = 47_823
_SCENARIO = Path(__file__).with_name("demo.toml")


def demo_scenario() -> Scenario:
    """What the demo's model says."""
    return Scenario.load(_SCENARIO)


def start() -> ScriptedServer:
    """The demo's model, on a port of loopback. Raises OSError."""
    scenario = demo_scenario()
    for port in (_USUAL_PORT, 0):
        server = ScriptedServer(scenario, port=port)
        try:
            server.start()
        except OSError:
            if port == 0:
                raise
            continue
        return server
    raise AssertionError("port 0 either starts or raises")
