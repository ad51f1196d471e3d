"""Secrets taken out of words: at the border of database, spool, log, events and command line.

Two kinds: the secrets that this process was told (``told``: keys, the access token, notification targets), in the forms
in which programs print them; and what looks like a secret of a known service (``shapes``). Only words go through here:
what is run, compared or committed keeps its own bytes.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from maestro.secrets.shapes import HIDDEN, is_of_key, opens_key, without_shapes, without_tokens
from maestro.secrets.told import Told, masked_urls, of_url

__all__ = [
    "HIDDEN",
    "Lines",
    "clean",
    "clean_command",
    "everywhere",
    "masked_urls",
    "of_environment",
    "of_url",
    "register",
    "sealed",
]

#: Variables whose values are secrets, whatever they look like.
_VARIABLES = (
    "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK", "ANTHROPIC_AWS_API_KEY", "ANTHROPIC_FOUNDRY_API_KEY", "ANTHROPIC_FOUNDRY_AUTH_TOKEN",
    "AZURE_CLIENT_SECRET", "MAESTRO_TOKEN",
)  # fmt: skip

#: How other variables are named that hold one, and a value that is none: a path, a switch, a word.
_NAMED = re.compile(
    r"(?:.*_)?(?:API_?KEY|SECRET|SECRET_?KEY|ACCESS_?KEY|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)", re.I
)
_NO_SECRET = re.compile(r".{0,7}|[./~].*|[A-Za-z_-]+|\d+", re.DOTALL)

_lock = threading.Lock()
_sources: dict[str, tuple[str, ...]] = {}
_told = Told()


def register(source: str, secrets: Iterable[str | None]) -> None:
    """From now on these secrets of ``source`` are taken out, in the place of those that it told before."""
    global _told  # swapped whole: who cleans meanwhile sees the one or the other
    with _lock:
        _sources[source] = tuple(s for s in secrets if s)
        _told = Told(s for told in _sources.values() for s in told)


def of_environment(environment: Mapping[str, str]) -> list[str]:
    """The secrets in an environment: those that Maestro knows by name, and those whose names say so."""
    named = [value for name, value in environment.items() if _NAMED.fullmatch(name) and not _NO_SECRET.fullmatch(value)]
    return [*(value for name in _VARIABLES if (value := environment.get(name))), *named]


def clean(words: str) -> str:
    """``words`` without the secrets that this process knows, and without what looks like one."""
    return without_shapes(_told.out_of(words))


class Lines:
    """As ``clean``, for a text that comes line by line: a private key in it goes on over many."""

    def __init__(self) -> None:
        self._in_key = False

    def clean(self, line: str) -> str:
        """The next line, or the next few."""
        shown = clean(line)
        if self._in_key:
            before, end, after = shown.partition("-----END ")
            self._in_key = not end and is_of_key(before)
            if self._in_key:
                return HIDDEN
            shown = f"{HIDDEN}{end}{after}" if end else shown
        if opens_key(line):
            self._in_key = True
        return shown


def clean_command(words: str) -> str:
    """As ``clean``, for what is about to run: nothing is hidden that could do anything.

    A command may be made to look like a secret, to hide what it does from who allows it. Only told secrets go here, and
    shapes without a character that means something to a shell.
    """
    return without_tokens(_told.out_of(words))


def sealed(signature: str) -> str:
    """As ``clean_command``, for words that are compared: two that differ still do."""
    shown = clean_command(signature)
    if shown == signature:
        return signature
    mark = hashlib.sha256(signature.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{shown} #{mark}"


def everywhere(value: Any, change: Callable[[str], str] = clean) -> Any:
    """``change`` for all texts in a value of JSON; names of members are texts as well."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(k) if isinstance(k, str) else k: everywhere(v, change) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [everywhere(item, change) for item in value]
    return value
