"""The diff's view: a file tree, and the files below each other; lines are rendered when their file comes into sight."""

from __future__ import annotations

from nicegui import run
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from pages.changes.diff_files import FileDiff


class DiffPane(Element, component="diff_view.js"):
    """Tree and diff of these files; what is made inside stands above the files."""

    def __init__(self, files: list[FileDiff]) -> None:
        super().__init__()
        self._files = files
        self.props.set_optional("given", [f.as_row(n) for n, f in enumerate(files)])
        self.on("need", self._need)

    def show(self, files: list[FileDiff]) -> None:
        """Show other files."""
        self._files = files
        rows = [f.as_row(n) for n, f in enumerate(files)]
        with self._props.suspend_updates():
            self._props["given"] = rows
        self.run_method("reset", rows)

    async def _need(self, event: GenericEventArguments) -> None:
        number, files = int(event.args), self._files
        if not 0 <= number < len(files):
            return
        html = await run.io_bound(_render, files[number])
        if html is not None and files is self._files:
            self.run_method("fill", number, html)


def _render(file: FileDiff) -> str:
    # Pygments is loaded when the first diff is looked at, not at the start.
    from pages.changes.diff_html import render

    return render(file)
