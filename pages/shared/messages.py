"""Saying something to agents at work: the field with its two ways of sending, and what became of earlier messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import ui

from maestro.core.commands import notes
from maestro.core.kernel.runtime import Runtime
from maestro.core.views import NoteView, TaskView
from maestro.errors import InvalidInput
from pages.components.action import FAILED, perform
from pages.components.buttons import button
from pages.components.drafts import forget, kept
from pages.components.fields import show_error
from pages.components.tag import box, tag, text
from pages.components.when import when

_REACHED = frozenset({"pending", "running", "waiting", "checking", "integrating"})
_STATUS = {"waiting": "waiting for its next turn", "sent": "sent, not read yet", "missed": "the task ended first"}


def can_be_told(task: TaskView, session: str) -> bool:
    """Whether there is, or will be, an agent for what is said to this task; one that cannot hear says so itself."""
    return session in {"executing", "paused"} and task.status in _REACHED


class MessageField:
    """A field for words to one agent, or to all at work. ``target`` gives a task's id when it is sent; None: all."""

    def __init__(self, rt: Runtime, session_id: str, target: Callable[[], str | None], *, draft: str) -> None:
        self._rt, self._id, self._target, self._draft = rt, session_id, target, draft
        self._client = ui.context.client
        with box("m-row m-row--wrap m-gap-8 say") as self.place:
            self.field = ui.textarea(placeholder="Message to the agent").props("autogrow rows=1 dense")
            self.field.classes("m-grow say__field")
            self.name("Message to the agent")
            kept(self.field, draft)
            self.field.on_value_change(lambda: show_error(self.field, None))
            self.field.on("keydown.enter.ctrl", self._at_next_turn).on("keydown.enter.meta", self._at_next_turn)
            self._send = button("Send", self._at_next_turn, kind="soft", small=True)
            self._send.props.set_optional("title", "The agent reads it at its next turn (Ctrl+Enter).")
            self._now = button("Interrupt and send", self._at_once, small=True)
            self._now.props.set_optional("title", "Stops what the agent is doing, so that it reads this now.")

    def name(self, words: str) -> None:
        """Say in the field whom it speaks to."""
        self.field.props.set_optional("placeholder", words)
        self.field.props.set_optional("aria-label", words)

    async def _at_next_turn(self) -> None:
        await self._say(self._send, interrupt=False)

    async def _at_once(self) -> None:
        await self._say(self._now, interrupt=True)

    async def _say(self, by: ui.button, *, interrupt: bool) -> None:
        words = str(self.field.value or "")
        if not words.strip():
            show_error(self.field, "Enter a message first.")
            return

        def invalid(error: InvalidInput) -> bool:
            show_error(self.field, f"The message {error.fields.get('text')}.")
            return "text" in error.fields

        def done(sent: list[NoteView]) -> str:
            keys = ", ".join(note.task_key for note in sent)
            return f"{'Interrupting' if interrupt else 'Sent to'} {keys}. The log shows when it is read."

        task = self._target()
        sent = await perform(
            notes.send_note,
            self._rt,
            self._id,
            words,
            task=task,
            interrupt=interrupt,
            by=by,
            done=done,
            invalid=invalid,
        )
        if sent is not FAILED and not self.field.is_deleted:
            self.field.set_value("")
            forget(self._draft, client=self._client, words=words)


def message_list(sent: Sequence[NoteView]) -> None:
    """Messages to one agent, with the time at which it took each up."""
    with tag("ul", "", "say__list"):
        for note in sent:
            with tag("li", "", "m-stack m-gap-0"):
                tag("div", note.text, "m-pre m-wrap", dir="auto")
                with box("m-row m-row--wrap m-meta"):
                    when(note.created_at)
                    if note.taken_at:
                        text("read")
                        when(note.taken_at)
                    else:
                        text(_STATUS.get(note.status, ""))
