"""Replies of a scenario in the wire format of the Messages API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from maestro.demo.scenario import Block, Reply, Request


def message_for(facts: Request, body: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """The whole message that a reply becomes, as a request without ``stream`` gets it."""
    content = [_block(facts, block) for block in reply.content]
    implied = "tool_use" if any(b["type"] == "tool_use" for b in content) else "end_turn"
    return {
        "id": f"msg_{uuid.uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": facts.model or "claude-scripted-1",
        "content": content,
        "stop_reason": reply.stop_reason or implied,
        "stop_sequence": None,
        "usage": _usage(facts, body, content),
    }


def _block(facts: Request, block: Block) -> dict[str, Any]:
    if block.answer is not None:
        answer = facts.fill(block.answer)
        name = facts.tool_for(answer)
        if name is None:
            return {"type": "text", "text": json.dumps(answer, ensure_ascii=False)}
        return _tool_use(name, answer)
    if block.tool is not None:
        return _tool_use(block.tool, facts.fill(block.input))
    return {"type": "text", "text": facts.fill(block.text)}


def _tool_use(name: str, tool_input: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{uuid.uuid4().hex[:24]}", "name": name, "input": tool_input}


def _usage(facts: Request, body: dict[str, Any], content: list[dict[str, Any]]) -> dict[str, int]:
    """Deterministic and plausible: what a former turn sent was cached, the rest of a first turn is written to it."""
    messages = body.get("messages") or []
    before = token_count([body.get("system"), body.get("tools"), messages[:-1]])
    texts = [b["text"] if b["type"] == "text" else b["input"] for b in content]
    return {
        "input_tokens": token_count(messages[-1:]),
        "cache_read_input_tokens": before if facts.step else 0,
        "cache_creation_input_tokens": 0 if facts.step else before,
        "output_tokens": max(1, token_count(texts)),
    }


def token_count(value: Any) -> int:
    """Tokens by rule of thumb: four characters of JSON each."""
    return len(json.dumps(value, ensure_ascii=False)) // 4


def stream_events(message: dict[str, Any], chunk: int) -> Iterator[dict[str, Any]]:
    """The same message as the events of a stream, its texts in pieces of ``chunk`` characters."""
    usage = message["usage"]
    start = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(message["content"]):
        yield from _block_events(index, block, chunk)
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
        "usage": usage,
    }
    yield {"type": "message_stop"}


def _block_events(index: int, block: dict[str, Any], chunk: int) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        empty, whole, form, member = {**block, "text": ""}, block["text"], "text_delta", "text"
    else:
        empty, whole = {**block, "input": {}}, json.dumps(block["input"], ensure_ascii=False)
        form, member = "input_json_delta", "partial_json"
    yield {"type": "content_block_start", "index": index, "content_block": empty}
    for at in range(0, len(whole), chunk):
        delta = {"type": form, member: whole[at : at + chunk]}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}
