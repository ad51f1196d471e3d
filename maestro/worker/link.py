"""The agent's link to the user, through the spool."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from maestro import secrets, untrusted
from maestro.agents.base import AgentResult, AgentSpec, GateDecision, GateRequest, Usage, UserQuestion, Word
from maestro.agents.notes import word
from maestro.worker.spool import Spool, append, read

#: How often the inbox is looked at.
_POLL_S = 0.1
#: How often the worker says that its loop turns.
_PULSE_S = 0.5
#: So many bytes of what an agent says and prints are reported of one run; what the run is judged by always is.
_MOST_BYTES = 200_000_000
_MAY_GO = frozenset({"text", "tool_result", "system", "progress"})
#: What a line costs besides its letters.
_LINE_BYTES = 200
#: What the worker itself and libraries print: so large the file may get, and so much of its end stays then.
_PRINTED_BYTES = 32_000_000
_PRINTED_KEPT = 1_000_000
#: Entries that are what an agent wants to run: nothing of it may be hidden by what looks like a secret.
_TO_RUN = frozenset({"gate", "gate_closed"})
#: Entries without words, of which members are compared.
_EXACT = frozenset({"conversation", "usage", "note_taken"})


class SpoolLink:
    """See ``maestro.agents.base.AgentLink``; every call is one line in ``events.jsonl``."""

    def __init__(
        self, spool: Spool, spec: AgentSpec, environment: Mapping[str, str] | None = None, *, key: bytes
    ) -> None:
        self._spool = spool
        self._key = key
        self._heard: set[str] = set()  # the ids of what was taken in: none counts twice
        self._allowances = list(spec.allowances)
        self._waiting: dict[str, asyncio.Future[GateDecision]] = {}
        self._answered: list[str] = []  # questions whose answers the agent has not read yet
        self._interrupted = False  # by a message: a question that ends without an answer is not to be answered any more
        self._stop = asyncio.Event()
        self._stop_reason = ""
        self._words: asyncio.Queue[Word] = asyncio.Queue()
        self._notes = {note["id"] for note in spec.notes}  # the app may say them again, when it was killed in between
        self._lines: defaultdict[str, secrets.Lines] = defaultdict(secrets.Lines)
        self._inbox_offset = 0
        self._last_beat = 0.0
        self._left = _MOST_BYTES
        environment = os.environ if environment is None else environment
        secrets.register("environment", secrets.of_environment(environment))

    def event(self, type_: str, **members: Any) -> None:
        """Append an event, without the secrets in its words."""
        to_run = type_ in _TO_RUN or members.get("kind") == "tool"
        told = (
            members
            if type_ in _EXACT
            else secrets.everywhere(members, secrets.clean_command if to_run else secrets.clean)
        )
        append(self._spool.events, {**told, "type": type_}, patient=True, key=self._key)

    def log(self, kind: str, message: str, *, level: str = "info", **metadata: Any) -> None:
        """A line of the log."""
        shown = message if kind == "tool" else self._lines[kind].clean(message)
        if kind in _MAY_GO and level != "error":
            before, self._left = self._left, self._left - len(shown.encode("utf-8", "replace")) - _LINE_BYTES
            if before <= 0:
                return
            if self._left <= 0:
                level, shown, metadata = (
                    "warn",
                    "The log of this run reached its size limit. More output is not shown.",
                    {},
                )
        self.event("log", level=level, kind=kind, message=shown, metadata=metadata)

    def conversation(self, conversation_id: str) -> None:
        """The agent's own id of the conversation."""
        self.event("conversation", id=conversation_id)

    def progress(self, percent: float, note: str) -> None:
        """The agent's own estimate, 0 to 100."""
        self.event("progress", percent=percent, note=note)

    def decision(self, decision: dict[str, Any]) -> None:
        """A choice the agent made."""
        self.event("decision", **decision)

    def usage(self, usage: Usage) -> None:
        """Tokens and money of this run so far."""
        self.event("usage", **asdict(usage))

    def result(self, result: AgentResult) -> None:
        """The last event of a run."""
        self.event("result", **asdict(result))

    def allowances(self) -> list[str]:
        """Signatures allowed for the session."""
        return self._allowances

    async def ask(self, request: GateRequest) -> GateDecision:
        """Write the question and wait for its decision in the inbox."""
        request_id = uuid.uuid4().hex
        answer: asyncio.Future[GateDecision] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        allow = False
        asked = asdict(request) | {"signature": secrets.sealed(request.signature)}
        self.event("gate", request_id=request_id, **asked)
        try:
            decision = await answer
            allow = decision.allow
            return decision
        finally:
            del self._waiting[request_id]
            self.event("gate_closed", request_id=request_id, allow=allow)

    async def ask_user(self, question: UserQuestion) -> GateDecision:
        """Write the question and wait for its answer. When the run ends before it, the question stays open."""
        request_id = uuid.uuid4().hex
        answer: asyncio.Future[GateDecision] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        self._interrupted = False
        self.event("question", request_id=request_id, **asdict(question))
        try:
            decision = await answer
            self._answered.append(request_id)
            return decision
        finally:
            del self._waiting[request_id]
            if request_id in self._answered or self._interrupted:
                self.event("question_closed", request_id=request_id)

    def answers_read(self) -> None:
        """The agent goes on with the answers it was given."""
        while self._answered:
            self.event("answer_taken", request_id=self._answered.pop(0))

    async def stop_requested(self) -> str:
        """Wait for a stop; returns the reason."""
        await self._stop.wait()
        return self._stop_reason

    async def next_word(self) -> Word:
        """Wait for the next thing to tell the agent."""
        found = await self._words.get()
        self._interrupted = self._interrupted or found.interrupt
        return found

    def note_taken(self, note: str) -> None:
        """The agent has read the user's message."""
        self.event("note_taken", note=note)

    def request_stop(self, reason: str) -> None:
        """Let ``stop_requested`` return; the first reason counts."""
        self._stop_reason = self._stop_reason or reason
        self._stop.set()

    async def follow_inbox(self) -> None:
        """Take in what the supervisor writes, for ever."""
        while True:
            self._beat()
            size = self._inbox_size()
            if size < self._inbox_offset:
                self._inbox_offset = 0  # another file than before; what was heard already is not taken in again
            if size > self._inbox_offset:
                entries, self._inbox_offset = read(self._spool.inbox, self._inbox_offset, self._key)
                strange = [entry for entry in entries if not self._take(entry)]
                if strange:
                    self._alarm(strange)
            await asyncio.sleep(_POLL_S)

    def _beat(self) -> None:
        """Tell the supervisor that the loop turns."""
        if time.monotonic() - self._last_beat >= _PULSE_S:
            self._last_beat = time.monotonic()
            with contextlib.suppress(OSError):
                self._spool.pulse.touch(mode=0o600)
            with contextlib.suppress(OSError):
                shorten(self._spool.stderr)

    def _inbox_size(self) -> int:
        try:
            return self._spool.inbox.stat().st_size
        except OSError:
            return 0

    def _take(self, entry: dict[str, Any]) -> bool:
        """Take in what the supervisor wrote; False for what it cannot have written, or what was heard already."""
        if entry.get("type") == "garbled":
            return True  # a damaged line; nothing that could be obeyed
        own_id = entry.get("id")
        if entry.get("type") == "forged" or not isinstance(own_id, str) or own_id in self._heard:
            return False
        self._heard.add(own_id)
        if entry.get("type") == "decision":
            waiting = self._waiting.get(str(entry.get("request_id")))
            if waiting is not None and not waiting.done():
                waiting.set_result(GateDecision(entry.get("allow") is True, str(entry.get("message") or "")))
        elif entry.get("type") == "allowance" and isinstance(entry.get("signature"), str):
            self._allowances.append(entry["signature"])
        elif entry.get("type") == "say" and isinstance(entry.get("text"), str):
            self._say(entry)
        elif entry.get("type") == "stop":
            self.request_stop(str(entry.get("reason") or "Stopped."))
        return True

    def _say(self, entry: dict[str, Any]) -> None:
        """A word to the agent; a message of the user's counts once, however often it is said."""
        note, text = entry.get("note"), entry["text"]
        if not isinstance(note, str) or not note:
            self._words.put_nowait(Word(text))
        elif note not in self._notes:
            self._notes.add(note)
            self._words.put_nowait(word(note, text, interrupt=entry.get("interrupt") is True))

    def _alarm(self, strange: list[dict[str, Any]]) -> None:
        """Tell that somebody else than the app wrote into the inbox; nothing of it is obeyed."""
        shown = str(strange[0].get("raw") or strange[0])[:500]
        self.event("alarm", what=shown, count=len(strange))


def shorten(path: Path, most: int = _PRINTED_BYTES, kept: int = _PRINTED_KEPT) -> None:
    """Leave only the end of a file that programs append to, when it has become too large. Raises OSError."""
    if path.lstat().st_size <= most:
        return
    descriptor = untrusted.open_file(path, flags=os.O_RDWR)
    try:
        end = os.pread(descriptor, kept, max(os.fstat(descriptor).st_size - kept, 0))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"[The beginning was left out: the file reached its size limit.]\n" + end, 0)
    finally:
        os.close(descriptor)
