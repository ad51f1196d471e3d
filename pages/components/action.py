"""Doing something: a command in a thread, its button busy meanwhile, and words about how it went."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from nicegui import run, ui

from maestro.errors import InvalidInput, MaestroError
from pages.components.inline import plain

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)


class _Failed:
    """What ``perform`` gives when it did not work; false in every test."""

    def __bool__(self) -> bool:
        return False


FAILED: Any = _Failed()


async def perform(
    command: Callable[..., T],
    *args: Any,
    by: ui.button | None = None,
    done: str | Callable[[T], str] | None = None,
    invalid: Callable[[InvalidInput], bool] | None = None,
    **kwargs: Any,
) -> T:
    """Run ``command(*args, **kwargs)`` in a thread; give its result, or ``FAILED`` after saying why it did not work.

    ``by`` is busy meanwhile. ``done`` is what to say afterwards. ``invalid`` may show an InvalidInput beside its fields and
    answer true: then nothing else is said. ::

        if await perform(control.pause, rt, session.id, by=button, done="Paused.") is FAILED:
            return
    """
    if by is not None:
        by.props("loading")
    try:
        result: Any = await run.io_bound(command, *args, **kwargs)
    except InvalidInput as error:
        if invalid is None or not invalid(error):
            say_failed(error.detail)
        return FAILED  # type: ignore[no-any-return]
    except MaestroError as error:
        say_failed(error.detail)
        return FAILED  # type: ignore[no-any-return]
    except Exception as error:
        _log.exception("%s failed", getattr(command, "__name__", command))
        say_failed(unexpected(error))
        return FAILED  # type: ignore[no-any-return]
    finally:
        if by is not None and not by.is_deleted:
            by.props(remove="loading")
    if done:
        say(done(result) if callable(done) else done)
    return result  # type: ignore[no-any-return]


def unexpected(error: Exception) -> str:
    """What to say of an error that nobody foresaw: its kind and its first line. What follows that is for the log."""
    first = str(error).strip().partition("\n")[0].rstrip(".")[:300]
    return f"Unexpected error: {type(error).__name__}{': ' if first else ''}{first}. The log has the details."


def say(words: str) -> None:
    """A short notice that something was done."""
    ui.notify(plain(words), position="bottom-right", timeout=3500, classes="s-done", progress=False, group=False)


def say_failed(words: str) -> None:
    """A notice that stays until it is closed: what did not work, and the way on."""
    ui.notify(
        plain(words),
        position="bottom-right",
        timeout=12_000,
        classes="s-failed",
        group=False,
        close_button="Close",
        multi_line=len(words) > 90,
    )
