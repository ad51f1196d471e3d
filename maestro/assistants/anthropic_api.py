"""An assistant over the Messages API: Anthropic's own, a gateway, a local model server, the demo's script."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from maestro.assistants import failures
from maestro.assistants.base import (
    SILENCE_S,
    Answer,
    Listener,
    Offered,
    ReplyText,
    Request,
    StopReason,
    Tool,
    Turn,
    Usage,
    alternate,
    reminder,
    run_tool,
)
from maestro.assistants.pricing import price
from maestro.errors import AssistantError
from maestro.settings import DEFAULT_MODEL, Effort

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types import Message, ModelInfo

_DEFAULT_BASE_URL = "https://api.anthropic.com"
_CONNECT_S = 10.0
_LISTING_S = 10.0
_RETRIES = 2
_MOST_MODELS = 200
#: The longest ``retry-after`` that is waited for in silence.
_PATIENCE_S = 10.0
#: Statuses below 500 that pass by themselves.
_PASSING = frozenset({408, 409, 429})
#: How often a waiting reply looks whether it should stop.
_LOOK_S = 0.1
_CACHED = {"type": "ephemeral"}


class AnthropicAssistant:
    """Streams replies through the ``anthropic`` SDK and runs the tools the model calls.

    Of ``api_key`` and ``auth_token`` the key wins. Without ``model`` the endpoint's list decides.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        auth_token: str | None = None,
        model: str | None = None,
        effort: Effort | None = None,
        silence_s: float = SILENCE_S,
    ) -> None:
        self.base_url = base_url or _DEFAULT_BASE_URL
        self._api_key = api_key
        self._auth_token = None if api_key else auth_token
        self._silence_s = silence_s
        self._lock = threading.Lock()
        self._model = model
        self._effort = effort
        self._offered: list[Offered] | None = None
        self._made: Anthropic | None = None

    def converse(self, request: Request, listener: Listener) -> Answer:
        """See ``Assistant.converse``."""
        model = self._model or self._find_model()
        messages = _opened(request)
        said = ReplyText(listener)
        for _round in range(request.max_rounds):
            message = self._call(request, messages, model, said)
            if message is None:
                return Answer(text=said.text, stop_reason="stopped")
            listener.on_usage(_usage(model, message))
            calls = [b for b in message.content if b.type == "tool_use"]
            if message.stop_reason != "tool_use" or not calls:
                return Answer(text=said.text, stop_reason=_stop_reason(message))
            results = [_run(request.tools, call.name, call.input, call.id, listener) for call in calls]
            messages.append({"role": "assistant", "content": _replayed(message)})
            messages.append({"role": "user", "content": results})
        return Answer(text=said.text, stop_reason="rounds")

    def models(self) -> list[Offered]:
        """See ``Assistant.models``."""
        import anthropic

        try:
            listed = self._client().with_options(timeout=_LISTING_S).models.list(limit=_MOST_MODELS).data or []
        except anthropic.AnthropicError as error:
            raise self._explain(error, self._model or DEFAULT_MODEL) from error
        self._offered = [_offered(model) for model in listed if model.id]
        return self._offered

    def _takes_effort(self, model: str) -> bool:
        """Whether the endpoint says that this model has a choice of effort; one that says nothing is not asked for it."""
        if self._offered is None:
            try:
                self.models()
            except AssistantError:
                self._offered = []  # the real call will say what is wrong
        return any(o.id == model and o.effort for o in self._offered or [])

    def _call(self, request: Request, messages: list[dict[str, Any]], model: str, said: ReplyText) -> Message | None:
        """One model call, streamed to ``said``; None when the listener wants the reply to end."""
        arguments = {
            "model": model,
            "max_tokens": request.max_tokens,
            "system": [{"type": "text", "text": request.system, "cache_control": _CACHED}],
            "messages": _with_cache_mark(messages),
            "tools": [{"name": t.name, "description": t.description, "input_schema": t.schema} for t in request.tools],
        }
        if not request.tools:
            del arguments["tools"]
        if self._effort and self._takes_effort(model):
            arguments["output_config"] = {"effort": self._effort}
        if said.listener.should_stop():  # a tool may have been the last thing wanted
            return None
        said.new_block()
        for kind, value in self._events(arguments, said.listener):
            if kind == "text":
                said.add(value)
            elif kind == "input":
                said.add_input(value)
            elif kind == "error":
                raise self._explain(value, model) from value
            elif kind == "message" and value.stop_reason is None:
                raise failures.broken_off(self.base_url)
            elif kind == "message":
                return cast("Message", value)
        return None

    def _events(self, arguments: dict[str, Any], listener: Listener) -> Iterator[tuple[str, Any]]:
        """Texts as they come, then the whole message or an error; ends early when the listener wants it.

        The SDK blocks in a thread of its own, so that a stop is heard while the endpoint is silent. A
        thread that is given up ends with its connection, at the latest at the read time-out.
        """
        heard: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        gone = threading.Event()
        threading.Thread(target=self._pump, args=(arguments, heard, gone), name="assistant-stream", daemon=True).start()
        waited = 0.0
        try:
            while not listener.should_stop():
                try:
                    kind, value = heard.get(timeout=_LOOK_S)
                except queue.Empty:
                    waited += _LOOK_S
                    if waited >= self._silence_s:
                        raise failures.silent(self.base_url, self._silence_s) from None
                    continue
                waited = 0.0
                yield kind, value
        finally:
            gone.set()

    def _pump(
        self, arguments: dict[str, Any], heard: queue.SimpleQueue[tuple[str, Any]], gone: threading.Event
    ) -> None:
        for attempt in range(_RETRIES + 1):
            begun = False
            try:
                with self._client().messages.stream(**arguments) as stream:
                    for event in stream:
                        if gone.is_set():
                            return
                        begun = True
                        if event.type == "text":
                            heard.put(("text", event.text))
                        else:
                            heard.put(("input", event.partial_json) if event.type == "input_json" else ("alive", None))
                    heard.put(("message", stream.get_final_message()))
                return
            except Exception as error:
                wait_s = None if begun or attempt == _RETRIES else _retry_in(error, attempt)
                if wait_s is None:
                    heard.put(("error", error))
                    return
                if gone.wait(wait_s):
                    return

    def _client(self) -> Anthropic:
        import anthropic
        import httpx2

        with self._lock:
            if self._made is None:
                self._made = anthropic.Anthropic(
                    api_key=self._api_key,
                    auth_token=self._auth_token,
                    base_url=self.base_url,
                    max_retries=0,  # the SDK would sleep through any retry-after, hours included
                    timeout=httpx2.Timeout(self._silence_s, connect=_CONNECT_S),
                )
            return self._made

    def _find_model(self) -> str:
        """The default model where the endpoint lists it, else the first it lists; kept once known."""
        try:
            listed = [offered.id for offered in self.models()]
        except AssistantError:
            return DEFAULT_MODEL  # the real call will say what is wrong
        if listed:
            self._model = DEFAULT_MODEL if DEFAULT_MODEL in listed else listed[0]
        return self._model or DEFAULT_MODEL

    def _explain(self, error: Exception, model: str) -> AssistantError:
        import anthropic
        import httpx2

        if isinstance(error, anthropic.APIStatusError):
            return failures.from_status(
                error.status_code,
                error.api_message or "",
                base_url=self.base_url,
                model=model,
                credential="ANTHROPIC_API_KEY" if self._api_key else "ANTHROPIC_AUTH_TOKEN",
                retry_after_s=_seconds(error.response.headers.get("retry-after")),
                secret=self._api_key or self._auth_token,
            )
        if isinstance(error, anthropic.APITimeoutError):
            return failures.silent(self.base_url, self._silence_s)
        if isinstance(error, anthropic.APIConnectionError):
            return failures.unreachable(self.base_url, str(error.__cause__ or error))
        if isinstance(error, anthropic.APIError):  # an error event in the middle of the stream
            return AssistantError(
                f"{self.base_url} stopped during the answer: {error.message}. Ask again.", kind="overloaded"
            )
        if isinstance(error, httpx2.HTTPError):
            return failures.broken_off(self.base_url)
        return AssistantError(f"{self.base_url} sent an invalid response: {error}", kind="protocol")


def _offered(model: ModelInfo) -> Offered:
    effort = model.capabilities.effort if model.capabilities else None
    return Offered(id=model.id, name=model.display_name or model.id, effort=bool(effort and effort.supported))


def _run(tools: Sequence[Tool], name: str, tool_input: Any, call_id: str, listener: Listener) -> dict[str, Any]:
    words, failed = run_tool(tools, name, tool_input, listener)
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": call_id, "content": words or "(nothing)"}
    return result | {"is_error": True} if failed else result


def _opened(request: Request) -> list[dict[str, Any]]:
    """The conversation up to its last turn, marked there: the next reply's request begins with the same blocks.

    The context comes behind the mark, for it differs from reply to reply.
    """
    messages = [_plain(turn) for turn in alternate(request.history)]
    if request.context and messages:
        messages[-1:] = _with_cache_mark(messages[-1:])
        messages[-1]["content"].append({"type": "text", "text": reminder(request.context)})
    return messages


def _plain(turn: Turn) -> dict[str, Any]:
    return {"role": turn.role, "content": [{"type": "text", "text": turn.text}]}


def _replayed(message: Message) -> list[dict[str, Any]]:
    """An answer as the next request repeats it; the API refuses empty texts."""
    blocks = [block.to_dict() for block in message.content]
    for block in blocks:
        block.pop("parsed_output", None)
    return [b for b in blocks if b["type"] != "text" or b["text"]]


def _with_cache_mark(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages with the cache mark on the last block."""
    *earlier, last = messages
    *blocks, block = last["content"]
    return [*earlier, last | {"content": [*blocks, block | {"cache_control": _CACHED}]}]


def _usage(model: str, message: Message) -> Usage:
    counts = message.usage
    usage = Usage(
        input_tokens=counts.input_tokens or 0,
        output_tokens=counts.output_tokens or 0,
        cache_read_tokens=counts.cache_read_input_tokens or 0,
        cache_write_tokens=counts.cache_creation_input_tokens or 0,
    )
    price(model, usage)
    return usage


def _stop_reason(message: Message) -> StopReason:
    if message.stop_reason == "refusal":
        raise failures.refused()
    return "length" if message.stop_reason in {"max_tokens", "model_context_window_exceeded"} else "end"


def _retry_in(error: Exception, attempt: int) -> float | None:
    """Seconds until another try is worth it; None when the user should hear of it now."""
    import anthropic

    backoff_s = 0.5 * (attempt + 1)
    if isinstance(error, anthropic.APIStatusError):
        if error.status_code not in _PASSING and error.status_code < 500:
            return None
        wait_s = _seconds(error.response.headers.get("retry-after"))
        if wait_s is None:
            return backoff_s
        return wait_s if wait_s <= _PATIENCE_S else None
    connects = isinstance(error, anthropic.APIConnectionError) and not isinstance(error, anthropic.APITimeoutError)
    return backoff_s if connects else None


def _seconds(header: str | None) -> float | None:
    try:
        return float(header) if header else None
    except ValueError:
        return None
