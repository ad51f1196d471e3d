"""A keyring that works without a desktop: one of the ``keyring`` library's backends, with a file behind it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

#: Where it keeps its entries; for an app in a process of its own, beside ``PYTHON_KEYRING_BACKEND``.
VARIABLE = "MAESTRO_TEST_KEYRING"


class FileKeyring(KeyringBackend):
    """Entries in one JSON file."""

    priority = 0.5  # type: ignore[assignment]

    def __init__(self, file: Path | None = None) -> None:
        super().__init__()
        self.file = file or Path(os.environ.get(VARIABLE, "/nowhere/keyring.json"))

    def get_password(self, service: str, username: str) -> str | None:
        """See ``KeyringBackend``."""
        return self._entries().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """See ``KeyringBackend``."""
        self.file.write_text(json.dumps(self._entries() | {f"{service} {username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        """See ``KeyringBackend``."""
        entries = self._entries()
        if entries.pop(f"{service} {username}", None) is None:
            raise PasswordDeleteError(username)
        self.file.write_text(json.dumps(entries))

    def _entries(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.file.read_text()) if self.file.exists() else {}
        return found
