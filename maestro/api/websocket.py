"""``/api/ws``: events out, commands in (contract, section 5).

Commands go through the same functions as REST calls. A message that cannot be obeyed is answered with an
``error`` event; the connection stays open. A message with a ``request_id`` is answered with an ``ack``.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from maestro.api.feed import ALL, Feed
from maestro.api.models import Number, RowId, Short, Text
from maestro.api.runtime import Rt
from maestro.api.text import check_text
from maestro.core import queries
from maestro.core.commands import approvals, control, conversation, notes, plans
from maestro.core.kernel.runtime import Runtime
from maestro.db.types import utcnow
from maestro.errors import Conflict, InvalidInput, MaestroError, TooLarge

router = APIRouter()

_log = logging.getLogger(__name__)

#: Largest message a client may send, in bytes.
MESSAGE_LIMIT = 1_000_000

Id = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class ClientMessage(BaseModel):
    """What all messages have. ``request_id`` comes back in the answer."""

    model_config = ConfigDict(extra="forbid")

    session_id: Id = ""
    request_id: Short | int | None = None


class Subscribe(ClientMessage):
    """Events of a session, or of all (``*``); with ``after``, first what came after that ``seq``."""

    type: Literal["subscribe"]
    session_id: Id
    after: RowId | None = None


class Unsubscribe(ClientMessage):
    """No more events of a session."""

    type: Literal["unsubscribe"]
    session_id: Id


class SendMessage(ClientMessage):
    """A message of the user's in the brainstorm."""

    type: Literal["send_message"]
    session_id: Id
    message: Annotated[Text, StringConstraints(min_length=1)]

    def obey(self, rt: Runtime) -> None:
        """Store it; the reply follows as events."""
        conversation.send_message(rt, self.session_id, self.message)


class TellAgent(ClientMessage):
    """Words to the agent of a task (id or key), or to all agents at work."""

    type: Literal["tell_agent"]
    session_id: Id
    text: Annotated[Text, StringConstraints(min_length=1)]
    task: Short | None = None
    interrupt: bool = False

    def obey(self, rt: Runtime) -> None:
        """Store it; ``note_taken`` follows when the agent has read it."""
        notes.send_note(rt, self.session_id, self.text, task=self.task, interrupt=self.interrupt)


class ApprovePlan(ClientMessage):
    """Approve the plan and start. ``plan_id``: the hash or version that was read; another plan is not approved."""

    type: Literal["approve_plan"]
    session_id: Id
    plan_id: Short | int | None = None

    def obey(self, rt: Runtime) -> None:
        """Approve exactly the plan that was meant."""
        plan = queries.get_plan(rt, self.session_id)
        if self.plan_id is not None and str(self.plan_id) not in {plan.hash, str(plan.version)}:
            raise Conflict("The plan has changed since you reviewed it. Review it again, then approve.")
        plans.approve_plan(rt, self.session_id, expected_hash=plan.hash)


class Pause(ClientMessage):
    """Stop all workers where they are."""

    type: Literal["pause"]
    session_id: Id

    def obey(self, rt: Runtime) -> None:
        """Pause the session."""
        control.pause(rt, self.session_id)


class Resume(ClientMessage):
    """Go on after a pause."""

    type: Literal["resume"]
    session_id: Id

    def obey(self, rt: Runtime) -> None:
        """Resume the session."""
        control.resume(rt, self.session_id)


class Cancel(ClientMessage):
    """End the session."""

    type: Literal["cancel"]
    session_id: Id
    reason: Text | None = None

    def obey(self, rt: Runtime) -> None:
        """Cancel the session."""
        control.cancel(rt, self.session_id, self.reason)


class Rollback(ClientMessage):
    """Session branch back to a checkpoint (id or number)."""

    type: Literal["rollback"]
    session_id: Id
    checkpoint: Short | Number

    def obey(self, rt: Runtime) -> None:
        """Roll the session back."""
        control.rollback(rt, self.session_id, str(self.checkpoint))


class ResolveApproval(ClientMessage):
    """The answer to a question."""

    type: Literal["resolve_approval"]
    approval_id: Id
    decision: Literal[
        "allow", "allow_session", "allow_fresh", "allow_setup", "allow_sandboxed", "allow_network", "deny"
    ]
    message: Text | None = None

    def obey(self, rt: Runtime) -> None:
        """Answer it; the first answer counts."""
        approvals.decide(rt, self.approval_id, self.decision, self.message)


Message = (
    Subscribe
    | Unsubscribe
    | SendMessage
    | TellAgent
    | ApprovePlan
    | Pause
    | Resume
    | Cancel
    | Rollback
    | ResolveApproval
)
_MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


@router.websocket("/ws")
async def connect(websocket: WebSocket, rt: Rt) -> None:
    """One client, until it or the app goes."""
    await websocket.accept()
    connection = _Connection(websocket, rt)
    try:
        await connection.run()
    finally:
        connection.feed.close()


class _Connection:
    def __init__(self, websocket: WebSocket, rt: Runtime) -> None:
        self._websocket = websocket
        self._rt = rt
        self.feed = Feed(rt)

    async def run(self) -> None:
        tasks = {asyncio.create_task(self._listen()), asyncio.create_task(self._notify())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if (error := task.exception()) and not isinstance(error, WebSocketDisconnect | RuntimeError):
                    _log.error("a WebSocket failed", exc_info=error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _notify(self) -> None:
        async for event in self.feed.events():
            await self._send(event.as_message())

    async def _listen(self) -> None:
        while True:
            frame = await self._websocket.receive()
            if frame["type"] != "websocket.receive":
                return
            await self._handle(frame)

    async def _handle(self, frame: Any) -> None:
        data: Any = None
        try:
            data = _parse(frame)
            check_text(data)
            message = _checked(data)
            await self._obey(message)
        except MaestroError as error:
            await self._refuse(error, data)
        except Exception:
            _log.exception("a WebSocket message failed")
            await self._refuse(MaestroError("This is a bug in Maestro; see its log for details."), data)
        else:
            if message.request_id is not None:
                await self._answer("ack", data)

    async def _obey(self, message: Message) -> None:
        if isinstance(message, Subscribe):
            if message.session_id != ALL:
                await run_in_threadpool(queries.get_session, self._rt, message.session_id)
            await self.feed.subscribe(message.session_id, message.after)
        elif isinstance(message, Unsubscribe):
            self.feed.unsubscribe(message.session_id)
        else:
            obey: Callable[[Runtime], None] = message.obey
            await run_in_threadpool(obey, self._rt)

    async def _refuse(self, error: MaestroError, data: Any) -> None:
        await self._answer("error", data, error.extra | {"status": error.status, "message": error.detail})

    async def _answer(self, kind: str, data: Any, more: dict[str, Any] | None = None) -> None:
        """An answer to this client alone. Its ``seq`` is that of the last event, so that it can be gone on from."""
        given = data if isinstance(data, dict) else {}
        session_id, request_id = given.get("session_id"), given.get("request_id")
        await self._send(
            (more or {})
            | ({"request_id": request_id} if isinstance(request_id, str | int) else {})
            | {
                "type": kind,
                "seq": await self.feed.here(),
                "session_id": session_id if isinstance(session_id, str) else "",
                "timestamp": utcnow().isoformat(),
            }
        )

    async def _send(self, message: dict[str, Any]) -> None:
        await self._websocket.send_text(json.dumps(message, default=str))  # ASCII: holds any character there is


def _parse(frame: Any) -> Any:
    text = frame.get("text")
    if text is None:
        raise InvalidInput("Send text messages with JSON in them, not binary ones.")
    if len(text) > MESSAGE_LIMIT or len(text.encode("utf-8", errors="replace")) > MESSAGE_LIMIT:
        raise TooLarge(f"The message is larger than {MESSAGE_LIMIT // 1_000_000} MB.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"This is not JSON: {error}.") from error


def _checked(data: Any) -> Message:
    try:
        return _MESSAGES.validate_python(data)
    except ValidationError as error:
        fields = {".".join(str(p) for p in e["loc"][1:]) or "type": e["msg"] for e in error.errors()}
        words = "; ".join(f"{name}: {why}" for name, why in fields.items())
        raise InvalidInput(f"The message is not valid. {words}", fields) from error
