"""A file of the repository on a page of its own, and which links in a model's words lead there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote

from nicegui import run, ui

from maestro.core.kernel.runtime import Runtime
from maestro.core.queries import repository_files
from maestro.core.queries.repository_files import FileView
from maestro.core.views import SessionView
from maestro.errors import MaestroError
from pages.components.code import copy_button
from pages.components.markdown import FileLink, highlighted
from pages.components.placeholders import error_state, notice
from pages.components.tag import box, tag, text
from pages.frame.shell import Frame
from pages.routing import session_page

_LINE = re.compile(r"(?:#L?|:)(\d+)(?:[:\-][\w:\-]*)?$")


def install(rt: Runtime) -> None:
    """Register ``/session/{id}/file?path=…&line=…``."""

    @session_page(rt, "/session/{session_id}/file", tab="", width="bare")
    async def file_page(view: Frame, session: SessionView) -> None:
        path = view.query.get("path") or ""
        try:
            found = await run.io_bound(repository_files.read_file, rt, session.id, path)
        except MaestroError as error:
            error_state("This file could not be shown", error.detail, symbol="search", tone="pending")
            return
        if found is not None:
            line = view.query.get("line") or ""
            _show(found, int(line) if line.isdecimal() else 0)


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


def _show(file: FileView, line: int) -> None:
    with box("f-page"):
        with box("m-row f-head"):
            tag("h1", file.path, "m-head m-mono m-wrap")
            copy_button(file.path, "Copy the path")
            text(f"as of {file.commit[:7]}", "m-meta m-mono")
        if file.text is None:
            notice("This is not a text file; its contents cannot be shown here.", "pending")
            return
        if file.cut:
            notice("Only the beginning of this long file is shown. Open it in your editor for the rest.", "pending")
        lines = highlighted(file.text, path=file.path).removesuffix("\n").split("\n")
        rows = "".join(
            f'<span class="f-line{" f-line--here" if n == line else ""}" id="L{n}">{words or " "}</span>'
            for n, words in enumerate(lines, 1)
        )
        html = f'<pre class="f-code" tabindex="0" dir="ltr" aria-label="Contents of the file">{rows}</pre>'
        ui.html(html, sanitize=False)
        if 0 < line <= len(lines):
            ui.run_javascript(f"document.getElementById('L{line}')?.scrollIntoView({{block: 'center'}})")
