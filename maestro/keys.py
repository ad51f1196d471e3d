"""Where keys are kept: in the system's keyring, else in a file that only the user can read. Never in the database.

``keys.json`` in a folder (the data folder; the user's configuration folder for what stood in ``config.toml``) says which
there are and where each is: ``{"anthropic_api_key": {"in": "keyring"}}``, or ``{"…": {"value": "…"}}`` without a keyring.
So nothing asks the keyring, which may ask the user, unless a key is in it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from maestro import untrusted
from maestro.errors import Unavailable

#: What is a secret, or holds some, and may be typed into the settings.
APART = frozenset({"anthropic_api_key", "anthropic_auth_token", "notify_urls"})

_FILE = "keys.json"
_SERVICE = "maestro"
#: A keyring that asks the user is waited for, but not for ever; one that was silent is left alone for a while, so that a
#: start does not wait once for each key.
_PATIENCE_S = 30.0
_LEFT_ALONE_S = 120.0

_log = logging.getLogger(__name__)
_lock = threading.RLock()
_silent_until = 0.0  # of ``time.monotonic``


class KeyStore:
    """The keys of one folder."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / _FILE

    def read(self) -> dict[str, Any]:
        """All keys by their setting's name. What the keyring does not give is left out, and said in the log."""
        found = {}
        for name, entry in self._entries().items():
            value = self._of_keyring(name) if entry.get("in") == "keyring" else entry.get("value")
            if value is not None:
                found[name] = value
        return found

    def put(self, name: str, value: Any) -> None:
        """Keep a key; None forgets it. Raises Unavailable where that cannot be written."""
        with _lock:
            entries = self._readable()
            before = entries.pop(name, {})
            if value is not None:
                entries[name] = {"in": "keyring"} if self._into_keyring(name, value) else {"value": value}
            self._write(entries)
            if before.get("in") == "keyring" and entries.get(name) != before:
                with suppress(Exception):  # it is forgotten here; what stays there is of no use to anybody else
                    _ask(lambda backend: backend.delete_password(_SERVICE, self._user(name)))

    def place(self, name: str) -> str | None:
        """Where a key is, in words; None for one that is not here."""
        entry = self._entries().get(name)
        if entry is None:
            return None
        return "the system’s keyring" if entry.get("in") == "keyring" else f"{self.file}, which only you can read"

    def _entries(self) -> dict[str, dict[str, Any]]:
        try:
            return self._readable()
        except Unavailable as error:
            _log.warning("%s", error.detail)
            return {}

    def _readable(self) -> dict[str, dict[str, Any]]:
        """What the file says. Raises Unavailable for one that says nothing: writing it anew would lose the keys in it."""
        try:
            found = json.loads(untrusted.text(self.file))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            words = (
                f"{self.file} cannot be read, so no keys are known from it: {error}. Repair the file or move it away."
            )
            raise Unavailable(words) from error
        return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}

    def _write(self, entries: dict[str, dict[str, Any]]) -> None:
        try:
            if entries:
                self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                untrusted.write(self.file, json.dumps(entries, indent=2))
            else:
                self.file.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The keys cannot be stored in {self.file}: {error.strerror}. Nothing was changed."
            ) from error

    def _user(self, name: str) -> str:
        return f"{name} of {self.file.parent}"

    def _into_keyring(self, name: str, value: Any) -> bool:
        words = json.dumps(value)

        def keep(backend: Any) -> bool:
            backend.set_password(_SERVICE, self._user(name), words)
            return bool(backend.get_password(_SERVICE, self._user(name)) == words)

        try:
            return bool(_ask(keep))
        except Exception as error:  # whatever a backend raises: the file is there for that
            _log.info("the keyring does not accept %s: %s", name, type(error).__name__)
            return False

    def _of_keyring(self, name: str) -> Any:
        try:
            words = _ask(lambda backend: backend.get_password(_SERVICE, self._user(name)))
            if words is None:
                _log.warning("%s is no longer in the keyring. Enter it again in the settings.", name)
            return None if words is None else json.loads(words)
        except Exception as error:
            why = str(error) or type(error).__name__
            _log.warning(
                "the keyring does not return %s (%s). Unlock it and restart Maestro, or enter it again.", name, why
            )
            return None


def place_for_new(folder: Path) -> str:
    """Where a key that is typed now would go, in words."""
    try:
        name = _ask(lambda backend: type(backend).__module__.rpartition(".")[2])
    except Exception:
        return f"{folder / _FILE}, which only you can read (no keyring is available)"
    return f"the system’s keyring ({name})"


def _ask(question: Callable[[Any], Any]) -> Any:
    """Ask the keyring, in a thread of its own. Raises what it raises, Unavailable where there is none or it is silent."""
    global _silent_until
    if time.monotonic() < _silent_until:
        raise Unavailable("The keyring does not respond.")
    answer: list[Any] = []
    failure: list[Exception] = []

    def run() -> None:
        try:
            answer.append(question(_backend()))
        except Exception as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True, name="keyring")
    thread.start()
    thread.join(_PATIENCE_S)
    if failure:
        raise failure[0]
    if not answer:
        _silent_until = time.monotonic() + _LEFT_ALONE_S
        raise Unavailable("The keyring does not respond.")
    return answer[0]


def _backend() -> Any:
    """The keyring of this system. Raises Unavailable where there is none."""
    import keyring

    backend = keyring.get_keyring()
    if getattr(backend, "priority", 0) <= 0:  # keyring's own stand-ins, which keep nothing
        raise Unavailable("No keyring is available.")
    return backend


def take_from_config(path: Path, names: frozenset[str]) -> list[str]:
    """Move the keys of a ``config.toml`` to the store beside it; says what was done. The rest of the file stays."""
    import tomllib

    try:
        text = untrusted.text(path, follow=True)
        found = tomllib.loads(text)
    except (OSError, ValueError):
        return []
    keys = {name: found[name] for name in names if name in found}
    if not keys:
        return []
    left = _without(text, keys)
    if left is None:
        return [
            f"{path} holds keys ({', '.join(sorted(keys))}) that could not be moved to a safer place: remove them by hand."
        ]
    store = KeyStore(path.parent)
    try:
        for name, value in keys.items():
            store.put(name, value)
        mode = path.stat().st_mode & 0o777
        untrusted.write(Path(os.path.realpath(path)), left)
        path.chmod(mode)
    except (OSError, Unavailable) as error:
        return [f"The keys in {path} could not be moved to a safer place: {error}"]
    return [f"{name} is no longer in {path}; it is now in {store.place(name)}." for name in sorted(keys)]


def _without(text: str, keys: dict[str, Any]) -> str | None:
    """The file without the lines of these keys; None where that would change anything else."""
    import tomllib

    lines = text.splitlines(keepends=True)
    kept, skipping, table = list[str](), False, False
    for line in lines:
        begins = re.match(r"""\s*(["']?)([\w-]+)\1\s*=""", line)
        table = table or line.lstrip().startswith("[")
        if begins and not table and begins[2] in keys:
            skipping = not _is_whole(line)
            continue
        if skipping:
            skipping = not line.strip().startswith("]")
            continue
        kept.append(line)
    left = "".join(kept)
    try:
        wanted = {k: v for k, v in tomllib.loads(text).items() if k not in keys}
        return left if tomllib.loads(left) == wanted else None
    except tomllib.TOMLDecodeError:
        return None


def _is_whole(line: str) -> bool:
    import tomllib

    try:
        tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return False
    return True
