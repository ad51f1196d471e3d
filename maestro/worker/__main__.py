"""The worker process: ``python -m maestro.worker <spool>`` runs one agent once and outlives the app.

Its orders come on standard input: one JSON line ``{"env": {…}, "key": "…", "spec": "…"}``, the environment to work in,
the key that seals what it hears and says (``seal``), the digest of the spec that it may trust. None of that is in its
environment block or on its command line. With ``--standby`` before the spool it first loads what an agent needs. Until
the orders come it ends with the app.

Exit codes: 0 the run ended and ``result`` says how, 1 it broke (``result`` says so where possible),
2 wrong usage, 3 another worker holds the spool.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import traceback
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from maestro import privacy, untrusted
from maestro.agents import factory, notes
from maestro.agents.base import AgentResult, AgentSpec
from maestro.errors import MaestroError
from maestro.worker import printed, proctable, tree
from maestro.worker.link import SpoolLink
from maestro.worker.spool import WORKER_ID_VARIABLE, Spool, append, repair_tail

#: How long an agent may take to end after a stop before it is ended.
_STOP_GRACE_S = 20.0


def main(arguments: list[str]) -> int:
    """Run the worker for one spool folder; returns the exit code."""
    standby = arguments[:1] == ["--standby"]
    if len(arguments) != 1 + standby:
        sys.stderr.write("usage: python -m maestro.worker [--standby] SPOOL\n")
        return 2
    privacy.close_to_others()
    privacy.empty_environment_block()
    spool = Spool(Path(arguments[-1]).resolve())
    if standby:
        factory.preload()
    orders = _orders()
    if orders is None:
        if standby:
            shutil.rmtree(spool.path, ignore_errors=True)  # nobody else may be left to do it
        return 0
    if not spool.spec.is_file():
        sys.stderr.write(f"There is no spec.json in {spool.path}.\n")
        return 2
    with spool.lock() as free:
        if not free:
            sys.stderr.write(f"Another worker holds {spool.path}.\n")
            return 3
        return _hold(spool, bytes.fromhex(orders["key"]), orders["spec"])


def _orders() -> dict[str, Any] | None:
    """Wait for the orders and put on their environment; None when the app let go or is gone."""
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        return None
    orders: dict[str, Any] = json.loads(line)
    os.environ.clear()
    os.environ.update(orders["env"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return orders


def _hold(spool: Spool, key: bytes, digest: str) -> int:
    """Everything that happens under the lock."""
    os.environ.pop("PYTHONPATH", None)  # it was for this process, not for what the agent runs
    repair_tail(spool.events)
    try:
        spec = AgentSpec.from_json(spool.read_spec(digest))
    except (OSError, ValueError, TypeError) as error:
        broken = AgentResult(outcome="failed", failure="protocol", message=f"The worker cannot read its spec: {error}")
        append(spool.events, {"type": "result", **asdict(broken)}, key=key)
        return 1
    os.environ[WORKER_ID_VARIABLE] = spec.worker_id
    os.chdir(spool.path)
    tree.become_subreaper()
    own, began = os.getpid(), proctable.started(os.getpid())
    untrusted.write(spool.pid, f"{own} {began}\n")
    link = SpoolLink(spool, spec, key=key)
    link.event("started", pid=own, pid_started=began)
    try:
        result, code = asyncio.run(_work(spec, link)), 0
    except MaestroError as error:
        result, code = AgentResult(outcome="failed", failure="protocol", message=error.detail), 1
    except Exception as error:
        traceback.print_exc()
        words = f"The worker crashed: {type(error).__name__}: {error}"
        link.log("error", words, level="error")
        result, code = AgentResult(outcome="failed", failure="protocol", message=words), 1
    # First the silence, then the result: whoever reads it may touch the worktree.
    if ended := tree.end_descendants(spec.worker_id):
        link.log("system", f"Ended what was left running: {', '.join(sorted(set(ended)))}.")
    link.result(result)
    return code


async def _work(spec: AgentSpec, link: SpoolLink) -> AgentResult:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, link.request_stop, "The worker was asked to end.")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    inbox = asyncio.create_task(link.follow_inbox())
    adapter = factory.create(spec.agent_type)
    if not getattr(adapter, "takes_notes", False):
        spec = replace(spec, prompt=notes.into_prompt(spec, link))
    agent = asyncio.create_task(adapter.run(spec, link))
    patience = asyncio.create_task(_out_of_patience(link))
    try:
        await asyncio.wait({agent, inbox, patience}, return_when=asyncio.FIRST_COMPLETED)
        if inbox.done():
            inbox.result()
        if agent.done():
            return agent.result()
        return AgentResult(outcome="interrupted", message=await link.stop_requested())
    finally:
        for task in (agent, inbox, patience):
            task.cancel()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(agent, inbox, patience, return_exceptions=True), 5)


async def _out_of_patience(link: SpoolLink) -> None:
    await link.stop_requested()
    await asyncio.sleep(_STOP_GRACE_S)


if __name__ == "__main__":
    end = printed.redact()
    try:
        code = main(sys.argv[1:])
    except BaseException:  # Python would print it when nobody cleans it any more
        traceback.print_exc()
        code = 1
    end()
    os._exit(code)  # all is written; taking the interpreter apart would hold up what comes next
