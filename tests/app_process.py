"""Maestro as its users have it: a process of its own, spoken to over HTTP and the WebSocket.

``AppProcess`` starts and stops ``python app.py``; ``EventStream`` reads its events; ``wait_for`` is for the few things that
no event announces. ::

    with AppProcess(tmp_path / "data", MAESTRO_ASSISTANT="demo") as app, app.client() as api, app.events() as events:
        session = api.post("/api/sessions", json={...}).raise_for_status().json()
        events.until("state_changed", session_id=session["id"], to="completed", timeout_s=90)
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import psutil
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parent.parent
READY = re.compile(r"^Maestro is ready: (?P<url>(?P<origin>https?://[^/\s]+)/\S*[?&]token=(?P<token>[^\s&]+))")

Event = dict[str, Any]
T = TypeVar("T")


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment built from nothing: the way to programs and certificates, and a HOME of the test's own."""
    home.mkdir(parents=True, exist_ok=True)
    path, own = os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)
    kept = ("LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {
        "LANG": "C.UTF-8",
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PATH": path if own in path.split(os.pathsep) else os.pathsep.join([own, path]),
        "HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        "MAESTRO_TRUST": "all",
        "MAESTRO_PERMISSION_MODE": "edits",
        "GIT_CONFIG_NOSYSTEM": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        **more,
    }


def wait_for(predicate: Callable[[], T], timeout_s: float, what: str) -> T:
    """Ask again and again until the answer is true, and return it. For what no event announces; else use EventStream."""
    deadline = time.monotonic() + timeout_s
    while not (answer := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what}; last answer: {answer!r}")
        time.sleep(0.05)
    return answer


class AppProcess:
    """``python app.py`` on its own data folder and a free port, with an environment built for it.

    Keyword arguments become environment variables. ``url`` is the address with the token, ``origin`` without anything.
    Leaving the ``with`` block stops the app and every worker it left running.
    """

    def __init__(self, data_dir: Path, *flags: str, home: Path | None = None, **environment: str) -> None:
        self.data_dir = data_dir.absolute()
        self.flags = flags
        self.home = home or self.data_dir.with_name(f"{self.data_dir.name}-home")
        self.environment = clean_environment(self.home, **environment)
        self.url = self.origin = self.token = ""
        self._lines: list[str] = []
        self._settled = threading.Event()  # ready, or the output has ended
        self._process: subprocess.Popen[str] | None = None

    # -- life ----------------------------------------------------------------------------------------------------------

    def start(self, timeout_s: float = 120) -> Self:
        """Start the app (again) and wait for its ready line. Raises AssertionError with its output when it dies before."""
        if self._process and self._process.poll() is None:
            raise RuntimeError("the app runs already")
        self.url = self.origin = self.token = ""
        self._lines, self._settled = [], threading.Event()
        command = [sys.executable, str(ROOT / "app.py"), "--no-browser", "--port", "0"]
        self._process = subprocess.Popen(
            [*command, "--data-dir", str(self.data_dir), *self.flags],
            env=self.environment,
            cwd=self.home,  # where no developer's .env lies
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # a Ctrl-C at pytest is pytest's to handle
        )
        threading.Thread(target=self._read, args=(self._process, self._lines, self._settled), daemon=True).start()
        if not self._settled.wait(timeout_s) or not self.url:
            self.kill()
            raise AssertionError(f"the app did not become ready; exit code {self.returncode}. {self._said()}")
        return self

    def _read(self, process: subprocess.Popen[str], lines: list[str], settled: threading.Event) -> None:
        assert process.stdout
        with contextlib.suppress(ValueError), process.stdout as output:
            for line in output:
                lines.append(line)
                if not settled.is_set() and (match := READY.match(line)):
                    self.url, self.origin, self.token = match["url"], match["origin"], match["token"]
                    settled.set()
        settled.set()

    def terminate(self, timeout_s: float = 60, sent: signal.Signals = signal.SIGTERM) -> int:
        """Stop the app as a user would; return its exit code. Raises AssertionError when it does not stop in time."""
        process = self._running()
        process.send_signal(sent)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 60) -> int:
        """Wait until the app ends by itself; return its exit code. One that does not is killed: AssertionError."""
        process = self._running()
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the app did not stop within {timeout_s:g} s. {self._said()}") from None

    def kill(self) -> None:
        """End the app at once, as a crash does. Its workers live on."""
        process = self._running()
        process.kill()
        process.wait()

    def restart(self, timeout_s: float = 120) -> Self:
        """Stop cleanly and start again on the same data folder, on a new port."""
        self.terminate()
        return self.start(timeout_s)

    def kill_workers(self) -> None:
        """End whatever this app left running: processes that name its data folder, and what they started."""
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self.data_dir) in argument for argument in process.info["cmdline"] or ()):
                with contextlib.suppress(psutil.Error):
                    for child in (*process.children(recursive=True), process):
                        with contextlib.suppress(psutil.Error):
                            child.kill()

    def __enter__(self) -> Self:
        return self if self._process and self._process.poll() is None else self.start()

    def __exit__(self, *exc: object) -> None:
        try:
            if self._running().poll() is None:
                self.terminate()
        finally:
            self.kill_workers()

    # -- what one sees of it -------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """The process id of the app."""
        return self._running().pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._running().poll()

    @property
    def output(self) -> str:
        """What it has written so far to stdout and stderr, the two in one."""
        return "".join(self._lines)

    def client(self, **options: Any) -> httpx.Client:
        """An HTTP client that is let in; ``headers=…`` adds to the token."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return httpx.Client(base_url=self.origin, headers=headers, trust_env=False, timeout=60, **options)

    def stranger(self, **options: Any) -> httpx.Client:
        """An HTTP client without the token."""
        return httpx.Client(base_url=self.origin, trust_env=False, timeout=60, **options)

    def events(self, after: int | None = 0, session_id: str = "*") -> EventStream:
        """The events after a ``seq`` (0: all there ever were; None: from now on)."""
        return EventStream(self.origin, self.token, after, session_id, died=lambda: self._said())

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the app was never started")
        return self._process

    def _said(self) -> str:
        return f"It said:\n{self.output[-8000:] or '(nothing)'}"


class EventStream:
    """Events as they come over ``/api/ws``, subscribed from the start so that none is missed.

    Iterating takes them in turn and waits for the next; ``until`` goes on to the first that fits. ``seen`` has all so far.
    """

    def __init__(
        self,
        origin: str,
        token: str,
        after: int | None = 0,
        session_id: str = "*",
        died: Callable[[], str] = lambda: "",
    ) -> None:
        self.seen: list[Event] = []
        self._died = died
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(
            connect(
                f"ws{origin.removeprefix('http')}/api/ws",
                additional_headers={"Authorization": f"Bearer {token}"},
                proxy=None,
                max_size=None,
            )
        )
        self.send(type="subscribe", session_id=session_id, **({} if after is None else {"after": after}))

    def send(self, **message: Any) -> None:
        """Send one client message."""
        self._socket.send(json.dumps(message))

    def next(self, timeout_s: float = 60) -> Event:
        """The next event. Raises TimeoutError when none comes, AssertionError when the connection ends."""
        try:
            event: Event = json.loads(self._socket.recv(timeout_s))
        except ConnectionClosed as error:
            raise AssertionError(f"the event stream ended: {error}. {self._recently()} {self._died()}") from error
        self.seen.append(event)
        return event

    def until(
        self,
        type: str | None = None,  # noqa: A002  the event's own field
        *,
        timeout_s: float = 120,
        where: Callable[[Event], object] | None = None,
        **fields: Any,
    ) -> Event:
        """Take events up to the first of this type with these fields (``session_id=…, to="completed"``) and return it."""
        wanted = fields if type is None else {"type": type, **fields}
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                event = self.next(max(deadline - time.monotonic(), 0))
            except TimeoutError:
                raise AssertionError(f"no event {wanted} within {timeout_s:g} s. {self._recently()}") from None
            if all(event.get(k) == v for k, v in wanted.items()) and (where is None or where(event)):
                return event

    def __iter__(self) -> Iterator[Event]:
        while True:
            yield self.next()

    def close(self) -> None:
        """Close the connection."""
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _recently(self) -> str:
        shown = "\n".join("  " + json.dumps(event)[:300] for event in self.seen[-20:])
        return f"{len(self.seen)} events were seen, at last:\n{shown or '  (none)'}\n"
