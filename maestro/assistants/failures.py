"""Why a model could not answer, in sentences a user can act on."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from maestro.errors import AssistantError

#: Kinds by HTTP status; what is not here and below 500 is a protocol matter.
_KIND_BY_STATUS = {
    401: "auth",
    402: "auth",
    403: "auth",
    404: "model",
    408: "network",
    413: "protocol",
    429: "rate_limit",
    529: "overloaded",
}
_WORDS_LIMIT = 500
_TOO_LONG = re.compile(
    r"too long|context (?:length|window|size)|maximum context|exceeds? .{0,40}(?:context|tokens)", re.IGNORECASE
)


def from_status(
    status: int,
    words: str,
    *,
    base_url: str,
    model: str | None,
    credential: str,
    retry_after_s: float | None = None,
    secret: str | None = None,
) -> AssistantError:
    """The error for an HTTP status. ``words`` are the endpoint's own; ``credential`` names the variable in use."""
    kind = _KIND_BY_STATUS.get(status, "overloaded" if status >= 500 else "protocol")
    if secret and len(secret) > 4:
        words = words.replace(secret, "…")
    words = words.strip()[:_WORDS_LIMIT].rstrip(".")
    if status in {400, 413} and _TOO_LONG.search(words):
        return AssistantError(
            f"The conversation is too long for the model (HTTP {status}: {words}). Edit an earlier message to continue from "
            "there, choose a model that reads more, or plan with what is on the idea card.",
            kind="protocol",
        )
    said = f" It said: {words}." if words else ""
    sentences = {
        "auth": f"{base_url} refused {credential} (HTTP {status}).{said} Check it, or enter another under Settings.",
        "model": f"{base_url} does not know the model “{model}” (HTTP 404).{said} Choose another under Settings.",
        "rate_limit": f"{base_url} has reached a usage limit (HTTP 429).{_when(retry_after_s)}{said}",
        "overloaded": f"{base_url} is overloaded or failing right now (HTTP {status}).{said} Ask again in a few minutes.",
        "network": f"{base_url} took too long (HTTP {status}).{said} Ask again.",
        "protocol": f"{base_url} did not accept the request (HTTP {status}).{said}",
    }
    return AssistantError(sentences[kind], kind=kind)


def unreachable(base_url: str, words: str) -> AssistantError:
    """Nothing answers at the base URL."""
    return AssistantError(
        f"{base_url} cannot be reached: {words.rstrip('.')}. Check the network and ANTHROPIC_BASE_URL.", kind="network"
    )


def silent(base_url: str, seconds: float) -> AssistantError:
    """The endpoint accepted the request and then said nothing."""
    return AssistantError(f"{base_url} has not responded for {seconds:.0f} seconds. Ask again.", kind="network")


def broken_off(base_url: str) -> AssistantError:
    """The answer stopped in the middle."""
    return AssistantError(f"The connection to {base_url} was lost during the answer. Ask again.", kind="network")


#: What stands beside a reply that the model would not give; to say the same once more is no use.
DECLINED = "The model declined to answer this. Rephrase it and send it again."


def refused() -> AssistantError:
    """The model declined."""
    return AssistantError(DECLINED, kind="refused")


def _when(retry_after_s: float | None) -> str:
    if retry_after_s is None:
        return " Ask again later."
    if retry_after_s < 90:
        return f" Ask again in {max(1, round(retry_after_s))} seconds."
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() + retry_after_s, UTC)
    return f" Try again after {at:%Y-%m-%d %H:%M} UTC."
