"""What the repository offers and a session has not set up: named in the question about a check that could not run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from maestro.core.approvals.question import NO_TESTS, UNPROVEN, Question
from maestro.db import models
from maestro.errors import MaestroError
from maestro.worktrees import setup_detection

#: How a check is begun in an environment that a set-up makes; the rest of the words says what it checks.
_BEGUN_IN = re.compile(r"(?:\.venv/bin/|uv run (?:--\S+ \S+ )?|poetry run |pdm run |pipenv run |python3? -m )+")
_FOLDER = re.compile(r"cd (\S+) && ")


def offer(session: models.Session, question: Question) -> dict[str, Any]:
    """Members for a question's detail: ``missing_setup``, and ``setup_check``, the check as it runs with it.

    Empty for other questions, and where everything that the repository offers is set up. Only looks.
    """
    if question.kind != "infrastructure" or question.detail.get("what") not in (None, UNPROVEN, NO_TESTS):
        return {}
    try:
        found = setup_detection.detect(Path(session.repo_path), session.base_commit)
    except (MaestroError, OSError):
        return {}
    check = question.detail.get("command")
    check = check if isinstance(check, str) else ""
    has = session.agent_config.get("setup", [])
    commands = [f for f in found if f.kind == "setup" and f.tool_there and not f.second and f.value not in has]
    here = [f for f in commands if _place(f.value) in ("", _place(check))]
    if not here:
        return {}
    told: dict[str, Any] = {"missing_setup": [f.value for f in here]}
    same = [f.value for f in found if f.kind == "checks" and check and _core(f.value) == _core(check)]
    if same and check not in same:
        told["setup_check"] = same[0]
    return told


def _place(command: str) -> str:
    """The folder that a command changes to first; empty: it runs in the root."""
    found = _FOLDER.match(command)
    return found.group(1) if found else ""


def _core(command: str) -> str:
    return _place(command) + " " + _BEGUN_IN.sub("", _FOLDER.sub("", command, count=1), count=1)
