"""Which model endpoint a session uses: an API key, the Claude Code login, or the demo's script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from maestro.claude_home import cloud
from maestro.core.kernel.claude_login import has_login
from maestro.core.kernel.runtime import Runtime
from maestro.core.kernel.services import Service
from maestro.errors import AssistantError
from maestro.settings import Settings

if TYPE_CHECKING:
    from maestro.demo.server import ScriptedServer

Kind = Literal["anthropic", "claude_code", "demo"]

#: What local servers behind a compatible endpoint get when the user configured no key: they ignore it.
_NO_KEY = "none-needed"

NOT_CONFIGURED = (
    "No model is configured. Enter an API key under Settings or set ANTHROPIC_API_KEY (or a base URL, for a local model), "
    "sign in once with `claude auth login` (Bedrock, Vertex and Foundry work as in your shell), or try the demo, which "
    "needs neither."
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the model is and how to get in. ``repr`` never shows the secrets."""

    kind: Kind
    base_url: str | None = None
    api_key: str | None = None
    auth_token: str | None = None

    def __repr__(self) -> str:
        return f"Endpoint(kind={self.kind!r}, base_url={self.base_url!r})"


def _demo() -> ScriptedServer:
    from maestro.demo import service

    return service.start()


#: The demo's model: only who tries the demo starts it.
DEMO = Service(_demo)


def endpoint_for(rt: Runtime, *, demo: bool) -> Endpoint:
    """The endpoint of a session. Raises AssistantError (kind ``none``) when nothing is configured."""
    settings = rt.settings
    if demo or settings.assistant == "demo":
        return Endpoint("demo", base_url=rt.service(DEMO).url, api_key="demo")
    kind = describe(settings)
    if kind == "anthropic":
        return _anthropic(settings)
    if kind == "claude_code":
        return Endpoint("claude_code", base_url=settings.anthropic_base_url)
    raise AssistantError(NOT_CONFIGURED, kind="none")


def describe(settings: Settings) -> Literal["anthropic", "claude_code", "demo", "none"]:
    """Which kind would be used now, without starting anything."""
    if settings.assistant == "demo":
        return "demo"
    if settings.assistant == "auto" and not settings.anthropic_base_url and cloud():
        return "claude_code"  # as Claude Code itself decides: a cloud comes before a key
    if settings.assistant in {"auto", "anthropic"} and has_key(settings):
        return "anthropic"
    if settings.assistant == "claude_code" or (settings.assistant == "auto" and has_login()):
        return "claude_code"
    return "none"


def has_key(settings: Settings) -> bool:
    """Whether a key, a token or an endpoint of the user's own is configured."""
    return bool(settings.anthropic_api_key or settings.anthropic_auth_token or settings.anthropic_base_url)


def _anthropic(settings: Settings) -> Endpoint:
    key = settings.anthropic_api_key.get_secret_value() if settings.anthropic_api_key else None
    token = settings.anthropic_auth_token.get_secret_value() if settings.anthropic_auth_token else None
    if not key and not token:
        key = _NO_KEY
    return Endpoint("anthropic", base_url=settings.anthropic_base_url, api_key=key, auth_token=token)
