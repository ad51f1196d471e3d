"""Notices outside: sent, never in the way, never with a secret in the log."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.monitoring.notifications import TOGETHER, Notifier
from maestro.settings import LoadedSettings


class Receiver:
    """A web hook that keeps what it gets, or holds every request until ``release``."""

    def __init__(self, *, hold: bool = False) -> None:
        self.got: queue.Queue[dict[str, Any]] = queue.Queue()
        self.release = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if hold:
                    receiver.release.wait(100)
                receiver.got.put(body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"json://127.0.0.1:{self.server.server_address[1]}/hook-secret-123"


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    runtime = open_runtime(LoadedSettings(flags={"data_dir": tmp_path / "data"}, environment={}, dotenv=None))
    yield runtime
    runtime.db.close()


def use(rt: Runtime, *urls: str, **more: Any) -> Notifier:
    rt.loaded.reload({"notify_urls": list(urls), **more})
    return Notifier(rt.bus, rt.db, lambda: rt.settings)


def test_what_waits_for_the_user_is_sent_once_and_what_they_did_not_ask_for_is_not(rt: Runtime) -> None:
    hook = Receiver()
    notifier = use(rt, hook.url, notify_on=["approval"])
    with rt.db.write() as tx:
        tx.emit("session_completed", "s", result={})
        tx.emit("notification", "s", level="warn", title="A budget is nearly used up", text="…")
        tx.emit("approval_requested", "s", title="Run `git push`?", detail={"reason": "It leaves this machine."})
    got = hook.got.get(timeout=60)
    assert (got["title"], got["message"]) == ("Maestro asks: Run git push?", "It leaves this machine.")
    notifier.stop()
    assert hook.got.empty()


def test_a_service_that_hangs_holds_nothing_up(rt: Runtime) -> None:
    hook = Receiver(hold=True)
    notifier = use(rt, hook.url)
    for number in range(300):
        with rt.db.write(durable=False) as tx:
            tx.emit("approval_requested", "s", title=f"Question {number}", detail={})
    hook.release.set()  # none of the writes has waited for this
    # The first ones had gone, or were about to, when the service hung; the rest comes as one message.
    messages = 1
    while "Question 299" not in str(hook.got.get(timeout=60)):
        messages += 1
    assert messages <= TOGETHER + 1
    notifier.stop()


def test_a_service_that_is_down_is_told_of_once_without_its_secret(
    rt: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    hook = Receiver()
    notifier = use(
        rt,
        "json://127.0.0.1:9/hook-secret-123",
        "nonsense://hook-secret-456",
        hook.url.replace("hook-secret-123", "ok"),
    )
    with caplog.at_level(logging.DEBUG):
        for title in ("One", "Two"):
            with rt.db.write() as tx:
                tx.emit("session_failed", "s", error=title)
            assert title in str(hook.got.get(timeout=60))  # the last address: the others have been tried
        notifier.stop()
    assert len([r for r in caplog.records if "could not be sent" in r.message]) == 2
    assert "hook-secret" not in caplog.text
