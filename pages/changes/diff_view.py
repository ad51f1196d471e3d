"""The diff's view: a file tree, and the files below each other; lines are rendered when their file comes into sight."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui import run
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from maestro.core.views.after import CommentView
from pages.changes.diff_files import FileDiff


class DiffPane(Element, component="diff_view.js"):
    """Tree and diff of these files; what is made inside stands above the files."""

    def __init__(
        self,
        files: list[FileDiff],
        comments: Sequence[CommentView] = (),
        on_comment: Callable[[FileDiff, int | None, str], Awaitable[None]] | None = None,
    ) -> None:
        """``on_comment``: the user wants to comment on a file, or a line of it (with the side of the diff)."""
        super().__init__()
        self._files = files
        self._on_comment = on_comment
        self.props.set_optional("given", [f.as_row(n) for n, f in enumerate(files)])
        self.props.set_optional("said", _rows(comments))
        self.on("need", self._need)
        self.on("say", self._say)

    def show(self, files: list[FileDiff]) -> None:
        """Show other files."""
        self._files = files
        rows = [f.as_row(n) for n, f in enumerate(files)]
        with self._props.suspend_updates():
            self._props["given"] = rows
        self.run_method("reset", rows)

    def show_comments(self, comments: Sequence[CommentView]) -> None:
        """Show these comments below their lines."""
        with self._props.suspend_updates():
            self._props["said"] = _rows(comments)
        self.run_method("show_comments", _rows(comments))

    async def _say(self, event: GenericEventArguments) -> None:
        number, line, side = int(event.args["file"]), event.args["line"], str(event.args["side"])
        if self._on_comment is not None and 0 <= number < len(self._files):
            await self._on_comment(self._files[number], int(line) if line else None, side)

    async def _need(self, event: GenericEventArguments) -> None:
        number, files = int(event.args), self._files
        if not 0 <= number < len(files):
            return
        html = await run.io_bound(_render, files[number])
        if html is not None and files is self._files:
            self.run_method("fill", number, html)


def _rows(comments: Sequence[CommentView]) -> list[dict[str, object]]:
    return [{"path": c.path, "line": c.line, "side": c.side, "body": c.body} for c in comments if c.line]


def _render(file: FileDiff) -> str:
    # Pygments is loaded when the first diff is looked at, not at the start.
    from pages.changes.diff_html import render

    return render(file)
