"""Helpers for tests against the scripted model: a clean environment, builders of scenarios, and a worker to watch."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from maestro.agents.base import AgentSpec
from maestro.demo.scenario import Scenario
from maestro.worker import seal, tree
from maestro.worker.launch import Standby, launch
from maestro.worker.spool import Spool, read, send

#: A key that opens nothing.
DUMMY_KEY = "sk-ant-scripted-0000"


def clean_env(home: Path, base_url: str, **extra: str) -> dict[str, str]:
    """An environment built from nothing for a child process: its own HOME, a dummy key, the scripted endpoint."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "ANTHROPIC_API_KEY": DUMMY_KEY,
        "ANTHROPIC_BASE_URL": base_url,
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        **extra,
    }


def say(text: str) -> dict[str, Any]:
    """A text block."""
    return {"text": text}


def call(tool: str, **tool_input: Any) -> dict[str, Any]:
    """A tool call block."""
    return {"tool": tool, "input": tool_input}


def write(path: str, content: str) -> dict[str, Any]:
    """A ``Write`` call; a relative path means the agent's working directory."""
    return call("Write", file_path=path if path.startswith("/") else "{cwd}/" + path, content=content)


def bash(command: str) -> dict[str, Any]:
    """A ``Bash`` call."""
    return call("Bash", command=command, description="scripted")


def error(status: int, kind: str = "api_error", message: str = "Scripted error", **more: Any) -> dict[str, Any]:
    """A reply that is an HTTP error."""
    return {"error": {"status": status, "type": kind, "message": message, **more}}


def task_rule(prompt: str, *steps: Any, **more: Any) -> dict[str, Any]:
    """A rule for a worker's conversation. A step is a block, a list of blocks, a text or a whole reply."""
    whole = [[s] if isinstance(s, dict) and ("tool" in s or "text" in s) else s for s in steps]
    return {"match": {"has_tool": "Bash", "prompt": prompt}, "steps": whole, **more}


def scenario(*rules: dict[str, Any], **settings: Any) -> Scenario:
    """A scenario from rules given as dicts."""
    return Scenario.model_validate({"rules": list(rules), **settings})


class WorkerRun:
    """One real worker process on a worktree of its own, and what its spool says."""

    def __init__(
        self,
        folder: Path,
        base_url: str,
        env: dict[str, str] | None = None,
        standby: Standby | None = None,
        on_end: Callable[[], None] = lambda: None,
        **spec: Any,
    ) -> None:
        self.worktree = folder / "worktree"
        self.worktree.mkdir(parents=True, exist_ok=True)
        self.home = folder / "home"
        self.spool = standby.spool if standby else Spool(folder / "spool")
        settings: dict[str, Any] = {
            "worker_id": standby.worker_id if standby else f"test-{uuid.uuid4().hex}",
            "session_id": "s",
            "task_id": "t",
            "task_key": "t1",
            "agent_type": "claude_code",
            "worktree": str(self.worktree),
            "prompt": "Do the task.",
            "conversation_id": str(uuid.uuid4()),
        }
        self.spec = AgentSpec(**{**settings, **spec})
        self.env = clean_env(self.home, base_url, **(env or {}))
        self.offset = self.spool.events.stat().st_size if self.spool.events.exists() else 0
        self.key = seal.key_of(b"scripted", self.spec.worker_id)
        self.known = launch(self.spool, self.spec, self.env, key=self.key, standby=standby, on_end=on_end)

    def again(self, base_url: str, **spec: Any) -> WorkerRun:
        """Another run of the same conversation, on the same worktree and spool."""
        kept = self.spec.to_json() | {"worker_id": f"test-{uuid.uuid4().hex}", "resume": True}
        return WorkerRun(self.worktree.parent, base_url, **(kept | spec))

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """This run's events so far, of one type or all."""
        entries = read(self.spool.events, self.offset, self.key)[0]
        return [e for e in entries if kind is None or e["type"] == kind]

    def logs(self, kind: str) -> list[str]:
        """Messages of the log lines of a kind."""
        return [e["message"] for e in self.events("log") if e["kind"] == kind]

    def wait(self, kind: str, count: int = 1, timeout: float = 100.0) -> dict[str, Any]:
        """Wait for the ``count``-th event of a type."""
        self.until(lambda: len(self.events(kind)) >= count or not self.alive(), timeout)
        found = self.events(kind)
        assert len(found) >= count, f"no {kind}: {self.events()} {self.stderr()}"
        return found[count - 1]

    def result(self, timeout: float = 100.0) -> dict[str, Any]:
        """Wait for the end."""
        return self.wait("result", timeout=timeout)

    def decide(self, gate: dict[str, Any], allow: bool, message: str = "") -> None:
        """Answer a gate as the supervisor does."""
        entry = {"type": "decision", "request_id": gate["request_id"], "allow": allow, "message": message}
        send(self.spool.path, entry, self.key)

    def say(self, kind: str, **members: Any) -> None:
        """Write something else into the inbox."""
        send(self.spool.path, {"type": kind, **members}, self.key)

    def orders(self) -> str:
        """What a worker on this spool reads from its standard input."""
        digest = hashlib.sha256(self.spool.spec.read_bytes()).hexdigest()
        environment = {**self.env, "PYTHONPATH": str(Path(__file__).parents[1])}
        return json.dumps({"env": environment, "key": self.key.hex(), "spec": digest}) + "\n"

    def alive(self) -> bool:
        """Whether the worker process runs."""
        return tree.is_alive(self.known.pid, self.known.pid_started)

    def stderr(self) -> str:
        """What the worker printed."""
        return self.spool.stderr.read_text(errors="replace")

    def end(self) -> None:
        """Take everything away that may be left."""
        tree.kill_tree(self.known.pid, self.known.pid_started, self.spec.worker_id)

    @staticmethod
    def until(holds: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + timeout
        while not holds():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.02)
