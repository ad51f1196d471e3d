"""An assistant over the Claude Code CLI and its own login: for people with a subscription and no key.

Each reply is one run of the CLI without built-in tools, settings or memory, in an empty folder. The
conversation so far goes into the prompt; our tools are an in-process MCP server.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maestro import variables
from maestro.assistants import failures, pricing
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
from maestro.claude_models import plain_name
from maestro.errors import AssistantError
from maestro.settings import Effort

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, SdkMcpTool

_SERVER = "maestro"
_NAME = "Claude Code"
_LOOK_S = 0.1


class ClaudeCodeAssistant:
    """Runs the CLI through ``claude_agent_sdk``; ``model`` None leaves the choice to the CLI.

    ``sign_in`` gives the variables of the user's login or cloud, asked at each reply.
    """

    def __init__(
        self,
        *,
        work_dir: Path,
        base_url: str | None = None,
        model: str | None = None,
        effort: Effort | None = None,
        cli_path: Path | None = None,
        silence_s: float = SILENCE_S,
        sign_in: Callable[[], Mapping[str, str]] = lambda: variables.for_claude(os.environ, None),
    ) -> None:
        self._work_dir = work_dir
        self._base_url = base_url
        self._model = model
        self._effort = effort
        self._cli_path = cli_path
        self._silence_s = silence_s
        self._sign_in = sign_in

    def models(self) -> list[Offered]:
        """See ``Assistant.models``: the names that the CLI turns into the newest of each."""
        return [
            Offered(id=name, name=name.capitalize(), effort=name != "haiku") for name in ("opus", "sonnet", "haiku")
        ]

    def converse(self, request: Request, listener: Listener) -> Answer:
        """See ``Assistant.converse``."""
        self._work_dir.mkdir(parents=True, exist_ok=True)
        return asyncio.run(self._converse(request, _Reply(listener)))

    async def _converse(self, request: Request, reply: _Reply) -> Answer:
        import claude_agent_sdk as sdk

        run = asyncio.create_task(self._run(request, reply))
        try:
            while not run.done():
                await asyncio.wait({run}, timeout=_LOOK_S)
                if reply.listener.should_stop():
                    return Answer(text=reply.text, stop_reason="stopped")
                if not run.done() and time.monotonic() - reply.heard_at > self._silence_s:
                    raise failures.silent(_NAME, self._silence_s)
            return Answer(text=reply.text, stop_reason=run.result())
        except sdk.CLINotFoundError as error:
            raise AssistantError(
                f"Claude Code was not found: {error}. Check MAESTRO_CLAUDE_PATH.", kind="none"
            ) from error
        except sdk.ClaudeSDKError as error:
            raise AssistantError(f"Claude Code stopped unexpectedly: {error}", kind="protocol") from error
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
            reply.count_call()  # the one that was broken off

    async def _run(self, request: Request, reply: _Reply) -> StopReason:
        import claude_agent_sdk as sdk

        result: ResultMessage | None = None
        async with sdk.ClaudeSDKClient(self._options(request, reply)) as client:
            await client.query(_prompt(request.history, request.context))
            async for message in client.receive_response():
                if isinstance(message, sdk.StreamEvent):
                    reply.event(message.event)
                elif isinstance(message, sdk.RateLimitEvent):
                    reply.resets_at = message.rate_limit_info.resets_at
                elif isinstance(message, sdk.ResultMessage):
                    result = message
        if result is None:
            raise failures.broken_off(_NAME)
        reply.count_rest(result)
        return self._ended(result, reply)

    def _ended(self, result: ResultMessage, reply: _Reply) -> StopReason:
        if result.subtype == "error_max_turns":
            return "rounds"
        if result.stop_reason == "refusal":
            raise failures.refused()
        if result.stop_reason == "max_tokens":
            return "length"
        if not result.is_error:
            return "end"
        words = result.result or "; ".join(result.errors or []) or result.subtype
        if result.api_error_status is None and ("/login" in words or "Not logged in" in words):
            raise AssistantError(
                "Claude Code is not signed in. Run `claude auth login` once, then ask again.", kind="auth"
            )
        if result.api_error_status is None:
            raise AssistantError(f"Claude Code could not answer: {words[:500]}", kind="protocol")
        raise failures.from_status(
            result.api_error_status,
            words,
            base_url=self._base_url or _NAME,
            model=self._model,
            credential="Claude Code's login",
            retry_after_s=max(0.0, reply.resets_at - time.time()) if reply.resets_at else None,
        )

    def _options(self, request: Request, reply: _Reply) -> ClaudeAgentOptions:
        import claude_agent_sdk as sdk

        server = sdk.create_sdk_mcp_server(_SERVER, tools=[_as_mcp(tool, request, reply) for tool in request.tools])
        return sdk.ClaudeAgentOptions(
            tools=[],
            system_prompt=request.system,
            mcp_servers={_SERVER: server} if request.tools else {},
            strict_mcp_config=True,
            allowed_tools=[f"mcp__{_SERVER}__{tool.name}" for tool in request.tools],
            permission_mode="dontAsk",
            setting_sources=[],
            skills=[],
            model=self._model,
            effort=self._effort,
            max_turns=request.max_rounds,
            cwd=self._work_dir,
            cli_path=self._cli_path,
            env=_environment(self._base_url, self._sign_in()),
            include_partial_messages=True,
            verbatim_prompts=True,
            extra_args={"no-session-persistence": None},
            max_buffer_size=64 * 1024 * 1024,
            stderr=lambda _line: None,
        )


class _Reply(ReplyText):
    """What has come of a reply, and when something last came."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(listener)
        self.heard_at = time.monotonic()
        self.resets_at: float | None = None
        self._model = ""
        self._call: dict[str, Any] = {}  # what the model call that goes on has used, as the API names it
        self._counted = Usage()

    def event(self, event: dict[str, Any]) -> None:
        """Take in one raw stream event of the Messages API."""
        self.heard_at = time.monotonic()
        if event.get("type") == "message_start":
            self.new_block()
            self.count_call()
            message = event.get("message") or {}
            self._model, self._call = str(message.get("model") or ""), dict(message.get("usage") or {})
        elif event.get("type") == "message_delta":
            self._call |= {name: n for name, n in (event.get("usage") or {}).items() if n}
        elif event.get("type") == "message_stop":
            self.count_call()
        delta = event.get("delta") or {}
        if event.get("type") == "content_block_delta" and delta.get("type") == "text_delta":
            self.add(str(delta.get("text", "")))
        elif event.get("type") == "content_block_delta" and delta.get("type") == "input_json_delta":
            self.add_input(str(delta.get("partial_json", "")))

    def count_call(self) -> None:
        """Tell at once what a call has used: a reply that is ended before the CLI's last word has cost it all the same."""
        if not self._call:
            return
        usage, self._call = _tokens(self._call), {}
        pricing.price(self._model, usage)
        self._report(usage)

    def count_rest(self, result: ResultMessage) -> None:
        """The CLI's own count, without what was told before; of money it is the truer one."""
        self.count_call()
        total = _tokens(result.usage or {})
        rest = Usage(
            input_tokens=max(total.input_tokens - self._counted.input_tokens, 0),
            output_tokens=max(total.output_tokens - self._counted.output_tokens, 0),
            cache_read_tokens=max(total.cache_read_tokens - self._counted.cache_read_tokens, 0),
            cache_write_tokens=max(total.cache_write_tokens - self._counted.cache_write_tokens, 0),
        )
        if result.total_cost_usd is not None and (not self._model or plain_name(self._model)):
            rest.cost_usd = result.total_cost_usd - self._counted.cost_usd
        self._report(rest)

    def _report(self, usage: Usage) -> None:
        if usage != Usage():
            self._counted.add(usage)
            self.listener.on_usage(usage)


def _as_mcp(tool: Tool, request: Request, reply: _Reply) -> SdkMcpTool[Any]:
    import claude_agent_sdk as sdk

    async def handle(tool_input: dict[str, Any]) -> dict[str, Any]:
        words, failed = run_tool(request.tools, tool.name, tool_input, reply.listener)
        reply.heard_at = time.monotonic()
        return {"content": [{"type": "text", "text": words or "(nothing)"}], "is_error": failed}

    return sdk.tool(tool.name, tool.description, tool.schema)(handle)


def _prompt(history: Any, context: str) -> str:
    """The whole conversation as one prompt: the CLI starts afresh with each reply."""
    *earlier, last = alternate(history)
    words = f"{last.text}\n\n{reminder(context)}" if context else last.text
    if not earlier:
        return words
    told = "\n\n".join(f"<{_who(turn)}>\n{turn.text}\n</{_who(turn)}>" for turn in earlier)
    return f"The conversation so far:\n\n{told}\n\nAnswer the user's next message:\n\n{words}"


def _who(turn: Turn) -> str:
    return "user" if turn.role == "user" else "you"


def _environment(base_url: str | None, sign_in: Mapping[str, str]) -> dict[str, str]:
    """The CLI's environment. The SDK adds ours to it, so what must not come through is blanked."""
    kept = variables.of_the_machine(os.environ)
    environment = {k: "" for k in os.environ if k not in kept} | dict(sign_in)
    environment |= {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    if base_url:
        environment["ANTHROPIC_BASE_URL"] = base_url
    return environment


def _tokens(counts: dict[str, Any]) -> Usage:
    return Usage(
        input_tokens=counts.get("input_tokens") or 0,
        output_tokens=counts.get("output_tokens") or 0,
        cache_read_tokens=counts.get("cache_read_input_tokens") or 0,
        cache_write_tokens=counts.get("cache_creation_input_tokens") or 0,
    )
