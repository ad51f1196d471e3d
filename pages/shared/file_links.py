"""Which links in a model's words lead to a file of the repository, and where its page is."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote

from nicegui import run

from maestro.core.kernel.runtime import Runtime
from maestro.core.queries import repository_files
from maestro.core.views import SessionView
from maestro.errors import MaestroError
from pages.components.markdown import FileLink

_LINE = re.compile(r"(?:#L?|:)(\d+)(?:[:\-][\w:\-]*)?$")


async def file_links(rt: Runtime, session: SessionView) -> FileLink:
    """Tells for a link's address on which page of the session its file is; None for what is no tracked file."""
    try:
        names = await run.io_bound(repository_files.file_names, rt, session.id)
    except MaestroError:
        names = None  # the repository cannot be read now: its files are plain words
    return lambda address: address_of(session, names or frozenset(), address)


def address_of(session: SessionView, names: frozenset[str], address: str) -> str | None:
    """The page of the file that ``address`` means, as models write it: relative, absolute, with a line."""
    said = unquote(address)
    for words, line in ((said, ""), _split(said)):
        path = _relative(words, session.repo_path)
        if path in names:
            at = f"&line={line}" if line else ""
            return f"/session/{session.id}/file?path={quote(path, safe='')}{at}"
    return None


def _split(address: str) -> tuple[str, str]:
    found = _LINE.search(address)
    if found:
        return address[: found.start()], found[1]
    return re.split(r"[#?]", address, maxsplit=1)[0], ""


def _relative(address: str, repo: str) -> str:
    path = re.sub(r"^file://(localhost)?", "", address)
    for root in {repo.rstrip("/"), str(Path(repo).resolve())}:
        path = path.removeprefix(root + "/")
    return path.lstrip("/").removeprefix("./")
