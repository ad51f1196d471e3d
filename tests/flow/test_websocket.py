"""``/api/ws``: every event once and in order, across reconnects and slow clients; commands in, errors answered."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from maestro.api.feed import Feed
from maestro.core.kernel.runtime import Runtime, open_runtime
from maestro.db import journal
from maestro.settings import LoadedSettings
from tests.app_process import AppProcess, EventStream
from tests.repos import make_repo


@pytest.fixture
def rt(tmp_path: Path) -> Iterator[Runtime]:
    runtime = open_runtime(LoadedSettings({"data_dir": tmp_path / "data"}, environment={}, dotenv=None))
    yield runtime
    runtime.jobs.stop()
    runtime.db.close()


def emit(rt: Runtime, count: int, session_id: str = "a") -> None:
    for number in range(count):
        with rt.db.write(durable=False) as tx:
            tx.emit("notification", session_id, number=number)


def last_seq(rt: Runtime) -> int:
    with rt.db.read() as db:
        return journal.last_seq(db)


async def take(feed: Feed, upto: int, pause_s: float = 0) -> list[int]:
    """The seqs a client is given, up to and with ``upto``."""
    seen: list[int] = []
    async with asyncio.timeout(20):
        async for event in feed.events():
            seen.append(event.seq)
            if event.seq >= upto:
                return seen
            if pause_s:
                await asyncio.sleep(pause_s)
    raise AssertionError("the feed ended")


# -- the feed: no gap, no double -----------------------------------------------------------------------------------------


async def test_history_and_live_events_join_without_a_gap_or_a_double(rt: Runtime) -> None:
    emit(rt, 1200)
    writers = [threading.Thread(target=emit, args=(rt, 300, name)) for name in "abc"]
    feed = Feed(rt)
    try:
        for writer in writers:
            writer.start()  # they write while the history is read
        await feed.subscribe("*", after=700)
        seen = await take(feed, upto=2100)
    finally:
        feed.close()
        await asyncio.to_thread(lambda: [w.join() for w in writers])
    assert seen == list(range(701, 2101))


async def test_without_after_only_what_happens_from_now_on_is_told(rt: Runtime) -> None:
    emit(rt, 50)
    feed = Feed(rt)
    await feed.subscribe("*", after=None)
    emit(rt, 5)
    assert await take(feed, upto=55) == [51, 52, 53, 54, 55]
    feed.close()


async def test_a_slow_client_loses_nothing_and_the_queue_stays_small(rt: Runtime) -> None:
    feed = Feed(rt, queue=20)
    await feed.subscribe("*", after=None)
    await asyncio.to_thread(emit, rt, 700)  # nobody reads meanwhile: more than the queue and a batch hold
    assert len(feed._live) <= 20
    writer = threading.Thread(target=emit, args=(rt, 300))
    writer.start()
    seen = await take(feed, upto=1000, pause_s=0.0005)
    writer.join()
    assert seen == list(range(1, 1001))
    assert len(feed._live) <= 20
    feed.close()


async def test_a_session_subscription_gets_that_session_alone(rt: Runtime) -> None:
    emit(rt, 10, "a")
    emit(rt, 10, "b")
    feed = Feed(rt)
    await feed.subscribe("b", after=0)
    emit(rt, 2, "a")
    emit(rt, 2, "b")
    assert await take(feed, upto=24) == [*range(11, 21), 23, 24]
    feed.close()


async def test_overlapping_subscriptions_give_each_event_once(rt: Runtime) -> None:
    emit(rt, 10, "a")
    feed = Feed(rt)
    await feed.subscribe("*", after=5)
    await feed.subscribe("a", after=0)
    emit(rt, 3, "a")
    seen = await take(feed, upto=13)
    assert sorted(seen) == list(range(1, 14))
    feed.close()


async def test_unsubscribing_ends_it(rt: Runtime) -> None:
    feed = Feed(rt)
    await feed.subscribe("a", after=None)
    await feed.subscribe("b", after=None)
    feed.unsubscribe("a")
    emit(rt, 3, "a")
    emit(rt, 1, "b")
    assert await take(feed, upto=4) == [4]
    feed.close()


async def test_after_from_another_life_does_not_silence_the_future(rt: Runtime) -> None:
    emit(rt, 3)
    feed = Feed(rt)
    assert await feed.here() == 3
    await feed.subscribe("*", after=1_000_000)  # a client that remembers a data folder that is gone
    assert await feed.here() == 3
    emit(rt, 1)
    assert await take(feed, upto=4) == [4]
    feed.close()


# -- the connection, on a running app ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppProcess]:
    with AppProcess(tmp_path_factory.mktemp("ws") / "data", MAESTRO_ASSISTANT="demo") as process:
        yield process


@pytest.fixture(scope="module")
def session(app: AppProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    repo = make_repo(tmp_path_factory.mktemp("repo") / "repo", {"a.txt": "a"})
    with app.client() as api:
        created: dict[str, Any] = api.post("/api/sessions", json={"repo_path": str(repo)}).raise_for_status().json()
    return created


@pytest.fixture
def socket(app: AppProcess) -> Iterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {app.token}"}
    with connect(f"ws{app.origin.removeprefix('http')}/api/ws", additional_headers=headers, proxy=None) as connection:
        yield connection


def ask(socket: ClientConnection, message: Any) -> dict[str, Any]:
    socket.send(message if isinstance(message, str | bytes) else json.dumps(message))
    answer: dict[str, Any] = json.loads(socket.recv(10))
    return answer


def test_a_reconnect_goes_on_where_the_last_connection_ended(app: AppProcess, session: dict[str, Any]) -> None:
    def rename(*titles: str) -> None:
        with app.client() as api:
            for title in titles:
                api.patch(f"/api/sessions/{session['id']}", json={"title": title}).raise_for_status()

    def titles(stream: EventStream, last: str) -> list[str]:
        stream.until("session_updated", title=last)
        return [e["title"] for e in stream.seen if e["type"] == "session_updated"]

    with app.events(after=None, session_id=session["id"]) as first:
        first.send(type="subscribe", session_id=session["id"], request_id="now")
        first.until("ack", request_id="now")
        rename("one", "two")
        assert titles(first, "two") == ["one", "two"]
        seq = first.seen[-1]["seq"]
    rename("three", "four")
    with app.events(after=seq, session_id=session["id"]) as second:
        assert titles(second, "four") == ["three", "four"]
        rename("five")
        assert titles(second, "five") == ["three", "four", "five"]
        events = [e for e in second.seen if e["type"] != "ack"]
    assert all({"type", "seq", "session_id", "timestamp"} <= e.keys() for e in events)
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("not json", 422),
        (b"\x00\x01", 422),
        ("[" * 100_000, 422),
        ("[]", 422),
        ({}, 422),
        ({"type": "nonsense"}, 422),
        ({"type": "subscribe"}, 422),
        ({"type": "subscribe", "session_id": "*", "after": -1}, 422),
        ({"type": "subscribe", "session_id": "*", "after": 10**30}, 422),
        ({"type": "subscribe", "session_id": "*", "surprise": 1}, 422),
        ({"type": "subscribe", "session_id": "nobody"}, 404),
        ({"type": "send_message", "session_id": "nobody", "message": "hello"}, 404),
        ({"type": "send_message", "session_id": "x", "message": "a\x00b"}, 422),
        ({"type": "send_message", "session_id": "x", "message": "x" * 1_500_000}, 413),
        ({"type": "resolve_approval", "approval_id": "nobody", "decision": "allow"}, 404),
        ({"type": "resolve_approval", "approval_id": "nobody", "decision": "maybe"}, 422),
        ({"type": "approve_plan", "session_id": "nobody"}, 404),
        ({"type": "rollback", "session_id": "nobody", "checkpoint": "1"}, 404),
        ({"type": "rollback", "session_id": "nobody", "checkpoint": True}, 422),
    ],
)
def test_a_bad_message_is_answered_and_the_connection_stays(
    socket: ClientConnection, message: Any, status: int
) -> None:
    answer = ask(socket, message)

    assert answer["type"] == "error"
    assert answer["status"] == status
    assert answer["message"]
    assert {"seq", "session_id", "timestamp"} <= answer.keys()
    assert ask(socket, {"type": "subscribe", "session_id": "*", "request_id": 7})["type"] == "ack"


def test_a_command_that_is_not_allowed_now_names_state_and_events(
    socket: ClientConnection, session: dict[str, Any]
) -> None:
    answer = ask(socket, {"type": "pause", "session_id": session["id"], "request_id": "p1"})

    assert (answer["type"], answer["status"], answer["request_id"]) == ("error", 409, "p1")
    assert answer["state"] == "idle"
    assert answer["allowed"] == ["start", "cancel"]
    assert answer["session_id"] == session["id"]
    assert answer["seq"] > 0  # also before any subscription
    subscribed = ask(socket, {"type": "subscribe", "session_id": "*", "after": 10**9, "request_id": "s1"})
    assert (subscribed["type"], subscribed["seq"] >= answer["seq"]) == ("ack", True)


def test_the_whole_way_to_an_approved_plan_over_the_websocket(app: AppProcess) -> None:
    with app.client() as api, app.events(after=None) as events:
        session = api.post("/api/sessions/demo").json()["id"]
        events.until("message", role="ai", status="complete", session_id=session)
        events.send(type="send_message", session_id=session, message="Commas, please.")
        events.until("message", role="user", content="Commas, please.", session_id=session)
        events.until("message", role="ai", status="complete", session_id=session)
        api.post(f"/api/sessions/{session}/plan").raise_for_status()
        plan = events.until("plan_generated", session_id=session)
        events.until("state_changed", to="plan_review", session_id=session)

        events.send(type="approve_plan", session_id=session, plan_id="another plan")
        assert events.until("error")["status"] == 409
        events.send(type="approve_plan", session_id=session, plan_id=str(plan["version"]))
        events.until("state_changed", to="executing", session_id=session)

        events.send(type="cancel", session_id=session, reason="enough", request_id=1)
        assert events.until("state_changed", to="cancelled", session_id=session)["reason"] == "enough"
        events.until("ack", request_id=1)
