"""The review: comments that wait beside the diff, what else is to change, and sending it all as one task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import run, ui

from maestro.core.commands import reviews
from maestro.core.commands.reviews import NewComment
from maestro.core.kernel.runtime import Runtime
from maestro.core.queries import reviews as found
from maestro.core.views import CheckRunView, SessionView
from maestro.core.views.after import CommentView
from maestro.errors import MaestroError
from pages.changes.diff_files import FileDiff
from pages.components.action import FAILED, perform
from pages.components.buttons import button, icon_button
from pages.components.dialogs import answer, dialog
from pages.components.drafts import forget, kept
from pages.components.fields import field
from pages.components.inline import plain
from pages.components.tag import box, tag, text
from pages.components.words import plural
from pages.frame.view import Frame

_WHOLE = ""
_MOST_CHECKS = 50


class Review:
    """The panel, and the dialogs in which comments are written."""

    def __init__(self, view: Frame, session: SessionView, show: Callable[[Sequence[CommentView]], None]) -> None:
        """``show``: shows comments in the diff."""
        self._view = view
        self._rt: Runtime = view.rt
        self._session = session
        self._show = show
        self._comments: list[CommentView] = []
        self._shown: object = None
        self._checks: list[CheckRunView] = []
        # Only the list is made anew when something changes: what is typed or about to be clicked stays.
        with tag("section", "", "rv", aria_label="Review") as self._panel:
            with box("m-row"):
                tag("h2", "Review", "m-head chg__title")
                icon_button("plus", "Add a comment", self._on_the_whole, small=True).classes("m-push")
            self._list = box("rv__list")
            self._form = box("rv__form")
            with self._form:
                self._send_form()
        self._dialogs = box()

    async def refresh(self, session: SessionView, checks: list[CheckRunView]) -> None:
        """Show the comments as they are now; nothing happens when nothing changed."""
        self._checks = checks
        try:
            comments = await run.io_bound(found.list_comments, self._rt, session.id)
        except MaestroError:
            return
        now = (session.status, session.merged, session.session_commit is None, comments)
        if comments is None or now == self._shown or self._panel.is_deleted:
            return
        self._shown, self._session, self._comments = now, session, comments
        open_to_words = session.session_commit is not None and session.status != "cancelled"
        self._panel.set_visibility(open_to_words)
        self._form.set_visibility(session.status == "completed" and not session.merged)
        count = len(self.waiting)
        self._word.set_text(f"Send {plural(count, 'comment')}" if count else "Continue")
        self._list.clear()
        with self._list:
            self._fill()
        self._show(self.waiting)

    @property
    def waiting(self) -> list[CommentView]:
        """Comments that were not sent yet."""
        return [c for c in self._comments if c.sent_at is None]

    def _fill(self) -> None:
        session = self._session
        for comment in self.waiting:
            self._row(comment)
        if not self.waiting:
            tag("p", "Click a line number to comment on that line.", "m-meta")
            if session.demo and session.status == "completed" and not self._comments:
                words = "Try it: in expenses/csv_export.py, ask at the for loop to sort the rows by day, then send it."
                tag("p", words, "m-meta")
        if sent := [c for c in self._comments if c.sent_at]:
            tag("p", f"{plural(len(sent), 'comment')} sent earlier", "m-meta")
        if self.waiting and session.merged:
            tag("p", "Merged already. A follow-up session takes these comments along.", "m-meta")
        elif self.waiting and session.status != "completed":
            tag("p", "The comments can be sent when the session is completed.", "m-meta")

    def _row(self, comment: CommentView) -> None:
        with box("rv__one", data_comment=comment.id):
            with box("m-row"):
                text(plain(_place(comment)), "m-mono rv__place m-cut", title=_place(comment))
                with box("m-row m-gap-0 m-push"):
                    icon_button("pencil", "Edit this comment", lambda: self._edit(comment), small=True)
                    icon_button("trash-2", "Delete this comment", lambda: self._delete(comment), small=True)
            tag("div", plain(comment.body), "rv__words", dir="auto")

    def _send_form(self) -> None:
        words = ui.textarea(placeholder="What should change?").props("autogrow rows=2 outlined dense")
        words.props.set_optional("aria-label", "What should change")
        kept(words, f"follow-up-{self._session.id}")

        async def send() -> None:
            done = await perform(
                reviews.follow_up, self._rt, self._session.id, words.value, by=act, done="Sent. An agent works on it."
            )
            if done is not FAILED:
                words.set_value("")
                forget(f"follow-up-{self._session.id}", client=self._view.content.client)
                await self._view.reload_session()

        act = button("", send, icon="send", kind="soft")
        with act:
            self._word = text("Continue", "m-btn__word")

    async def on_line(self, file: FileDiff, line: int | None, side: str) -> None:
        """The user wants to comment on a file, or on a line of it."""
        if side == "old" or file.status == "deleted":
            path, side = file.old_path or file.path, "old"
        else:
            path = file.path
        await self._write(f"Comment on {path}", path=path, line=line, side=side)

    async def _on_the_whole(self) -> None:
        await self._write("Add a comment")

    async def _write(self, title: str, *, path: str | None = None, line: int | None = None, side: str = "new") -> None:
        name = f"comment-{self._session.id}/{path or ''}:{line or ''}{side}"
        with self._dialogs, dialog(title) as (panel, body):
            with body:
                about, number = None, None
                if path is None:
                    about = self._about()
                else:
                    with field("Line", help="Empty: the whole file.", optional=True):
                        number = ui.number(value=line, min=1, precision=0).props("outlined dense")
                words = _words_field("", name)
            _foot(panel, "Add comment", words)
        if await answer(panel):
            new = {"body": words.value, "path": path, "side": side}
            if number is not None and number.value:
                new["line"] = int(number.value)
            if about is not None and about.value != _WHOLE:
                new["check_run"] = about.value
            await self._store(new, name)

    def _about(self) -> ui.select:
        newest = {c.command: c for c in sorted(self._checks, key=lambda c: c.created_at)}
        options = {_WHOLE: "All changes"} | {
            c.id: f"Check: {c.command[:80]}" for c in list(newest.values())[-_MOST_CHECKS:]
        }
        with field("About"):
            return ui.select(options, value=_WHOLE).props("outlined dense")

    async def _store(self, new: dict[str, object], name: str) -> None:
        def add() -> CommentView:
            return reviews.add_comment(self._rt, self._session.id, NewComment.model_validate(new))

        if await perform(add) is not FAILED:
            forget(name, client=self._view.content.client)
            await self.refresh(self._session, self._checks)

    async def _edit(self, comment: CommentView) -> None:
        name = f"comment-edit-{comment.id}"
        with self._dialogs, dialog("Edit the comment") as (panel, body):
            with body:
                words = _words_field(comment.body, name)
            _foot(panel, "Save", words)
        if await answer(panel):
            done = await perform(reviews.edit_comment, self._rt, self._session.id, comment.id, str(words.value).strip())
            if done is not FAILED:
                forget(name, client=self._view.content.client)
                await self.refresh(self._session, self._checks)

    async def _delete(self, comment: CommentView) -> None:
        def delete() -> bool:
            reviews.delete_comment(self._rt, self._session.id, comment.id)
            return True

        if await perform(delete) is not FAILED:
            await self.refresh(self._session, self._checks)


def _words_field(value: str, name: str) -> ui.textarea:
    with field("Comment"):
        words = ui.textarea(value=value).props("autogrow rows=3 outlined dense autofocus maxlength=10000")
    return kept(words, name, over=bool(value))


def _foot(panel: ui.dialog, act: str, words: ui.textarea) -> None:
    def submit() -> None:
        if str(words.value or "").strip():
            panel.submit(True)

    with box("m-dialog__foot"):
        button("Cancel", lambda: panel.submit(False))
        button(act, submit, kind="primary")


def _place(comment: CommentView) -> str:
    if comment.path:
        return f"{comment.path}:{comment.line}" if comment.line else comment.path
    return comment.check or "All changes"
