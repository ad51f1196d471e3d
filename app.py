"""Maestro's composition root: settings, data folder, runtime, API, pages, server. Start it with ``python app.py``.

Nothing is decided here. NiceGUI's tests run this file as ``__main__`` once for each test, in one process: then the
site is put together, but neither server nor log nor signals are touched.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from maestro import instance, keys, privacy, user_folders
from maestro.core.kernel import configuration
from maestro.errors import InvalidInput, MaestroError, Unavailable
from maestro.settings import KEYS, LoadedSettings, variable

if TYPE_CHECKING:
    from fastapi import FastAPI

    from maestro.core.kernel.runtime import Runtime

_FAILED = 1
_USAGE = 2
_SIMULATION = "NICEGUI_USER_SIMULATION"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run Maestro until it is told to stop; the exit code."""
    given = _flags(arguments)
    privacy.close_to_others()
    privacy.empty_environment_block()
    gc.disable()  # what a start loads is no garbage; looking for some takes a fifth of the time
    signal.signal(signal.SIGTERM, _stop_starting)
    try:
        with ExitStack() as at_the_end:
            _run(given, at_the_end)
    except MaestroError as error:
        print(error.detail, file=sys.stderr)  # noqa: T201
        return _USAGE if isinstance(error, InvalidInput) else _FAILED
    except KeyboardInterrupt:
        return 0
    return 0


def _flags(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python app.py", description="Start Maestro.", allow_abbrev=False)
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--allow-remote", action="store_true", help="let --host be reached by other machines")
    parser.add_argument("--port", help="port; 0 picks a free one (default 8080)")
    parser.add_argument("--data-dir", type=Path, help="folder for all state (default ./data in Maestro's own checkout)")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.add_argument("--stop-workers", action="store_true", help="at the stop of this app also stop its workers")
    return parser.parse_args(arguments)


def _run(given: argparse.Namespace, at_the_end: ExitStack) -> None:
    """Everything in order; ``at_the_end`` undoes it in reverse, wherever it stops."""
    flags = {"host": given.host, "port": given.port, "data_dir": given.data_dir}
    flags |= {"open_browser": False} if given.no_browser else {}
    flags |= {"allow_remote": True} if given.allow_remote else {}
    loaded, notes = configuration.for_app(flags, Path(__file__))
    lock = instance.hold(loaded.current.data_dir)
    at_the_end.callback(lock.release)
    token = instance.ensure_token(loaded.current)
    notes += keys.take_from_config(user_folders.config_file(), KEYS)

    from maestro import deferred

    deferred.put_off()
    from maestro.api import quiet_logging, serving
    from maestro.api.access import Access
    from maestro.api.hosts import Served
    from maestro.api.security import Guard
    from maestro.core.kernel import channel
    from maestro.core.supervisor import lifecycle
    from pages import later

    quiet_logging.set_up(loaded.current)
    rt = _open(loaded)
    at_the_end.callback(rt.db.close)
    means = serving.allow(rt.settings.host, remote=rt.settings.allow_remote)
    listener = at_the_end.enter_context(serving.listen(rt.settings.host, rt.settings.port))
    more = tuple(rt.settings.allowed_hosts), tuple(rt.settings.allowed_origins)
    served = Served(rt.settings.host, listener.getsockname()[1], *more)
    access = Access(token, served.port)
    site = _compose(rt, compress=not serving.is_loopback(served.host))
    at_the_end.callback(lambda: lifecycle.stop(rt, stop_workers=given.stop_workers))
    started_before = channel.is_settled(rt)
    if started_before:
        lifecycle.start(rt)

    def ready() -> None:
        gc.enable()
        rt.url = served.url
        lock.announce(served.url)
        print(f"Maestro is ready: {access.address(served.url)}", flush=True)  # noqa: T201
        for note in [means, *notes, rt.worktrees.warning]:
            if note:
                print(note, file=sys.stderr, flush=True)  # noqa: T201
        if rt.settings.open_browser:
            import webbrowser

            address = access.address(served.url, access.ticket())
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    gc.freeze()
    whole = later.FirstPageFirst(site, rt, None if started_before else lambda: lifecycle.start(rt))
    serving.serve(Guard(whole, access=access, served=served), listener, ready)


def _open(loaded: LoadedSettings) -> Runtime:
    """The runtime; what is wrong with the database in a sentence."""
    from sqlalchemy.exc import ArgumentError, DatabaseError

    from maestro.core.kernel.runtime import open_runtime

    try:
        return open_runtime(loaded)
    except ImportError as error:
        words = f"this kind of database needs the package {error.name}, which is not installed"
        name = variable("database_url")
        raise InvalidInput(f"A setting is not valid: {name}: {words}", {"database_url": words}) from error
    except ArgumentError as error:
        name = variable("database_url")
        raise InvalidInput(f"A setting is not valid: {name}: {error}", {"database_url": str(error)}) from error
    except DatabaseError as error:
        raise Unavailable(
            f"The database cannot be opened: {error.orig}. Its folder is {loaded.current.data_dir}."
        ) from error


def _compose(rt: Runtime, *, compress: bool) -> FastAPI:
    """The site on a runtime: the API, which is built on first use, and the first page."""
    for name in [n for n in os.environ if n.startswith("NICEGUI_") and n != _SIMULATION]:
        del os.environ[name]
    os.environ["NICEGUI_STORAGE_PATH"] = str(rt.data_dir / "nicegui")

    with _server_half_only():
        import socketio  # noqa: F401

    from fastapi.middleware.gzip import GZipMiddleware
    from nicegui import ui

    import pages
    from maestro.api.site import build_site
    from pages.theme import FAVICON

    site = build_site(rt)
    pages.install_first(rt)
    ui.run_with(
        site,
        title="Maestro",
        language="en-US",
        favicon=FAVICON,
        dark=None,
        show_welcome_message=False,
        reconnect_timeout=10.0,  # a browser that computes for seconds comes back to its page instead of loading it anew
        tailwind=False,  # its reset is in pages/static/reset.css
        gzip_middleware_factory=GZipMiddleware if compress else None,
    )
    return site


@contextmanager
def _server_half_only() -> Iterator[None]:
    """Let socket.io find its client's libraries missing, which it allows for: Maestro only serves.

    Loading them would take a tenth of the start-up time. Whoever needs them later gets them as usual.
    """
    hidden = [name for name in ("aiohttp", "requests") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None means: not to be had
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


def _compose_for_tests() -> None:
    """What NiceGUI's simulated user needs: the pages on the data folder of the environment."""
    from nicegui import app as pages_app

    import pages
    from maestro.core.supervisor import lifecycle

    rt = _open(LoadedSettings())
    _compose(rt, compress=False)
    pages.install_others(rt)
    lifecycle.start(rt)
    pages_app.on_shutdown(lambda: lifecycle.stop(rt, stop_workers=True))


def _stop_starting(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM before the server takes signals: stop as with Ctrl-C."""
    raise KeyboardInterrupt


if __name__ in {"__main__", "__mp_main__"}:
    if os.environ.get(_SIMULATION):
        _compose_for_tests()
    elif code := main():
        sys.exit(code)
