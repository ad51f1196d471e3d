"""A file of the repository on a page of its own."""

from __future__ import annotations

from nicegui import run, ui

from maestro.core.kernel.runtime import Runtime
from maestro.core.queries import repository_files
from maestro.core.queries.repository_files import FileView
from maestro.core.views import SessionView
from maestro.errors import MaestroError
from pages.components.code import copy_button
from pages.components.markdown import highlighted
from pages.components.placeholders import error_state, notice
from pages.components.tag import box, tag, text
from pages.frame.view import Frame
from pages.routing import session_page


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
