"""Each service is made once for an app, whoever asks first, and another app has its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from maestro.core.kernel.services import Keyed, Service, Services


def test_a_service_is_made_once_though_many_ask_at_the_same_time() -> None:
    made: list[int] = []
    gate = threading.Barrier(8)
    counted = Service(lambda: made.append(1) or object())  # type: ignore[func-returns-value]
    services = Services()

    def ask() -> object:
        gate.wait(10)
        return services.of(counted, None)

    with ThreadPoolExecutor(8) as pool:
        found = {id(f.result()) for f in [pool.submit(ask) for _ in range(8)]}
    assert (len(found), made) == (1, [1])
    assert services.find(counted) is services.of(counted, None)
    assert Services().of(counted, None) is not services.of(counted, None)


def test_one_of_the_runtime_gets_it_and_one_needs_to_be_provided() -> None:
    services = Services()
    assert services.of(Service(with_runtime=lambda rt: [rt]), "the app") == ["the app"]
    provided: Service[str] = Service()
    with pytest.raises(LookupError):
        services.of(provided, None)
    assert services.find(provided) is None
    assert services.provide(provided, "here") == services.of(provided, None) == "here"
    assert (services.take(provided), services.take(provided)) == ("here", None)


def test_a_keyed_one_is_one_for_each_key() -> None:
    locks: Keyed[str, list[str]] = Keyed(lambda key: [key])
    assert locks.of("a") is locks.of("a")
    assert locks.of("a") is not locks.of("b")
    assert locks.of("b") == ["b"]
