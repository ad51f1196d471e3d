"""One message: the user's words, the assistant's as they stream, or Maestro's own."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from maestro.assistants.failures import DECLINED
from maestro.core.views import MessageView
from pages.brainstorm.own_words import OwnWords
from pages.brainstorm.question import Choose, QuestionBox
from pages.brainstorm.used import used
from pages.components.buttons import button, icon_button
from pages.components.code import copy_button
from pages.components.icon import icon
from pages.components.inline import inline
from pages.components.markdown import FileLink, prose, to_html
from pages.components.tag import Tag, box, tag, text
from pages.components.when import since, when

#: Opens a code fence, in a list as well; what follows backticks on the line has none of its own.
_FENCE = re.compile(r"^[ \t]*(?:[-*+] +|\d+[.)] +|> ?)*(`{3,}(?=[^`]*$)|~{3,})")
_TOOL_ICONS = {
    "read_file": "file-text",
    "list_files": "folder",
    "search_files": "search",
    "update_idea_card": "pencil",
    "ask_question": "circle-help",
}
_BROKEN = {"interrupted": "This reply was cut off.", "failed": "No reply."}


@dataclass(frozen=True)
class Acts:
    """What can be done with messages."""

    ask_again: Callable[[], Awaitable[None]]  # for the reply that broke off
    say_again: Callable[[], Awaitable[None]]  # the user's last message once more, on a branch of its own
    answer: Choose
    edit: Callable[[str, str], Awaitable[bool]]  # a message's id and its new words
    show: Callable[[str], Awaitable[None]]  # the branch that a message is on
    free: bool  # nothing costs anything: the demo


def split_finished(words: str) -> tuple[str, str]:
    """The finished blocks of a text that still grows, and the rest: cut at the last blank line outside of a code fence."""
    cut = at = 0
    fence = ""
    for line in words.splitlines(keepends=True):
        at += len(line)
        mark = _FENCE.match(line.rstrip("\n"))
        if fence:
            fence = "" if closes(line, fence) else fence
        elif mark:
            fence = mark[1]
        elif not fence and not line.strip():
            cut = at
    return words[:cut], words[cut:]


def closes(line: str, fence: str) -> bool:
    """Whether a line ends the code that ``fence`` opened: the same mark, as long or longer, and nothing else."""
    words = line.strip(" \t\r\n>")
    return len(words) >= len(fence) and set(words) == {fence[0]}


class MessageItem:
    """A message in the transcript; ``show`` brings it up to date in place."""

    def __init__(self, message: MessageView, *, assistant: str, acts: Acts, link: FileLink | None) -> None:
        self.message = message
        self._acts = acts
        role = {"user": "user", "ai": "ai"}.get(message.role, "system")
        with tag(
            "article", "", f"b-msg b-msg--{role}", data_message=message.id, data_status=message.status
        ) as self.root:
            if role == "system":
                icon("info")
                with box("m-stack m-gap-2 m-grow"):
                    inline(message.content, "m-pre", name="div")
                    when(message.created_at, "m-meta")
            else:
                with box("b-msg__head"):
                    text("You" if role == "user" else assistant, "b-msg__who")
                    when(message.created_at, "m-meta m-num")
                    self._tools = box("b-msg__tools")
                if role == "user":
                    self._said = OwnWords(message, self._tools, acts.edit, acts.show)
                else:
                    self._reply = _Reply(message, link)
                    self._question = QuestionBox(message.id, acts.answer)
                    self._end = box("b-msg__end m-hidden")
        self._last = False
        if role == "ai":
            self._show_question()
            self._show_end()
            self._show_tools()

    @property
    def streaming(self) -> bool:
        """Whether more of it is to come."""
        return self.message.status == "streaming"

    def show(self, message: MessageView) -> None:
        """Show what has become of it."""
        before, self.message = self.message, message
        if message.role == "user":
            self._said.show(message)
        if message.role != "ai":
            return
        self._reply.show(message)
        self._show_question()
        if message.status != before.status:
            self.root.attr(data_status=message.status)
            self._show_end()
            self._show_tools()

    def set_last(self, last: bool) -> None:
        """Whether it is what was said last, and may therefore be asked for again."""
        if last != self._last:
            self._last = last
            if self.message.role == "ai":
                self._show_question()
                self._show_end()
                self._show_tools()

    def set_editable(self, editable: bool) -> None:
        """Whether the user may say it anew, when it is theirs."""
        if self.message.role == "user":
            self._said.set_editable(editable)

    def _show_tools(self) -> None:
        """What is done with a whole reply, and what it took."""
        self._tools.clear()
        if self.streaming:
            return
        with self._tools:
            if self.message.content.strip():
                copy_button(self.message.content, "Copy this message")
            if self._last and self.message.status == "complete":
                icon_button("refresh-cw", "Another answer", self._acts.say_again, small=True)
            if self.message.usage:
                words = used(self.message.usage, free=self._acts.free)
                tag("span", "", "b-msg__used", title=words, aria_label=words, role="img", tabindex="0")

    @property
    def asks(self) -> bool:
        """Whether it asks something that nobody has answered yet."""
        return bool(self.message.question and not self.message.question.get("answer"))

    def _show_question(self) -> None:
        self._question.show(None if self.streaming else self.message.question, can_answer=self._last)

    def _show_end(self) -> None:
        declined = self.message.error == DECLINED
        broken = "The assistant declined." if declined else _BROKEN.get(self.message.status)
        self._end.clear()
        self._end.classes(remove="m-hidden") if broken else self._end.classes("m-hidden")
        if not broken:
            return
        with self._end:
            icon("circle-alert")
            with box("m-stack m-gap-2 m-grow"):
                text(broken, "m-strong")
                if self.message.error:
                    inline(self.message.error)
            if self._last and not declined:  # the same words would be declined again
                button("Ask again", self._acts.ask_again, icon="refresh-cw", small=True)


class _Reply:
    """The assistant's words: what it looked at, finished blocks as markdown, the growing rest in a part of its own."""

    def __init__(self, message: MessageView, link: FileLink | None) -> None:
        self._link = link
        self._done_words = ""
        self._tools = _ToolLine()
        self._done = prose("")
        self._tail = prose("", "b-tail")
        self._tail_words = ""
        with box("b-busy m-hidden", role="status") as self._busy:
            text("", "b-busy__dot")
            self._doing = text("Thinking…")
            since(message.created_at, "m-meta m-num")
        self.show(message)

    def show(self, message: MessageView) -> None:
        streaming = message.status == "streaming"
        done, tail = split_finished(message.content) if streaming else (message.content, "")
        if done != self._done_words:
            self._done_words = done
            self._done.set_content(to_html(done, link=self._link))
        self._show_tail(tail)
        self._tools.show(message.tool_uses)
        self._done.set_visibility(bool(done.strip()))
        if streaming:
            self._doing.set_text("Writing…" if message.content.strip() else "Thinking…")
            self._busy.classes(remove="m-hidden")
        else:
            self._busy.classes("m-hidden")

    def _show_tail(self, tail: str) -> None:
        if tail != self._tail_words:
            self._tail_words = tail
            self._tail.set_content(to_html(tail, link=self._link))
        self._tail.set_visibility(bool(tail.strip()))


class _ToolLine:
    """What the assistant did besides talking, folded into one line."""

    def __init__(self) -> None:
        self._shown: list[dict[str, str]] = []
        self._box = box("m-hidden")

    def show(self, uses: list[dict[str, str]]) -> None:
        if uses == self._shown:
            return
        self._shown = uses
        self._box.classes(remove="m-hidden")
        self._box.clear()
        with self._box:
            if len(uses) == 1:
                with box("b-tools__line"):
                    _use(uses[0])
                return
            with tag("details", "", "b-tools"):
                with tag("summary", "", "b-tools__line"):
                    _use(uses[-1])
                    text(f"and {len(uses) - 1} more", "b-tools__more")
                    icon("chevron-down", "b-tools__fold")
                for use in uses[:-1]:
                    with box("b-tools__line"):
                        _use(use)


def _use(use: dict[str, str]) -> Tag:
    icon(_TOOL_ICONS.get(use.get("name", ""), "wrench"))
    return text(use.get("summary", ""), "m-cut")
