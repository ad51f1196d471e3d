"""Helpers for tests against the scripted model: a clean environment, and short builders of scenarios."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from maestro.demo.scenario import Scenario

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
