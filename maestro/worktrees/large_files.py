"""Taking over what git-lfs has kept in an agent's git folder: files whose name is the hash of their content, and no other."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from uuid import uuid4

from maestro import untrusted

_OID = re.compile(r"[0-9a-f]{64}")


def take_in(source: Path, target: Path) -> None:
    """Copy the objects below ``source`` that ``target`` (git's folder ``lfs``) does not have. Raises OSError."""
    for here, folders, files in os.walk(source / "objects"):
        folders[:] = [name for name in folders if not Path(here, name).is_symlink()]
        for name in files:
            place = target / "objects" / name[:2] / name[2:4] / name
            if _OID.fullmatch(name) and not os.path.lexists(place) and untrusted.is_regular(Path(here, name)):
                _take(Path(here, name), place)


def _take(path: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f"{uuid4().hex}.part")
    try:
        untrusted.copy(path, draft)
        with os.fdopen(untrusted.open_file(draft), "rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        if content == place.name:
            draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)
