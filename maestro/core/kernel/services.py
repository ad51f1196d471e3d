"""What lives as long as the app and belongs to one module each: declared there as a ``Service``, made on first use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Service(Generic[T]):
    """One thing of the app's, declared once at the top of the module whose it is: ``_BOOK = Service(_Book)``.

    ``make`` makes it; ``with_runtime`` does where it needs the ``Runtime``. With neither it is there once it was provided.
    """

    def __init__(self, make: Callable[[], T] | None = None, *, with_runtime: Callable[[Any], T] | None = None) -> None:
        self._make, self._with_runtime = make, with_runtime

    def made(self, runtime: Any) -> T:
        """A new one. Raises LookupError for what is only ever provided."""
        if self._with_runtime is not None:
            return self._with_runtime(runtime)
        if self._make is not None:
            return self._make()
        raise LookupError("a service that was not provided")


class Keyed(Generic[K, T]):
    """A service of which there is one for each key (a session's lock), made on first use."""

    def __init__(self, make: Callable[[K], T]) -> None:
        self._make, self._lock = make, threading.RLock()
        self._found: dict[K, T] = {}

    def of(self, key: K) -> T:
        """The one for ``key``."""
        with self._lock:
            if key not in self._found:
                self._found[key] = self._make(key)
            return self._found[key]


class Services:
    """The services of one running app."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._found: dict[Service[Any], Any] = {}

    def of(self, service: Service[T], runtime: Any) -> T:
        """The app's, made now where it is not there yet; by one thread only."""
        with self._lock:
            if service not in self._found:
                self._found[service] = service.made(runtime)
            found: T = self._found[service]
            return found

    def find(self, service: Service[T]) -> T | None:
        """The app's, where it is there already."""
        return self._found.get(service)

    def provide(self, service: Service[T], value: T) -> T:
        """Make ``value`` the app's."""
        with self._lock:
            self._found[service] = value
        return value

    def take(self, service: Service[T]) -> T | None:
        """The app's, which is nobody's from now on: whoever takes it ends it."""
        with self._lock:
            taken: T | None = self._found.pop(service, None)
            return taken
