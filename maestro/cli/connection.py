"""The way to a running Maestro: the one that holds the data folder, or one started for this call."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import maestro
from maestro import instance
from maestro.errors import MaestroError, Unauthorized, Unavailable
from maestro.settings import Settings

_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 20
_SHORTEST_ID = 4
_ANSWER_TIMEOUT_S = 300  # a merge or a cancel answers when it is done

Json = dict[str, Any]


class Refused(Exception):
    """Maestro said no: the sentence of its problem document."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Api:
    """REST calls and events of one running Maestro."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(
            base_url=f"{url}/api", headers=self._headers, trust_env=False, timeout=_ANSWER_TIMEOUT_S
        )

    def get(self, path: str, /, **query: Any) -> Any:
        """The answer to a GET."""
        return self._call("GET", path, params={k: v for k, v in query.items() if v is not None})

    def post(self, path: str, /, **body: Any) -> Any:
        """The answer to a POST with a JSON body; members that are None are left out."""
        return self._call("POST", path, json={k: v for k, v in body.items() if v is not None} if body else None)

    def put(self, path: str, query: Json, body: Json) -> Any:
        """The answer to a PUT with a JSON body."""
        return self._call("PUT", path, params=query, json=body)

    def delete(self, path: str) -> None:
        """A DELETE."""
        self._call("DELETE", path)

    def all(self, path: str, **query: Any) -> list[Json]:
        """All items of a list, page by page."""
        items: list[Json] = []
        while True:
            page = self.get(path, limit=500, offset=len(items), **query)
            items += page["items"]
            if not page["items"] or len(items) >= page["total"]:
                return items

    def find(self, wanted: str) -> Json:
        """A session by its id or the beginning of it. Raises Refused when none or several fit, or it says too little."""
        wanted = wanted.strip().lower()
        if len(wanted) < _SHORTEST_ID:  # an unset variable in a script must not mean the only session there is
            raise Refused(
                422, f"“{wanted}” is not a session id: use at least {_SHORTEST_ID} characters. See: maestro list"
            )
        if len(wanted) >= len("00000000-0000-0000-0000-000000000000"):
            found: Json = self.get(f"/sessions/{quote(wanted, safe='')}")
            return found
        fitting = [s for s in self.all("/sessions") if s["id"].startswith(wanted)]
        if len(fitting) != 1:
            words = "No session id starts" if not fitting else f"{len(fitting)} session ids start"
            raise Refused(404, f"{words} with “{wanted}”. See: maestro list")
        return fitting[0]

    def events(self, session_id: str) -> Events:
        """A session's events from now on."""
        return Events(self._url, self._headers, session_id)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            response = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Unavailable(f"Maestro at {self._url} does not respond: {error or type(error).__name__}.") from error
        if response.is_success:
            if "json" not in response.headers.get("content-type", ""):
                return response.text or None
            return response.json()
        try:
            detail = response.json()["detail"]
        except (ValueError, KeyError, TypeError):
            detail = f"Maestro answered {response.status_code}."
        if response.status_code == Unauthorized.status:
            detail = "Maestro was started with another token. Set MAESTRO_TOKEN to that one."
        raise Refused(response.status_code, detail)


class Events:
    """A session's events, in turn, from the moment the ``with`` block is entered."""

    def __init__(self, url: str, headers: dict[str, str], session_id: str) -> None:
        self._connecting = connect(
            f"ws{url.removeprefix('http')}/api/ws", additional_headers=headers, proxy=None, max_size=None
        )
        self._session_id = session_id

    def next(self, timeout_s: float | None) -> Json | None:
        """The next event, or None when none comes in time. Raises Unavailable when Maestro goes away."""
        try:
            return self._receive(timeout_s)
        except TimeoutError:
            return None

    def _receive(self, timeout_s: float | None) -> Json:
        try:
            event: Json = json.loads(self._socket.recv(timeout_s))
        except ConnectionClosed as error:
            raise Unavailable("Maestro has stopped. Running work continues at the next start.") from error
        return event

    def __enter__(self) -> Self:
        self._socket = self._connecting.__enter__()
        # once this is acknowledged, everything that happens will be heard
        self._socket.send(json.dumps({"type": "subscribe", "session_id": self._session_id, "request_id": "cli"}))
        while self._receive(None).get("type") not in {"ack", "error"}:
            pass
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()


@contextmanager
def connected(settings: Settings, say: Callable[[str], None]) -> Iterator[Api]:
    """The running Maestro of the data folder, or one that runs as long as this block.

    Raises MaestroError when there is none to be had.
    """
    holder = _wait_until_it_serves(settings.data_dir)
    if holder is not None and holder.url:
        token = instance.known_token(settings)
        if token is None:
            raise Unavailable("The running Maestro uses its own token. Set MAESTRO_TOKEN to it.")
        api = Api(holder.url, token)
        try:
            yield api
        finally:
            api.close()
        return
    say("Starting Maestro for this call.")
    with _started(settings) as url:
        api = Api(url, instance.known_token(settings) or "")
        try:
            yield api
        finally:
            api.close()


def _wait_until_it_serves(data_dir: Path) -> instance.Holder | None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while (holder := instance.holder(data_dir)) is not None and not holder.url:
        if time.monotonic() > deadline:
            raise Unavailable(f"Process {holder.pid} holds {data_dir} but does not serve.")
        time.sleep(0.1)
    return holder


@contextmanager
def _started(settings: Settings) -> Iterator[str]:
    command = [sys.executable, str(app_file()), "--no-browser", "--port", "0", "--data-dir", str(settings.data_dir)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",  # the working directory may be anybody's, and an empty entry of PYTHONPATH would mean it
        start_new_session=True,  # a Ctrl-C here is ours to handle
        env=os.environ | {"MAESTRO_HOST": "127.0.0.1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    complaints: list[str] = []
    listening = threading.Thread(target=_collect, args=(process.stderr, complaints), daemon=True)
    listening.start()
    try:
        if not process.stdout.readline().startswith("Maestro is ready"):
            process.wait(_STOP_TIMEOUT_S)
            listening.join(1)
            raise Unavailable("".join(complaints).strip() or "Maestro could not be started.")
        holder = instance.holder(settings.data_dir)
        assert holder is not None
        assert holder.url
        yield holder.url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def app_file() -> Path:
    """``app.py``: beside the package, in a checkout and where it is installed alike."""
    return Path(maestro.__file__).resolve().parent.parent / "app.py"


def _collect(stream: IO[str], into: list[str]) -> None:
    with stream:
        into.extend(stream)


def exit_code(error: MaestroError | Refused) -> int:
    """1 when it could not be done now, 2 when it was asked for wrongly."""
    status = error.status
    return 2 if status in {400, 404, 413, 422} else 1
