"""Claude Code as an agent, through ``claude_agent_sdk`` and the CLI that it bundles."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from maestro.agents import claude_failures as failures
from maestro.agents import claude_options, claude_reset, claude_shell
from maestro.agents.base import AgentLink, AgentResult, AgentSpec
from maestro.agents.claude_events import Transcript
from maestro.agents.claude_failures import Failure
from maestro.agents.claude_gate import Gatekeeper
from maestro.agents.claude_words import Words
from maestro.agents.notes import with_words

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeSDKClient

#: How long nothing but retries may happen once the model has answered, and before it ever has.
RETRY_CEILING_S = 60.0
FIRST_ANSWER_CEILING_S = 10.0
#: A refused key stays refused; one retry allows for a login token that is being renewed.
_AUTH_RETRIES = 2
#: How long an interrupted or finished CLI gets to say its last word.
_FAREWELL_S = 5.0
#: How long after the end of a turn the CLI may take to begin with what it was sent meanwhile.
_WORD_S = 20.0


class ClaudeCode:
    """The adapter; see ``maestro.agents.base.AgentAdapter``."""

    name = "claude_code"
    takes_notes = True

    async def run(self, spec: AgentSpec, link: AgentLink) -> AgentResult:
        """Run one conversation until it ends, is stopped, or hits a limit."""
        if spec.permission_mode == "sandboxed" and (missing := claude_options.missing_for_sandbox()):
            words = f"The mode `sandboxed` cannot be kept here. {missing} Or choose another permission mode."
            return AgentResult(outcome="failed", failure="missing", message=words)

        def refused(host: str) -> None:
            words = f"{host} was refused. Name it in `network_hosts` to let this agent reach it."
            link.log("system", words, level="warn")

        with claude_shell.commands(spec, refused):
            return await self._run(spec, link)

    async def _run(self, spec: AgentSpec, link: AgentLink) -> AgentResult:
        first = await _Run(spec, link, resume=spec.resume).go()
        if isinstance(first, AgentResult):
            return first
        # The CLI knows the conversation after all, or does not know it: then the other way round is right.
        link.log("system", first.reason)
        anew = replace(spec, prompt=spec.fresh_prompt or spec.prompt) if spec.resume else spec
        second = await _Run(anew, link, resume=not spec.resume).go()
        if isinstance(second, AgentResult):
            return second
        return AgentResult(outcome="failed", failure="protocol", message=second.reason)


class _OtherWayRound:
    """The conversation must be resumed instead of started, or started instead of resumed."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Run:
    """One connection to the CLI."""

    def __init__(self, spec: AgentSpec, link: AgentLink, *, resume: bool) -> None:
        self._spec = spec
        self._link = link
        self._resume = resume
        self._transcript = Transcript(spec, link)
        self._gate = Gatekeeper(spec, link)
        self._words = Words(link)
        self._stderr: list[str] = []

    async def go(self) -> AgentResult | _OtherWayRound:
        """Connect, send the prompt, follow until the end."""
        from claude_agent_sdk import ClaudeSDKClient, ClaudeSDKError, CLINotFoundError

        client: ClaudeSDKClient | None = None
        try:
            client = ClaudeSDKClient(
                claude_options.options(
                    self._spec, self._link, self._gate, resume=self._resume, stderr=self._take_stderr
                )
            )
            await client.connect()
            if words := claude_options.hooks_words(self._spec):
                self._link.log("system", words)
            first = self._words.put_first(self._spec, resume=self._resume)
            await client.query(with_words(self._spec.prompt, first))
            return await self._follow(client)
        except CLINotFoundError:
            return self._failed(failures.not_found(self._spec.cli_path))
        except ClaudeSDKError as error:
            return self._broken(error)
        except Exception as error:  # the SDK raises bare exceptions for control requests that fail
            return self._broken(error)
        finally:
            if client is not None:
                with contextlib.suppress(Exception):
                    await client.disconnect()

    async def _follow(self, client: ClaudeSDKClient) -> AgentResult | _OtherWayRound:
        """Read until the result, a stop, the time limit or the retry ceiling, whichever is first."""
        reading = asyncio.create_task(self._read(client))
        stopping = asyncio.create_task(self._link.stop_requested())
        deadline = asyncio.create_task(self._deadline())
        ceiling = asyncio.create_task(self._retry_ceiling())
        words = asyncio.create_task(self._pass_on_words(client))
        try:
            done, _ = await asyncio.wait({reading, stopping, deadline, ceiling}, return_when=asyncio.FIRST_COMPLETED)
            if reading in done:
                reading.result()
                return await self._ended()
            failure = ceiling.result() if ceiling in done else None
            reason = (
                stopping.result()
                if stopping in done
                else f"The time limit of {_span(self._spec.task_timeout_s)} is reached."
            )
            await self._interrupt(client, reading)
            if failure:
                return self._failed(failure)
            return AgentResult(
                outcome="interrupted",
                message=reason,
                failure=None if stopping in done else "time",
                turns=self._transcript.turns,
                usage=self._transcript.meter.total,
                denied=self._gate.denied,
            )
        finally:
            for task in (reading, stopping, deadline, ceiling, words):
                task.cancel()
            await asyncio.gather(reading, stopping, deadline, ceiling, words, return_exceptions=True)

    async def _read(self, client: ClaudeSDKClient) -> None:
        """Follow the stream until a turn ends and nothing was said meanwhile that the agent has not read."""
        from claude_agent_sdk import ResultMessage

        stream, ended = client.receive_messages(), False
        while True:
            coming = asyncio.ensure_future(anext(stream, None))
            try:
                await asyncio.wait({coming}, timeout=_WORD_S if ended else None)
            finally:
                if not coming.done():
                    coming.cancel()
            message = coming.result() if coming.done() else None
            if message is None:
                return
            self._transcript.take(message)
            self._words.take(message)
            ended = isinstance(message, ResultMessage)
            if ended and not self._continues():
                return

    def _continues(self) -> bool:
        """Whether the turn that has ended is followed by one about what the agent was told meanwhile."""
        failure, _text = self._transcript.verdict()
        return self._words.waiting and (failure is None or self._words.interrupted)

    async def _pass_on_words(self, client: ClaudeSDKClient) -> None:
        """Tell the agent what comes in while it works; the CLI hands it on with the next tool result."""
        while True:
            word = await self._link.next_word()
            self._words.sent(word)
            if word.interrupt:
                with contextlib.suppress(Exception):  # nothing is under way that could be interrupted
                    await asyncio.wait_for(client.interrupt(), _FAREWELL_S)
            await client.query(word.text)
            if not word.note:
                self._link.log("system", f"Told the agent: {word.text}", told=True)

    async def _interrupt(self, client: ClaudeSDKClient, reading: asyncio.Task[None]) -> None:
        """Stop the turn, and wait a little for the final numbers."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(client.interrupt(), _FAREWELL_S)
            await asyncio.wait({reading}, timeout=_FAREWELL_S)

    async def _deadline(self) -> None:
        """Return when the time limit is used up. Waiting for the user and being paused do not count."""
        left, tick = self._spec.task_timeout_s, 0.5
        while left is None or left > 0:
            await asyncio.sleep(tick if left is None else min(tick, left))
            if left is not None and not self._gate.asking:
                left -= tick

    async def _retry_ceiling(self) -> Failure:
        """Return once nothing but retries has happened for too long."""
        loop = asyncio.get_running_loop()
        since: float | None = None
        while True:
            await asyncio.sleep(0.2)
            failure = self._transcript.retry
            if failure is None:
                since = None
                continue
            since = since or loop.time()
            ceiling = RETRY_CEILING_S if self._transcript.answered else FIRST_ANSWER_CEILING_S
            hopeless = (
                failure.kind in ("auth", "model", "refused", "conversation")
                and self._transcript.retries >= _AUTH_RETRIES
            )
            if hopeless or loop.time() - since >= ceiling:
                return failure

    async def _ended(self) -> AgentResult | _OtherWayRound:
        if self._transcript.result is None:
            return self._broken(None)
        failure, text = self._transcript.verdict()
        if failure and self._transcript.turns == 0 and (other := self._other_way_round(text)):
            return other
        if failure and failure.kind == "rate_limit" and failure.retry_at is None:
            failure = failures.limit(await claude_reset.ask(self._transcript.model))
        return self._transcript.closed(failure, text, self._gate.denied)

    def _failed(self, failure: Failure) -> AgentResult:
        return self._transcript.closed(failure, "", self._gate.denied)

    def _broken(self, error: Exception | None) -> AgentResult | _OtherWayRound:
        """The CLI or the connection to it broke off."""
        said = [*self._stderr[-20:], str(error or "")]
        if other := self._other_way_round(" ".join(said)):
            return other
        exit_code = getattr(error, "exit_code", None)
        if failures.was_killed(exit_code):
            # By hand or by the kernel, which was short of memory: nothing the agent did, and it can go on.
            return AgentResult(
                outcome="interrupted",
                message=f"Claude Code was killed (exit code {exit_code}).",
                turns=self._transcript.turns,
                usage=self._transcript.meter.total,
                denied=self._gate.denied,
            )
        return self._failed(failures.of_process(exit_code, self._stderr or ([str(error)] if error else [])))

    def _other_way_round(self, text: str) -> _OtherWayRound | None:
        if self._resume and "No conversation found" in text:
            return _OtherWayRound("The earlier conversation no longer exists; starting a new one.")
        if not self._resume and "already in use" in text:
            return _OtherWayRound("The conversation already exists; continuing it.")
        return None

    def _take_stderr(self, line: str) -> None:
        self._stderr = [*self._stderr[-99:], line]
        sys.stderr.write(line + "\n")


def _span(seconds: float | None) -> str:
    seconds = seconds or 0.0
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
