"""What went wrong with Claude Code, as a failure kind and a sentence that says what to do."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from maestro.agents.base import FailureKind

_SIGN_IN = "Set ANTHROPIC_API_KEY, or sign in with `claude auth login`."
_LIMIT = re.compile(r"usage limit|hit your (?:\w+ )?limit|limit reached|rate limit", re.IGNORECASE)
_NETWORK = re.compile(
    r"connection (?:error|refused|closed|reset)|unable to connect|econn|enotfound|fetch failed|timed out|socket|certificate",
    re.IGNORECASE,
)
_RESET = re.compile(r"\|(\d{10})\b")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed. ``retry_at`` in seconds since 1970, where a limit names its reset."""

    kind: FailureKind
    message: str
    retry_at: float | None = None


def of_endpoint(
    status: int | None, category: str, text: str, *, model: str | None = None, retry_at: float | None = None
) -> Failure:
    """Classify an API failure by HTTP status, the CLI's own category, and as a last resort its wording."""
    words = _words(text)
    if category == "billing_error" or "credit balance" in text.lower():
        return Failure("auth", f"The account behind the key cannot pay: {words}. Add credit, or use another key.")
    if status is None and (category == "authentication_failed" or "/login" in text):
        return Failure("auth", f"Claude Code is not signed in. {_SIGN_IN}")
    if status in (401, 403) or category in ("authentication_failed", "oauth_org_not_allowed"):
        return Failure("auth", f"The model endpoint refused the key ({status}). Check ANTHROPIC_API_KEY. {_SIGN_IN}")
    if status == 404 or category == "model_not_found":
        name = f"the model `{model}`" if model else "the model"
        return Failure(
            "model", f"The model endpoint does not offer {name} (404). Choose another, or check the base URL."
        )
    if status == 429 or category == "rate_limit" or (status is None and _LIMIT.search(text)):
        return _limit(text, retry_at)
    if category in ("overloaded", "server_error") or (status or 0) >= 500:
        said = f" ({status})" if status else ""
        return Failure("overloaded", f"The model endpoint is overloaded or failing{said}. Try again in a few minutes.")
    if status is not None and 400 <= status < 500:
        return Failure("refused", f"The model endpoint refused the request ({status}): {words}")
    if category == "max_output_tokens":
        return Failure("agent", f"The model's answers were longer than it may write: {words}")
    if _NETWORK.search(text) or category == "unknown":
        return unreachable(words)
    return Failure("agent", words or "Claude Code reported an error without saying which.")


def unreachable(words: str = "") -> Failure:
    """Nobody answers at the endpoint."""
    said = f": {words}" if words else ""
    return Failure("network", f"The model endpoint does not answer{said}. Check the network and ANTHROPIC_BASE_URL.")


def declined(text: str) -> Failure:
    """The model itself said no (``stop_reason: refusal``)."""
    return Failure(
        "refused", f"The model declined this task. Rephrase it or choose another model. {_words(text)}".strip()
    )


def of_process(exit_code: int | None, stderr: list[str]) -> Failure:
    """The CLI ended without a result."""
    last = next((line.strip() for line in reversed(stderr) if line.strip()), "")
    text = " ".join(stderr)
    if "/login" in text or "Invalid API key" in text:
        return Failure("auth", f"Claude Code is not signed in. {_SIGN_IN}")
    how = "without a result" if not exit_code else f"with exit code {exit_code} and no result"
    return Failure("protocol", f"Claude Code ended {how}{': ' + _words(last) if last else ''}.")


def was_killed(exit_code: int | None) -> bool:
    """Whether a signal that nobody can catch (SIGKILL) ended the process; shells report it as 137."""
    return exit_code in (-9, 137)


def not_found(path: str | None) -> Failure:
    """There is no Claude Code executable."""
    where = f" at {path}" if path else ""
    return Failure(
        "missing", f"Claude Code was not found{where}. Reinstall claude-agent-sdk, or set MAESTRO_CLAUDE_PATH."
    )


def _limit(text: str, retry_at: float | None) -> Failure:
    named = _RESET.search(text)
    reset = retry_at or (float(named.group(1)) if named else None)
    when = time.strftime(" It resets at %Y-%m-%d %H:%M UTC.", time.gmtime(reset)) if reset else " Try again later."
    return Failure("rate_limit", f"The account's limit at the model endpoint is reached (429).{when}", reset)


def _words(text: str, limit: int = 300) -> str:
    """An error text on one line, without the CLI's prefix and final full stop."""
    words = " ".join(text.split()).removeprefix("API Error: ").rstrip(".")
    return words if len(words) <= limit else words[: limit - 1] + "…"
