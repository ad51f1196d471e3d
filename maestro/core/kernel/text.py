"""Text of commands and agents, made short for prompts, questions and log lines."""

from __future__ import annotations

from maestro.terminal_text import plain

_OUTPUT_LIMIT = 12_000


def clip(text: str, limit: int = _OUTPUT_LIMIT) -> str:
    """Text for an agent: without escape codes, a long one with its middle taken out and the cut marked; the end matters most."""
    text = plain(text)
    if len(text) <= limit:
        return text
    head = limit // 4
    return f"{text[:head]}\n[… {len(text) - limit} characters left out …]\n{text[-(limit - head) :]}"
