"""What went wrong with Claude Code, as a failure kind and a sentence that says what to do."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from maestro import claude_home, variables
from maestro.agents.base import FailureKind

_SIGN_IN = "Set ANTHROPIC_API_KEY, or sign in with `claude auth login`."
#: Where the key may be, in the order in which Claude Code looks.
_CREDENTIALS = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")
_LIMIT = re.compile(r"usage limit|hit your (?:\w+ )?limit|limit reached|rate limit", re.IGNORECASE)
_NETWORK = re.compile(
    r"connection (?:error|refused|closed|reset)|unable to connect|econn|enotfound|fetch failed|timed out|socket|certificate",
    re.IGNORECASE,
)
#: Statuses of a request whose content is the trouble: bad, too large, not to be processed.
_ABOUT_CONTENT = frozenset({400, 413, 422})
_TOO_LONG = re.compile(
    r"prompt is too long|context (?:length|window|limit)|input is too long|image|request_too_large|\btool_(?:use|result)\b"
    r"|thinking block|content blocks must be",
    re.IGNORECASE,
)
_OVERLOADED = re.compile(
    r"\boverloaded|internal server error|service unavailable|bad gateway|gateway time-?out", re.IGNORECASE
)
#: How the CLI begins its words about an answer of the endpoint.
_STATUS = re.compile(r"API Error:? (?:repeated )?\(?([45]\d\d)\b", re.IGNORECASE)
_RESET = re.compile(r"\|(\d{10})\b")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed. ``retry_at`` in seconds since 1970, where a limit names its reset."""

    kind: FailureKind
    message: str
    retry_at: float | None = None
    renewable: bool = False  # a login, which another program may just have renewed


def of_endpoint(
    status: int | None,
    category: str,
    text: str,
    *,
    model: str | None = None,
    retry_at: float | None = None,
    begun: bool = False,
) -> Failure:
    """Classify an API failure by HTTP status, the CLI's own category, and as a last resort its wording.

    ``begun``: the model has answered in this conversation, so that a refusal is about what it holds by now.
    """
    words = _words(text)
    if status is None and (told := _STATUS.match(text.strip())):
        status = int(told.group(1))
    if category == "billing_error" or "credit balance" in text.lower():
        return Failure("auth", f"The account of this key has no credit: {words}. Add credit, or use another key.")
    if status is None and (category == "authentication_failed" or "/login" in text):
        return _not_let_in()
    if status in (401, 403) or category in ("authentication_failed", "oauth_org_not_allowed"):
        return Failure("auth", _refused(f" ({status})" if status else ""), renewable=credential() is None)
    if status == 404 or category == "model_not_found":
        name = f"the model `{model}`" if model else "the model"
        return Failure(
            "model", f"The model endpoint does not offer {name} (404). Choose another, or check the base URL."
        )
    if status == 429 or category == "rate_limit" or (status is None and _LIMIT.search(text)):
        named = _RESET.search(text)
        return limit(retry_at or (float(named.group(1)) if named else None))
    failing = category in ("overloaded", "server_error") or (status is None and _OVERLOADED.search(text))
    if failing or (status or 0) >= 500:
        said = f" ({status})" if status else ""
        return Failure("overloaded", f"The model endpoint is overloaded or failing{said}. Try again in a few minutes.")
    if begun and (status in _ABOUT_CONTENT or (status is None and _TOO_LONG.search(text))):
        said = f" ({status})" if status else ""
        return Failure("conversation", f"The model endpoint no longer accepts this conversation{said}: {words}.")
    if status is not None and 400 <= status < 500:
        return Failure("refused", f"The model endpoint refused the request ({status}): {words}")
    if category == "max_output_tokens":
        return Failure("agent", f"The model's answers exceeded its output limit: {words}")
    if _NETWORK.search(text) or category == "unknown":
        return unreachable(words)
    return Failure("agent", words or "Claude Code reported an error without details.")


def credential(environ: Mapping[str, str] = os.environ) -> str | None:
    """The variable with the key that Claude Code uses; None: its own login."""
    return next((name for name in _CREDENTIALS if environ.get(name)), None)


def limit(reset: float | None) -> Failure:
    """A usage or rate limit, which ends at ``reset`` (seconds since 1970) where that is known."""
    when = (
        time.strftime("It resets at %Y-%m-%d %H:%M UTC.", time.gmtime(reset)) if reset else "The reset time is unknown."
    )
    return Failure("rate_limit", f"The account's limit at the model endpoint is reached (429). {when}", reset)


def unreachable(words: str = "") -> Failure:
    """Nobody answers at the endpoint."""
    said = f": {words}" if words else ""
    return Failure("network", f"The model endpoint does not respond{said}. Check the network and ANTHROPIC_BASE_URL.")


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
        return _not_let_in()
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


def _not_let_in() -> Failure:
    """Claude Code gave up before the endpoint said a status: without a key it has no login, with one that is no good."""
    if credential() or claude_home.cloud():
        return Failure("auth", _refused(""))
    return Failure("auth", f"Claude Code is not signed in. {_SIGN_IN}", renewable=True)


def _refused(status: str) -> str:
    """That the key is refused, and which one it is."""
    chosen = claude_home.cloud()
    if chosen is not None:
        where, families = variables.CLOUDS[chosen]
        return f"{where} refused the sign-in{status}. Renew it there ({families[0]}… in Maestro's shell), then restart Maestro."
    name = credential()
    if name is None:
        return f"The model endpoint refused Claude Code's login{status}. Sign in again with `claude auth login`."
    new = " `claude setup-token` makes a new one." if name == "CLAUDE_CODE_OAUTH_TOKEN" else ""
    return f"The model endpoint refused {name}{status}. Check it and restart Maestro.{new}"


def _words(text: str, limit: int = 300) -> str:
    """An error text on one line, without the CLI's prefix and final full stop."""
    words = " ".join(text.split()).removeprefix("API Error: ").rstrip(".")
    return words if len(words) <= limit else words[: limit - 1] + "…"
