"""The repository's files as a session sees them: at its branch's commit, or where it began."""

from __future__ import annotations

from dataclasses import dataclass

from maestro.core.kernel import lookup
from maestro.core.kernel.runtime import Runtime
from maestro.worktrees import repository

_MOST_BYTES = 400_000


@dataclass(frozen=True, slots=True)
class FileView:
    """A tracked file. ``text`` is None where it is binary; ``cut`` where only its beginning was read."""

    path: str
    commit: str
    text: str | None
    cut: bool


def file_names(rt: Runtime, session_id: str) -> frozenset[str]:
    """Paths of the tracked files. Raises NotFound for an unknown session, GitError."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    repo = lookup.repository(session)
    return frozenset(repository.list_files(repo, session.session_commit or session.base_commit))


def read_file(rt: Runtime, session_id: str, path: str) -> FileView:
    """A file's text. Raises NotFound where the session or the file is not there, GitError."""
    with rt.db.read() as db:
        session = lookup.session_row(db, session_id)
    commit = session.session_commit or session.base_commit
    data = repository.read_file(lookup.repository(session), commit, path, _MOST_BYTES + 1)
    if b"\0" in data[:8000]:
        return FileView(path, commit, None, False)
    return FileView(path, commit, data[:_MOST_BYTES].decode("utf-8", "replace"), len(data) > _MOST_BYTES)
