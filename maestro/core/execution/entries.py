"""What a worker says, made safe to store: characters, sizes, numbers and depth within bounds, whatever it wrote.

An adapter, a model endpoint or a program that found the spool may write anything that is JSON. Nothing of it may break
the ingest, the database, or whoever reads the rows later.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from maestro.db.types import utcnow

#: The longest text of one member; the rest is cut, and says so.
TEXT_LIMIT = 64_000

#: What fits into an integer column.
_MOST = 2**63 - 1

#: Beyond these no count of one run is true; sums over many runs stay far from what a column holds.
_MOST_TOKENS = 10**15
_MOST_USD = 1_000_000.0

_DEPTH = 16
_NODES = 20_000
_KEY_CHARS = 200
_TOO_MUCH = "[… more than this is not kept]"

_OUTCOMES = frozenset({"success", "failed", "interrupted"})

#: Members of a log row's details that are looked up, compared or shown as words.
_WORDS = ("tool", "tool_use_id", "sha256", "outside", "seen")


def sound(entry: dict[str, Any]) -> dict[str, Any]:
    """A copy of an entry that can be stored: clean text, numbers that fit, no deeper and no larger than anybody reads."""
    left = [_NODES]
    return {_clip(key): _sound(value, left, 1) for key, value in list(entry.items())[:_NODES]}


def text(value: Any, limit: int = TEXT_LIMIT) -> str:
    """A member as words; nothing for what is none."""
    return clean(value)[:limit] if isinstance(value, str) else "" if value is None else clean(str(value))[:limit]


def clean(words: str) -> str:
    """Text that every column, file and browser takes, cut at ``TEXT_LIMIT``."""
    words = words.replace("\0", "�").encode("utf-8", "replace").decode("utf-8")
    return words if len(words) <= TEXT_LIMIT else words[:TEXT_LIMIT] + " [… cut]"


def number(value: Any) -> float | None:
    """A member as a finite number; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def count(value: Any) -> int:
    """A number of tokens or calls; nonsense counts as nothing, too much as the most that can be true."""
    return int(min(max(number(value) or 0.0, 0.0), _MOST_TOKENS))


def money(value: Any) -> float:
    """Dollars; nonsense counts as nothing, too much as the most that can be true."""
    return min(max(number(value) or 0.0, 0.0), _MOST_USD)


def time_of(entry: dict[str, Any]) -> datetime:
    """The worker's own time of an entry; now for what is none."""
    seconds = number(entry.get("ts"))
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds and seconds > 0 else utcnow()
    except (OverflowError, OSError, ValueError):
        return utcnow()


def details_of(metadata: Any) -> dict[str, Any] | None:
    """A log row's details: what is looked up in them later are words."""
    if not isinstance(metadata, dict) or not metadata:
        return None
    return metadata | {name: text(metadata[name]) for name in _WORDS if metadata.get(name) is not None}


def result_of(entry: dict[str, Any]) -> dict[str, Any]:
    """The last word of a run, each member of its own type; a result of an unknown kind is a failure."""
    kept = {k: v for k, v in entry.items() if k not in {"type", "ts"}}
    denied = kept.get("denied")
    failure = kept.get("failure")
    return kept | {
        "outcome": kept["outcome"] if text(kept.get("outcome")) in _OUTCOMES else "failed",
        "message": text(kept.get("message")),
        "failure": text(failure, 100) if failure else None,
        "retry_at": number(kept.get("retry_at")),
        "turns": count(kept.get("turns")),
        "usage": kept["usage"] if isinstance(kept.get("usage"), dict) else {},
        "denied": [
            {k: text(v) for k, v in d.items()}
            for d in (denied if isinstance(denied, list) else [])
            if isinstance(d, dict)
        ],
    }


def _sound(value: Any, left: list[int], depth: int) -> Any:
    left[0] -= 1
    if left[0] < 0:
        return _TOO_MUCH
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return max(min(value, _MOST), -_MOST - 1)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= _DEPTH:
        return _TOO_MUCH
    if isinstance(value, dict):
        return {_clip(k): _sound(v, left, depth + 1) for k, v in list(value.items())[: left[0]]}
    return [_sound(item, left, depth + 1) for item in value[: left[0]]]


def _clip(key: str) -> str:
    return clean(key)[:_KEY_CHARS]
