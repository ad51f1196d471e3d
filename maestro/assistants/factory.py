"""Which assistant reaches which endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from maestro.assistants.base import Assistant
from maestro.settings import Effort


def choose(
    kind: Literal["anthropic", "claude_code", "demo"],
    *,
    base_url: str | None,
    api_key: str | None,
    auth_token: str | None,
    model: str | None,
    effort: Effort | None,
    cli_path: Path | None,
    work_dir: Path,
    sign_in: Callable[[], Mapping[str, str]],
) -> Assistant:
    """The assistant for an endpoint. ``work_dir`` is an empty folder that the CLI may be started in.

    ``sign_in`` gives the variables of Claude Code's own login or cloud.
    """
    if kind == "claude_code":
        from maestro.assistants.claude_code import ClaudeCodeAssistant

        return ClaudeCodeAssistant(
            work_dir=work_dir, base_url=base_url, model=model, effort=effort, cli_path=cli_path, sign_in=sign_in
        )
    from maestro.assistants.anthropic_api import AnthropicAssistant

    return AnthropicAssistant(base_url=base_url, api_key=api_key, auth_token=auth_token, model=model, effort=effort)
