"""A scripted Messages API on loopback: the demo's model, and the model of all tests.

It speaks enough of the Anthropic API for the ``anthropic`` SDK and for Claude Code: messages (streamed
and plain), token counts, the model list. What it answers is a ``Scenario``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from maestro.demo.scenario import Block, ErrorReply, Reply, Request, Scenario
from maestro.demo.wire import message_for, stream_events, token_count

#: How long start and stop may take before something is wrong.
_PATIENCE_S = 10.0


class ScriptedServer:
    """Serves a scenario from a thread of its own; usable as a context manager.

    ``requests`` holds the latest requests as ``{method, path, headers, body, rule}``, where ``rule`` is
    the index of the rule that answered. ``port=0`` picks a free port.
    """

    def __init__(self, scenario: Scenario, port: int = 0, *, keep: int = 200) -> None:
        self.scenario = scenario
        self.requests: deque[dict[str, Any]] = deque(maxlen=keep)
        self._port = port
        self._used: Counter[int] = Counter()
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        """The base URL to give to an SDK, without a trailing slash."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen and serve; returns once requests are answered. Raises ``OSError`` when the port is taken."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self._port))
        except OSError:
            listener.close()
            raise
        self._port = listener.getsockname()[1]
        self._socket = listener
        self._stopping = asyncio.Event()
        config = uvicorn.Config(
            self._app(), log_config=None, access_log=False, ws="none",
            loop="asyncio", lifespan="off", timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(self._server, listener, started), name="scripted-model", daemon=True
        )
        self._thread.start()
        if not started.wait(_PATIENCE_S):
            raise RuntimeError("The scripted model did not start.")

    def stop(self) -> None:
        """Break off what hangs, and end the thread."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_PATIENCE_S)
        if self._socket is not None:
            self._socket.close()
        self._server = self._thread = self._socket = None

    def __enter__(self) -> ScriptedServer:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def messages(self) -> list[dict[str, Any]]:
        """The bodies of the recorded Messages requests, oldest first."""
        return [r["body"] for r in list(self.requests) if r["path"] == "/v1/messages"]

    def _serve(self, server: uvicorn.Server, listener: socket.socket, started: threading.Event) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started and not serving.done():
                await asyncio.sleep(0.005)
            started.set()
            await serving

        asyncio.run(main())

    def _app(self) -> Starlette:
        routes = [
            Route("/", self._root, methods=["GET", "HEAD"]),
            Route("/v1/models", self._models, methods=["GET"]),
            Route("/v1/messages", self._messages, methods=["POST"]),
            Route("/v1/messages/count_tokens", self._count, methods=["POST"]),
        ]
        missing = ErrorReply(status=404, type="not_found_error", message="Not found")
        return Starlette(routes=routes, exception_handlers={404: lambda _r, _e: _error(missing)})

    async def _root(self, _request: HttpRequest) -> Response:
        return JSONResponse({"name": "Maestro's scripted model"})

    async def _models(self, request: HttpRequest) -> Response:
        self._record(request, {}, None)
        data = [
            {"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"}
            | ({"capabilities": {"effort": {"supported": True}}} if name in self.scenario.effort_models else {})
            for name in self.scenario.models
        ]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
        return JSONResponse({"data": data, "has_more": False, **ends})

    async def _count(self, request: HttpRequest) -> Response:
        body = await _body(request)
        self._record(request, body, None)
        return JSONResponse(
            {"input_tokens": token_count([body.get("system"), body.get("tools"), body.get("messages")])}
        )

    async def _messages(self, request: HttpRequest) -> Response:
        body = await _body(request)
        if not isinstance(body.get("messages"), list):
            return _error(ErrorReply(status=400, type="invalid_request_error", message="messages: field required"))
        facts = Request(body)
        index, reply = self._choose(facts)
        self._record(request, body, index)
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.hang and reply.cut_after is None:
            await self._hang(request)
            return _Broken(_nothing())
        if reply.error is not None:
            return _error(reply.error)
        message = message_for(facts, body, reply)
        if not body.get("stream"):
            return _Broken(_nothing()) if reply.cut_after is not None else JSONResponse(message)
        then_hang = request if reply.hang else None
        return _Broken(self._stream(message, reply.cut_after, then_hang), whole=reply.cut_after is None)

    def _choose(self, facts: Request) -> tuple[int | None, Reply]:
        for index, rule in enumerate(self.scenario.rules):
            if (rule.times is None or self._used[index] < rule.times) and rule.match.holds(facts):
                self._used[index] += 1
                return index, rule.reply_to(facts)
        return None, Reply(content=[Block(text=self.scenario.default_text)])

    async def _hang(self, request: HttpRequest) -> None:
        gone = asyncio.create_task(_disconnected(request))
        stopping = asyncio.create_task(self._stopping.wait())
        _done, pending = await asyncio.wait({gone, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()

    async def _stream(
        self, message: dict[str, Any], cut_after: int | None, then_hang: HttpRequest | None
    ) -> AsyncIterator[bytes]:
        deltas = 0
        for event in stream_events(message, self.scenario.delta_chars):
            if event["type"] == "content_block_delta":
                if cut_after is not None and deltas >= cut_after:
                    if then_hang is not None:
                        await self._hang(then_hang)
                    return
                deltas += 1
                if self.scenario.delta_delay_s:
                    await asyncio.sleep(self.scenario.delta_delay_s)
            yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()

    def _record(self, request: HttpRequest, body: dict[str, Any], rule: int | None) -> None:
        self.requests.append(
            {
                "method": request.method,
                "path": request.url.path,
                "headers": dict(request.headers),
                "body": body,
                "rule": rule,
            }
        )


class _Broken(Response):
    """An event stream; when it is not ``whole`` the connection breaks instead of ending."""

    def __init__(self, chunks: AsyncIterator[bytes], *, whole: bool = False) -> None:
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-cache"})
        del self.headers["content-length"]
        self._chunks = chunks
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        async for chunk in self._chunks:
            if not started:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                started = True
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if self._whole:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _nothing() -> AsyncIterator[bytes]:
    no_chunks: tuple[bytes, ...] = ()
    for chunk in no_chunks:
        yield chunk


async def _disconnected(request: HttpRequest) -> None:
    while not await request.is_disconnected():
        await asyncio.sleep(0.05)


async def _body(request: HttpRequest) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        body = json.loads(await request.body())
        if isinstance(body, dict):
            return body
    return {}


def _error(error: ErrorReply) -> JSONResponse:
    headers = {} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"}
    body = {"type": "error", "error": {"type": error.type, "message": error.message}, "request_id": "req_scripted"}
    return JSONResponse(body, status_code=error.status, headers=headers)
